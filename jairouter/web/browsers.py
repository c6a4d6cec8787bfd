"""Which requests a web page could have made a browser send, without anybody having asked for it.

A browser sends for any page of anybody what a form could send: a POST with a body of no type, or of one of
the types that forms have, and lets only the answer not be read ("simple requests"; Fetch standard, section
"CORS-safelisted request-header"). For everything else it asks first. And a page whose name its owner has made
to mean this machine is a page of this machine to a browser, which then asks nothing (DNS rebinding).

Where callers have to say who they are, neither is of use: a browser knows no key. With security off, whoever
has a gateway on their own machine would let every page that they look at use their models. So there a route
of models refuses

* a request from a page of another origin that is not allowed to call (`security.validation.cors`), if it is
  one that a browser sends unasked;
* one from this machine by a page of the gateway's own origin, if that is neither ``localhost`` nor an IP
  address, unless a proxy passed it on.

Programs send no Origin. Those that do, since there is a browser inside them, say ``application/json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.codec.ip_address import parse_ip
from jairouter.errors import PermissionDenied

if TYPE_CHECKING:
    from jairouter.web.cors import Cors

PASSED_ON: Final = (
    b"x-forwarded-for",
    b"forwarded",
    b"x-real-ip",
    b"via",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-server",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"x-original-forwarded-for",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"cdn-loop",
)
"""Headers that proxies, load balancers and tunnels add."""

_AUTHORITY: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[^:@/\[\]\s]+?)\.?(?::([0-9]{1,5}))?")
_DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}
_UNASKED: Final = {b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"}
"""Types of bodies that a browser sends unasked."""
_NAMING: Final = "; security.validation.cors.allowed-origins names those that may"


class Page(NamedTuple):
    """The page that a browser sends a request for.

    Attributes:
        same: Whether it is of the origin that it asks.
        host: Of it, if it is.
    """

    same: bool
    host: bytes = b""


def page_of(fields: Mapping[bytes, bytes]) -> Page | None:
    """The page that a request comes from; None if there is none, as far as one can see.

    Args:
        fields: The request's headers by name in lower case.
    """
    if fields.get(b"sec-fetch-site", b"").strip().lower() == b"cross-site":
        return Page(same=False)
    origin = fields.get(b"origin")
    if origin is None:
        return None
    scheme, _, authority = origin.strip().lower().partition(b"://")
    default = _DEFAULT_PORTS.get(scheme)
    asker, asked = split(authority), split(fields.get(b"host", b""))
    same = asker[0] == asked[0] and (asker[1] or default) == (asked[1] or default)
    if default is None or not asker[0] or not same:
        return Page(same=False)
    return Page(same=True, host=asker[0])


def check_use(fields: Mapping[bytes, bytes], cors: Cors | None, address: str, *, proxied: bool) -> None:
    """Check a request to a route of models with security off; see the module.

    Args:
        fields: The request's headers by name in lower case.
        cors: Which pages of other origins may call.
        address: The client's.
        proxied: Whether it came over a connection that a proxy has opened, and said so.

    Raises:
        PermissionDenied: A page sent it that may not.
    """
    page = page_of(fields)
    if page is None or (cors is not None and cors.allows(fields.get(b"origin", b""))):
        return
    if page.same:
        if is_certain(page.host) or proxied or passed_on_by(fields) is not None:
            return
        here = parse_ip(address)
        if here is not None and here.is_loopback:
            told = "from this machine web pages may call under an IP address or as localhost"
            raise PermissionDenied(told + _NAMING)
    elif b"authorization" not in fields:  # which a browser sends for no page unasked
        kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind in _UNASKED:
            raise PermissionDenied("web pages of this origin may not call" + _NAMING)


def passed_on_by(fields: Mapping[bytes, bytes]) -> str | None:
    """The name of a header that a proxy has added; None without one."""
    return next((name.decode("ascii") for name in PASSED_ON if name in fields), None)


def is_certain(host: bytes) -> bool:
    """Whether it means the same to everybody; whoever owns a name may have it mean any address."""
    return host == b"localhost" or parse_ip(host.decode("latin-1").strip("[]")) is not None


def split(authority: bytes) -> tuple[bytes, bytes | None]:
    """Host and port; an empty host for what is no authority."""
    found = _AUTHORITY.fullmatch(authority.strip().lower())
    return (b"", None) if found is None else (found[1], found[2])
