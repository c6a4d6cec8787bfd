"""How the origins of web pages are written: exactly, or as patterns, and compared as browsers do.

An origin is a scheme, a host and a port, and nothing else (RFC 6454; the URL standard, section "Origin"). Two
are the same if all three are, so an origin is never searched in a text, nor a text in an origin: every
comparison is of a whole, in one spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Annotated, Any, Final, NamedTuple

from jairouter.config.addresses import HOST_NAME
from jairouter.config.forms import Form, Unfit

ANY: Final = "*"
"""Stands for every origin there is."""
NULL: Final = "null"
"""What browsers write for a page that has no origin: sandboxed, or from a file. Anybody can make such a
page."""

_LONGEST: Final = 400
_SCHEME: Final = r"(?P<scheme>[a-z][a-z0-9+.\-]{0,31})"
_ORIGIN: Final = re.compile(
    _SCHEME + r"://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.\-]{1,254})(?::(?P<port>[0-9]{1,5}))?"
)
_PATTERN: Final = re.compile(
    _SCHEME
    + r"://(?P<host>[a-z0-9_.*\-]{1,254})(?::(?P<port>\*|[0-9]{1,5}|\[(?:\*|[0-9]{1,5}(?:,[0-9]{1,5})*)\]))?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_WITHIN_A_LABEL: Final = "[a-z0-9_-]+"


class OriginParts(NamedTuple):
    """An origin taken apart.

    Attributes:
        scheme: In lower case.
        host: In lower case; IPv6 in brackets, in its shortest form.
        port: None where it is the scheme's own.
    """

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        """As browsers write it."""
        return f"{self.scheme}://{self.host}" + ("" if self.port is None else f":{self.port}")


def take_apart(text: str) -> OriginParts | None:
    """The origin that a text is; None if it is none, as ``null`` and ``*`` are not."""
    found = _ORIGIN.fullmatch(text.lower()) if text.isascii() and len(text) <= _LONGEST else None
    if found is None:
        return None
    host, scheme, port = found["host"], found["scheme"], found["port"]
    if host.startswith("["):
        try:
            host = f"[{IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    elif not HOST_NAME.fullmatch(host):
        return None
    number = None if port is None else int(port)
    if number is not None and not 1 <= number <= 65535:
        return None
    return OriginParts(scheme, host, None if number == _DEFAULT_PORTS.get(scheme) else number)


@dataclass(frozen=True)
class Origin(Form):
    """An origin, `null`, or `*` for any."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "an origin without a path, such as https://admin.example.com or http://localhost:3000, or *"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "an origin"

    def parse(self, value: object) -> object:
        """See `Form.parse`; a single slash at the end is dropped."""
        if not isinstance(value, str):
            raise Unfit
        if value in {ANY, NULL}:
            return value
        parts = take_apart(value.removesuffix("/"))
        if parts is None:
            raise Unfit
        return str(parts)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["https://admin.example.com"]}


@dataclass(frozen=True)
class OriginPattern(Form):
    """An origin in which `*` stands for a part of one label of the host's name, or for any port.

    The last label has to be written out: whoever may choose it can register a name that fits.
    """

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return (
            "an origin in which * stands for (a part of) one label of the host's name but the last, "
            "or for any port, such as https://*.example.com or http://localhost:*"
        )

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "an origin with `*` in it"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str) or not value.isascii():  # whose lower case may be of ASCII
            raise Unfit
        written = value.removesuffix("/").lower()
        compiled(written)
        return written

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["https://*.example.com"]}


def compiled(pattern: str) -> re.Pattern[str]:
    """What matches the origins of a pattern, written as `take_apart` does.

    A port may also be written as Spring does: `[8080,8081]` or `[*]`.

    Raises:
        Unfit: It is none.
    """
    found = _PATTERN.fullmatch(pattern) if len(pattern) <= _LONGEST else None
    if found is None or "**" in found["host"] or not HOST_NAME.fullmatch(found["host"].replace("*", "x")):
        raise Unfit
    *_, last = found["host"].rstrip(".").split(".")
    if "*" in last:
        raise Unfit
    host = re.escape(found["host"]).replace(r"\*", _WITHIN_A_LABEL)
    return re.compile(re.escape(f"{found['scheme']}://") + host + _ports(found["scheme"], found["port"]))


def _ports(scheme: str, written: str | None) -> str:
    if written is None:
        return ""
    ports = written.strip("[]").split(",")
    if ports == ["*"]:
        return "(?::[0-9]+)?"
    numbers = [int(each) for each in ports]
    if not all(1 <= each <= 65535 for each in numbers):
        raise Unfit
    own = _DEFAULT_PORTS.get(scheme)
    return "(?:" + "|".join("" if each == own else f":{each}" for each in numbers) + ")"


AllowedOrigin = Annotated[str, Origin()]
AllowedOriginPattern = Annotated[str, OriginPattern()]
