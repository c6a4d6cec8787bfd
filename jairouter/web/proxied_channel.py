"""Connections on which a proxy speaks first, and says in a PROXY header whose connection it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger

from jairouter.codec.proxy_protocol import MalformedProxyHeader, ProxyHeaderParser
from jairouter.web.channel import Channel
from jairouter.web.client_address import TrustedProxies, peer_address

if TYPE_CHECKING:
    from jairouter.web.site import GatewaySite

NOTICE: Final = 60.0
"""Seconds between two lines in the log that say the same: who connects must not be able to fill it."""


class ProxyGate:
    """Lets in whom we let speak for others.

    Args:
        proxies: Those who may.
        seconds: The clock.
    """

    _log = Logger()

    def __init__(self, proxies: TrustedProxies, seconds: Callable[[], float]) -> None:
        self.proxies = proxies
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def admits(self, address: Any) -> bool:
        """Whether a connection from there may begin with a PROXY header."""
        peer = peer_address(address)
        if self.proxies.trusts(peer):
            return True
        self.closes(
            peer, "it is none of the trusted proxies, from which server.proxy-protocol wants a header"
        )
        return False

    def closes(self, peer: str, reason: str) -> None:
        """Log that a connection is closed."""
        now = self._seconds()
        if now - self._told.get(reason, -NOTICE) >= NOTICE:
            self._told[reason] = now
            self._log.warn("a connection from {peer} is closed: {reason}", peer=peer, reason=reason)


class ProxiedChannel(Channel):
    """A channel that waits for a PROXY header before anything else, as long as for the head of a request.

    Args:
        site: What is served.
        gate: Told of connections that it has to close.
    """

    proxied = True

    def __init__(self, site: GatewaySite, gate: ProxyGate) -> None:
        super().__init__(site)
        self._gate = gate
        self._header: ProxyHeaderParser | None = ProxyHeaderParser()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        data = self.take_header(data)
        if data:
            super().dataReceived(data)

    def take_header(self, data: bytes) -> bytes:
        """Read the header, which comes ahead of all that is the client's, TLS included.

        Returns:
            What of the bytes is not part of it, or nothing while it is not complete.
        """
        if self._header is None:
            return data
        try:
            header = self._header.feed(data)
        except MalformedProxyHeader as error:
            self._gate.closes(self.client_ip, f"its PROXY header is malformed ({error})")
            self.abortConnection()  # should more come all the same, it is malformed still
            return b""
        if header is None:
            return b""
        self._header = None
        if header.source is None:
            # Whoever is behind it may have written the request's headers
            self.client = self._gate.proxies.itself(self.client_ip)
        else:
            self.client_ip = header.source
        return header.rest
