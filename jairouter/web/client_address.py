"""Who the client is when proxies stand in front: never what somebody says whom nobody has reason to believe.

A connection's other end is certain. If it is a trusted proxy, so is what that one says about *its* other end,
and so on, from right to left through the header, as far as the last trusted proxy's word goes. What is left
of that was written by the client, or by nobody knows whom, and is not looked at.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.codec.forwarded import HEADERS, Hops
from jairouter.codec.ip_address import parse_ip

if TYPE_CHECKING:
    from jairouter.config.settings.server import ServerSettings
    from jairouter.exchange import HeaderPairs

REMEMBERED: Final = 4096
"""Headers whose meaning is remembered."""
WORTH_REMEMBERING: Final = 128
"""Bytes of the longest of them; three addresses and their ports fit in."""

_NAME: Final = b"X-Forwarded-For"


class Tell(enum.Enum):
    """What backends are told."""

    NOTHING = "none"
    CLIENT = "client"
    """The client's address."""
    CHAIN = "chain"
    """The proxies behind it as well."""


class Client(NamedTuple):
    """Who sent a request.

    Attributes:
        address: An IP address in its shortest form, IPv4 where it is mapped into IPv6; ``-`` when the
            connection is none of IP.
        forwarded: The headers that tell the backend.
    """

    address: str
    forwarded: HeaderPairs = ()


class TrustedProxies:
    """The proxies that are believed, and what.

    Args:
        networks: Where they are.
        headers: The names of those that they set, as in `HEADERS`. The first of them that a request has is
            the one that counts, whatever it says: who made it unreadable could otherwise choose another.
        tell: What backends are told.
        proxy_protocol: Whether they begin each connection with a PROXY header.
    """

    def __init__(
        self,
        networks: Sequence[IPv4Network | IPv6Network],
        headers: Sequence[str] = ("X-Forwarded-For",),
        tell: Tell = Tell.NOTHING,
        *,
        proxy_protocol: bool = False,
    ) -> None:
        self.proxy_protocol = proxy_protocol
        self._networks = tuple(networks)
        self._headers = tuple([(name.lower().encode("ascii"), HEADERS[name]) for name in headers])
        self._tell = tell
        # Not methods of this object, which would then be in a ring with its own memory
        self._look_up = lru_cache(REMEMBERED)(_Walk(self._networks, tell))

    def trusts(self, address: str) -> bool:
        """Whether a proxy is at this address."""
        parsed = parse_ip(address)
        return parsed is not None and _is_within(self._networks, parsed)

    def sole_client(self, peer: str) -> Client | None:
        """Who sends all the requests of a connection; None if it is a proxy's, which has many clients."""
        return None if self.trusts(peer) else self.itself(peer)

    def itself(self, peer: str) -> Client:
        """The other end as the client, whatever it says in headers."""
        return Client(peer, _told(self._tell, [peer]))

    def client_behind(self, proxy: str, fields: Mapping[bytes, bytes]) -> Client:
        """Who sent a request through a trusted proxy.

        Args:
            proxy: Its address.
            fields: The request's headers by name in lower case, several of one name joined by commas.
        """
        for name, read in self._headers:
            value = fields.get(name)
            if value is not None:
                if len(value) <= WORTH_REMEMBERING:
                    return self._look_up(proxy, read, value)
                return self._look_up.__wrapped__(proxy, read, value)
        return self.itself(proxy)


class _Walk:
    """From the connection's other end to the client."""

    def __init__(self, networks: tuple[IPv4Network | IPv6Network, ...], tell: Tell) -> None:
        self._networks = networks
        self._tell = tell

    def __call__(self, proxy: str, read: Callable[[bytes], Hops], value: bytes) -> Client:
        chain = [proxy]
        for hop in read(value):
            if hop is None:
                break
            chain.append(str(hop))
            if not _is_within(self._networks, hop):
                break
        return Client(chain[-1], _told(self._tell, chain))


def peer_address(address: Any) -> str:
    """The IP address of one end of a connection, as Twisted names it."""
    text = str(getattr(address, "host", "-"))
    parsed = parse_ip(text) if ":" in text else None
    return text if parsed is None else str(parsed)


def trusted_proxies(server: ServerSettings) -> TrustedProxies | None:
    """What is configured; None if nobody is trusted and nothing told."""
    forward, tell = server.forward_headers, Tell(server.forward_headers.to_backends)
    networks = server.trusted_proxies
    if not networks and tell is Tell.NOTHING:
        return None
    return TrustedProxies(networks, forward.headers, tell, proxy_protocol=server.proxy_protocol == "required")


def _is_within(networks: tuple[IPv4Network | IPv6Network, ...], address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in networks)


def _told(tell: Tell, chain: list[str]) -> HeaderPairs:
    """The header for the backend; the chain goes from the connection's other end to the client."""
    if tell is Tell.NOTHING:
        return ()
    told = chain[::-1] if tell is Tell.CHAIN else chain[-1:]
    return ((_NAME, ", ".join(told).encode("ascii", "replace")),)
