"""Forms of what goes onto the wire: addresses, request paths, header names and values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from jairouter.config.forms import Form, Hidden, Text, Unfit
from jairouter.config.secret import MASK, Secret

#: RFC 9110, section 5.6.2: the characters of a header name.
TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
#: What resolvers take: RFC 1123, section 2.1, and underscores, of which Docker's networks are full.
HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_PCHAR = r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2}"
_PATH = re.compile(rf"(?:{_PCHAR})*")
_TARGET = re.compile(rf"/(?:{_PCHAR})*(?:\?(?:{_PCHAR}|\?)*)?")


def _is_host(text: str) -> bool:
    return _is_ipv6(text[1:-1]) if text.startswith("[") else bool(HOST_NAME.fullmatch(text))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _without_slash(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme.lower()}{separator}{rest.rstrip('/')}"


@dataclass(frozen=True)
class BaseUrl(Form):
    """The address of a backend: `http` or `https`, a host, perhaps a port and a path.

    Any host that can be connected to will do: `localhost`, container names with underscores, IPv6
    addresses in brackets. User names, queries and fragments are refused: credentials belong in `headers`.
    """

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return (
            "an http:// or https:// address without user name, query or fragment, "
            "such as https://api.example.com or http://localhost:11434"
        )

    def parse(self, value: object) -> object:
        """See `Form.parse`; a trailing slash is dropped."""
        if not isinstance(value, str) or not value.isascii() or len(value) > 2000:
            raise Unfit
        scheme, separator, rest = value.partition("://")
        authority, slash, path = rest.partition("/")
        found = _AUTHORITY.fullmatch(authority)
        if scheme.lower() not in {"http", "https"} or not separator or not found:
            raise Unfit
        port = int(found["port"] or 1)
        if not _is_host(found["host"]) or not 1 <= port <= 65535:
            raise Unfit
        if not _PATH.fullmatch(slash + path):
            raise Unfit
        return _without_slash(value)

    def describe_text(self, text: str) -> str:
        """See `Form.describe_text`; what stands before an `@` or after a `?` is masked."""
        text = re.sub(r"//.*@", f"//{MASK}@", text)
        return Form.describe_text(self, re.sub(r"[?#].*", f"?{MASK}", text, flags=re.DOTALL))

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["http://localhost:11434"]}


@dataclass(frozen=True)
class ServerName(Form):
    """What a certificate may be for: a host name or an IP address, the latter without brackets."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "a host name or an IP address, such as models.example.com"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str) or not (HOST_NAME.fullmatch(value) or _is_ipv6(value)):
            raise Unfit
        return value


@dataclass(frozen=True)
class RequestPath(Form):
    """A path on a backend, with or without a query; the query is masked, it may hold a key."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return 'a path that begins with "/", such as /v1/chat/completions'

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str) or len(value) > 4000 or not _TARGET.fullmatch(value):
            raise Unfit
        return value

    def show(self, value: Any) -> str | int | float | bool:
        """See `Form.show`."""
        path, mark, _ = str(value).partition("?")
        return path + mark + (MASK if mark else "")

    def describe_text(self, text: str) -> str:
        """See `Form.describe_text`."""
        return Form.describe_text(self, str(self.show(text)))

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["/v1/chat/completions"]}


@dataclass(frozen=True)
class SecretUrl(Hidden):
    """An `http` or `https` address that is a secret as a whole, because its path often is one."""

    means: str = "an http:// or https:// address"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str) or not text.isprintable():
            raise Unfit
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
            raise Unfit
        return Secret(text)


@dataclass(frozen=True)
class KeySetUrl(Form):
    """Where keys are fetched from: nobody on the way there may put others in their place."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "an https:// address (http:// for the loopback interface alone) without user name or fragment"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str) or not value.isascii() or len(value) > 2000:
            raise Unfit
        address, mark, query = value.partition("?")
        BaseUrl().parse(address)
        if mark and not _TARGET.fullmatch(f"/?{query}"):
            raise Unfit
        host = urlsplit(value).hostname or ""
        if not value.lower().startswith("https:") and not _is_loopback(host):
            raise Unfit
        return value

    def describe_text(self, text: str) -> str:
        """See `Form.describe_text`."""
        return BaseUrl().describe_text(text)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["https://login.example.com/keys"]}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


JwksUrl = Annotated[str, KeySetUrl()]
HeaderValue = Annotated[
    Secret, Hidden(r"[\x20-\x7e\t\x80-\xff]*", "a header value without line breaks or NUL")
]
HEADER_NAME: Final = Text(TOKEN.pattern, "a header name")
HeaderName = Annotated[str, HEADER_NAME]
