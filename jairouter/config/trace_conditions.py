"""What `tracing.sampling.rules` may say of requests: pure.

A condition is one or more tests, with ``and`` (or ``&&``) between them; all have to hold::

    path=/v1/chat*
    service=chat and header.x-tenant=acme
    client-ip=10.1.* and path!=/v1/embeddings

``path`` is that of the route, ``service`` the kind of service in any spelling, ``client-ip`` the client's
address, ``header.NAME`` a header of the request (its first line, or several joined by commas; nothing if
there is none). ``*`` stands for any text; letters are as they are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.config.forms import Form, Unfit
from jairouter.config.naming import service_name

if TYPE_CHECKING:
    from jairouter.exchange import Request, Route

GRAMMAR: Final = (
    "tests such as path=/v1/chat*, service=chat, client-ip=10.* or header.x-tenant=acme, with `and` between"
)

_TEST: Final = re.compile(
    r"(path|service|client-ip|header\.[a-z0-9#$%&'*+.^_`|~-]+)\s*(!?=)\s*(.+)", re.DOTALL
)
_BETWEEN: Final = re.compile(r"\s+and(?:\s+|$)|\s*&&\s*")


@dataclass(frozen=True)
class ConditionText(Form):
    """A condition, as it is written."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return GRAMMAR

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str):
            raise Unfit
        conditions_of(value)
        return value


class Condition(NamedTuple):
    """One test.

    Attributes:
        what: ``path``, ``service``, ``client-ip`` or ``header.NAME`` in lower case.
        pattern: Has to fit all of it.
        wanted: Whether it has to fit, or must not.
    """

    what: str
    pattern: re.Pattern[str]
    wanted: bool

    @property
    def is_of_routes(self) -> bool:
        """Whether the route alone says if it holds."""
        return self.what in {"path", "service"}

    def holds_for(self, route: Route) -> bool:
        """Whether it holds for all requests of a route."""
        text = route.path if self.what == "path" else route.service
        return (self.pattern.fullmatch(text) is not None) is self.wanted

    def holds(self, request: Request) -> bool:
        """Whether it holds for a request, where that says it."""
        if self.what == "client-ip":
            text = request.client_ip
        else:
            text = request.fields.get(self.what[7:].encode("ascii"), b"").decode("latin-1")
        return (self.pattern.fullmatch(text) is not None) is self.wanted


@lru_cache(maxsize=100)
def conditions_of(text: str) -> tuple[Condition, ...]:
    """Read a condition.

    Raises:
        Unfit: It is none.
    """
    return tuple(_condition(each) for each in _BETWEEN.split(text.strip()))


def _condition(text: str) -> Condition:
    name, mark, rest = text.partition("=")
    found = _TEST.fullmatch(f"{name.lower()}{mark}{rest}")
    if found is None:
        raise Unfit
    what, sign, value = found.groups()
    if what == "service" and "*" not in value:
        service = service_name(value)
        if service is None:
            raise Unfit
        value = service
    return Condition(what, pattern_of(value), sign == "=")


def pattern_of(text: str) -> re.Pattern[str]:
    """What a text with stars fits: each stands for any text."""
    # fnmatch makes stars atomic, so that no text takes long; its other signs are nothing special here
    return re.compile(translate(re.sub(r"[\[?]", r"[\g<0>]", text)))
