"""What is served, and the limits of every connection that serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.web.http import datetimeToString
from twisted.web.server import Site

from jairouter.web.channel import Channel
from jairouter.web.openai import Operation
from jairouter.web.proxied_channel import ProxiedChannel, ProxyGate
from jairouter.web.request import GatewayRequest
from jairouter.web.request_parser import HeadLimits
from jairouter.web.room import Room
from jairouter.web.secure import SecureTransport

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IReactorTime
    from twisted.web.resource import IResource

    from jairouter.errors import GatewayError
    from jairouter.timers import TimerWheel
    from jairouter.web.client_address import TrustedProxies
    from jairouter.web.cors import Cors
    from jairouter.web.handshakes import Handshakes
    from jairouter.web.request_ids import RequestIds
    from jairouter.web.security_headers import SecurityHeaders


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a client may send, and how slowly.

    Attributes:
        max_connections: Open at once; for one more, one that is idle is closed, or it is refused.
        head: How large a head may be.
        max_held_body: Bytes of a body that is held in memory.
        send_timeout: Seconds in which a client must read some of the answer with which its connection ends.
        header_timeout: Seconds in which a head must arrive.
        body_timeout: Seconds without a byte of a body that is due.
        keep_alive_timeout: Seconds between requests.
        max_requests: Of one connection; the answer to the last one says that it is. 0 for no limit.
    """

    max_connections: int = 8192
    head: HeadLimits = field(default_factory=HeadLimits)
    max_held_body: int = 10 * 1024 * 1024
    send_timeout: float = 60.0
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive_timeout: float = 75.0
    max_requests: int = 0


class GatewaySite(Site):
    """twisted.web's Site over our channel.

    Args:
        resource: The root of the tree.
        wheel: For the connections' timeouts.
        clock: The reactor, or a fake clock.
        limits: Of each connection.
        ids: Of requests.
        on_answered: Told method, path, status and seconds of every answer that is not the pipeline's.
        proxies: Who may speak for others.
        today: Seconds since the epoch, for the Date header; by default what the wheel says.
        handshakes: Begins those of TLS; None to speak none.

    Attributes:
        handshakes: As given.
        operations: The routes of the data plane by their whole path, which need no walk through the tree.
        channels: The open connections.
        draining: Whether each connection closes after the answer under way.
        cors: Which pages of other origins may call; None where that is not configured. Replaced, as the next
            one, when other settings come into force.
        security_headers: What answers that are not a model's tell browsers to keep to; None for nothing.
    """

    requestFactory: type[GatewayRequest] = GatewayRequest
    noisy = False
    cors: Cors | None = None
    security_headers: SecurityHeaders | None = None

    def __init__(
        self,
        resource: IResource,
        wheel: TimerWheel,
        clock: IReactorTime,
        limits: ConnectionLimits,
        ids: RequestIds,
        on_answered: Callable[[str, str, int, float], None],
        proxies: TrustedProxies | None = None,
        today: Callable[[], float] | None = None,
        handshakes: Handshakes | None = None,
    ) -> None:
        super().__init__(resource, GatewayRequest, reactor=clock)
        self.operations = dict(_operations(resource))
        self.wheel = wheel
        self.limits = limits
        self.ids = ids
        self._on_answered = on_answered
        self.channels: dict[Channel, None] = {}  # a set's order would be that of memory addresses
        self._room = Room(self.channels, limits.max_connections, wheel.seconds)
        self.proxies = proxies
        self.handshakes = handshakes
        self._gate: ProxyGate | None = None
        if proxies is not None and proxies.proxy_protocol:
            self._gate = ProxyGate(proxies, wheel.seconds)
        self.draining = False
        self._today = today or wheel.seconds
        self._date = (-1, b"")
        self._closed_waiters: list[Deferred[None]] = []

    def buildProtocol(  # type: ignore[override]  # a channel of our own, not Twisted's
        self, addr: IAddress | None
    ) -> Channel | SecureTransport | None:
        """See `Factory.buildProtocol`."""
        channel = self._channel(addr)
        if channel is None or self.handshakes is None:
            return channel
        return SecureTransport(channel, self.handshakes)

    def _channel(self, addr: IAddress | None) -> Channel | None:
        gate = self._gate
        if gate is None:
            return Channel(self) if self._room.for_one_more() else None
        return ProxiedChannel(self, gate) if gate.admits(addr) and self._room.for_one_more() else None

    def startFactory(self) -> None:
        """Twisted's would keep a clock for its own access log."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        """Called by Twisted when an answer is complete. What the pipeline answers, it records itself."""
        if not getattr(request, "recorded", False):
            self._on_answered(request.method_label, request.uri_label, request.code, request.age)

    def refused(self, error: GatewayError) -> None:
        """Something came that never became a request."""
        self._on_answered("UNKNOWN", "UNKNOWN", error.status, 0.0)

    def date(self) -> bytes:
        """Now, as a Date header; worked out once a second."""
        now = int(self.wheel.seconds())
        if now != self._date[0]:
            self._date = (now, datetimeToString(int(self._today())))
        return self._date[1]

    def drain(self) -> None:
        """From now on every connection closes when the answer under way is complete."""
        self.draining = True
        for channel in list(self.channels):
            channel.close_if_idle()

    def closed(self) -> Deferred[None]:
        """Fires when no connection is open."""
        waiter: Deferred[None] = Deferred()
        self._closed_waiters.append(waiter)
        self._check_closed()
        return waiter

    def abort(self) -> None:
        """Close what is still open, at once."""
        for channel in list(self.channels):
            channel.abortConnection()

    def forget(self, channel: Channel) -> None:
        """A connection is lost."""
        self.channels.pop(channel, None)
        self._check_closed()

    def _check_closed(self) -> None:
        if not self.channels:
            waiters, self._closed_waiters = self._closed_waiters, []
            for waiter in waiters:
                waiter.callback(None)


def _operations(resource: IResource, path: bytes = b"") -> Iterator[tuple[bytes, Operation]]:
    if isinstance(resource, Operation):
        yield path, resource
    for name, child in getattr(resource, "children", {}).items():
        yield from _operations(child, path + b"/" + name)
