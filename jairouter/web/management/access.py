"""Who may use the management API as long as nobody has to say who it is.

The client's address must be in one of the networks of ``management.api.allow-from``. Where only a loopback
network allows it, which is the default, being on this machine is all that speaks for a client. A proxy and a
browser on this machine are there too, and both do what others want:

A request from the loopback address is refused when it has

* X-Forwarded-For or another header of `PASSED_ON`, or came over a connection that began with a PROXY header:
  a proxy passes it on, for whomever;
* a Host that is neither ``localhost`` nor an IP address, or none: a browser took a name of somebody else's
  for this machine's (DNS rebinding).

A request from any address is refused when it has

* an Origin other than the address that it was sent to: a page of another site sent it; or one that is the
  same, but neither ``localhost`` nor an IP address: the page's name may be somebody else's (DNS rebinding);
* ``Sec-Fetch-Site: cross-site``: the same, where there is no Origin.

Pages of an origin that `security.validation.cors` names (not ``*``, nor ``null``: these are anybody's) are
let in by the second table.

Behind a trusted proxy the client's address is the one that the proxy names; if that is a loopback address,
the proxy may as well have named nobody, so nobody is let in through it by the first table. A proxy that adds
no header at all cannot be noticed: it must not pass on ``/api``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final

from jairouter.codec.ip_address import parse_ip
from jairouter.refusals import Forbidden
from jairouter.twisted_headers import pairs_of
from jairouter.web.request import GatewayRequest

if TYPE_CHECKING:
    from twisted.web.http import Request

    from jairouter.web.cors import Cors

KEY: Final = "management.api.allow-from"
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


class Access:
    """See the module's tables.

    Args:
        networks: Where clients may be.
    """

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)

    def admit(self, request: Request) -> str:
        """Let a request in.

        Returns:
            Who asks: for now, the client's address.

        Raises:
            Forbidden: It may not.
        """
        address, fields = client_of(request)
        parsed = parse_ip(address)
        granting = [each for each in self._networks if parsed is not None and parsed in each]
        if not granting:
            raise Forbidden(f"clients at {address} may not use the management API; {KEY} says who may")
        if all(each.is_loopback for each in granting):
            _check_here(fields, proxied=getattr(getattr(request, "channel", None), "proxied", False))
        cors: Cors | None = getattr(request, "cors", None)
        if cors is None or not cors.names(fields.get(b"origin", b"")):
            _check_browser(fields)
        return address


def client_of(request: Request) -> tuple[str, Mapping[bytes, bytes]]:
    """The address of who sent a request, and its headers by name in lower case."""
    if not isinstance(request, GatewayRequest):
        fields: dict[bytes, bytes] = {}
        for name, value in pairs_of(request.requestHeaders):
            known = fields.get(name.lower())
            fields[name.lower()] = value if known is None else known + b", " + value
        there: Any = request.client
        return str(getattr(there, "host", "-")), fields
    channel = request.channel
    client = channel.client
    if client is None:
        client = channel.site.proxies.client_behind(channel.client_ip, request.fields)
    return client.address, request.fields


def _check_here(fields: Mapping[bytes, bytes], *, proxied: bool) -> None:
    """Whether a request from this machine is not somebody else's."""
    passed_on = next((name.decode("ascii") for name in PASSED_ON if name in fields), None)
    if proxied or passed_on is not None:
        raise Forbidden(
            f"a proxy passed this on ({passed_on or 'PROXY header'}); where it is one of "
            f"server.forward-headers.trusted-proxies, {KEY} may name the networks of its clients"
        )
    if not _is_certain(_split(fields.get(b"host", b""))[0]):
        raise Forbidden(
            "from this machine the management API is asked as localhost or by an IP address, so that no web "
            f"page can pretend to be this gateway; other names need an address of the network in {KEY}"
        )


def _check_browser(fields: Mapping[bytes, bytes]) -> None:
    """Whether it is not a page of another site that makes a browser ask."""
    if fields.get(b"sec-fetch-site", b"").strip().lower() == b"cross-site":
        raise Forbidden("a web page of another site may not use the management API")
    origin = fields.get(b"origin")
    if origin is None:
        return
    scheme, _, authority = origin.strip().lower().partition(b"://")
    default = _DEFAULT_PORTS.get(scheme)
    asker, asked = _split(authority), _split(fields.get(b"host", b""))
    same = asker[0] == asked[0] and (asker[1] or default) == (asked[1] or default)
    if default is None or not asker[0] or not same:
        raise Forbidden("a web page of another origin may not use the management API")
    if not _is_certain(asker[0]):
        raise Forbidden("a web page may use the management API only under an IP address or as localhost")


def _is_certain(host: bytes) -> bool:
    """Whether it means the same to everybody; whoever owns a name may have it mean any address."""
    return host == b"localhost" or parse_ip(host.decode("latin-1").strip("[]")) is not None


def _split(authority: bytes) -> tuple[bytes, bytes | None]:
    """Host and port; an empty host for what is no authority."""
    found = _AUTHORITY.fullmatch(authority.strip().lower())
    return (b"", None) if found is None else (found[1], found[2])
