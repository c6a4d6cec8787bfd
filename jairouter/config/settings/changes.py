"""Settings of what those may do who change the configuration over the management API."""

from typing import Annotated

from jairouter.config.forms import Text
from jairouter.config.settings.section import Section

_Variables = Annotated[
    str,
    Text(
        r"[A-Za-z_][A-Za-z0-9_.-]*\*?|\*",
        "the name of an environment variable, or how such names begin and *, such as BACKEND_*",
    ),
]


class ChangesSettings(Section):
    """What changes may do that are made while the gateway runs. They cannot change this themselves."""

    variables: tuple[_Variables, ...] = ()
    """Environment variables that such changes may name in placeholders (`${NAME}`), `*` at the end for all
    that begin so. Whoever may change the configuration can have what they stand for sent anywhere; what is
    not named here, the files alone may name. Variables of the gateway's own security stay out of reach."""
