"""Settings of users who can log in."""

from jairouter.config.forms import Hush, Name, Switch, Words
from jairouter.config.settings.section import Section


class AccountSettings(Section):
    """One user who can log in."""

    username: Name
    """Name to log in with."""

    password: Hush
    """A bcrypt hash (`$2a$...`), or the same after `{bcrypt}`, or a clear text after `{noop}`."""

    roles: tuple[Words, ...] = ()
    """What the user may do: `ADMIN`, `USER`."""

    enabled: Switch = True
    """With false, the user cannot log in."""
