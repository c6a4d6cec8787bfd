"""The HTTP side: twisted.web's own channel and request, with an eye on both ends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.iweb import INonQueuedRequestFactory
from zope.interface import provider

from jairouter.simulator.answer import Answer
from jairouter.simulator.body import JSON_LIMIT, RequestBody
from jairouter.simulator.delivery import Delivery
from jairouter.simulator.fault import Fault
from jairouter.simulator.multipart import FormReader, boundary_of
from jairouter.simulator.raw import is_echo
from jairouter.simulator.reading import SlowReading
from jairouter.simulator.record import Disconnect, Seen

if TYPE_CHECKING:
    from jairouter.simulator.simulator import Simulator


class SimulatorChannel(HTTPChannel):
    """One connection of a simulator.

    Attributes:
        drop_next: Close instead of reading the next request.
    """

    drop_next = False

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator
        self.number = 0

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self.simulator.connections += 1
        self.simulator.open_connections += 1
        self.number = self.simulator.connections
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self.drop_next:
            # One connection is closed once, in however many portions the request comes.
            self.drop_next = False
            self.simulator.dropped += 1
            self.loseConnection()
            return
        super().dataReceived(data)

    def abort(self) -> None:
        """Reset the connection (TCP RST)."""
        # Any transport will do, those of tests too; not all say that they are TCP's.
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """See `IProtocol`."""
        self.simulator.open_connections -= 1
        super().connectionLost(reason)


@provider(INonQueuedRequestFactory)
class SimulatorRequest(Request):
    """One request to a simulator: counted and hashed as it arrives, answered when complete."""

    channel: SimulatorChannel
    seen: Seen
    body: RequestBody
    delivery: Delivery | None = None
    slow: SlowReading | None = None
    faults: tuple[Fault, ...] = ()
    refusal: Answer | None = None
    settled = False

    def gotLength(self, length: int | None) -> None:
        """Take note of the head; called when it is complete, before the body."""
        simulator = self.channel.simulator
        self.simulator = simulator
        # twisted.web measures this file to find parameters in the body; ours goes elsewhere.
        self.content = io.BytesIO()
        # The request line stands nowhere else until the body is complete.
        method, path = self.channel._command, self.channel._path
        self.seen = Seen(
            method=method.decode("latin-1"),
            path=path.decode("latin-1"),
            headers=[
                (name, value) for name, values in self.requestHeaders.getAllRawHeaders() for value in values
            ],
            time=simulator.clock.seconds(),
            connection=self.channel.number,
        )
        content_type = self.getHeader(b"content-type") or b""
        boundary = boundary_of(content_type.decode("latin-1"))
        self.body = RequestBody(
            limit=JSON_LIMIT if boundary is None else simulator.options.body_limit,
            form=FormReader(boundary) if boundary else None,
            spooled=is_echo(self.seen.path, self.getHeader(b"x-simulate-echo")),
        )
        simulator.arriving(self)

    def handleContentChunk(self, data: bytes) -> None:
        """Take some of the body."""
        self.body.feed(data)
        self.seen.length = self.body.length
        if self.slow is not None:
            self.slow.wait()

    def process(self) -> None:
        """Answer; called when the request is complete."""
        if self.slow is not None:
            self.slow.stop()
            self.slow = None
        if self.settled:
            return
        self.simulator.arrived(self)

    def query(self) -> dict[str, str]:
        """Return the first value of each query parameter."""
        pairs = parse_qsl(self.uri.partition(b"?")[2].decode("latin-1"), keep_blank_values=True)
        return dict(reversed(pairs))

    def finish(self) -> None:
        """See `IRequest`."""
        self.settle()
        super().finish()

    def settle(self) -> None:
        """Let go of what the request held: nothing more will be done for it."""
        self.settled = True
        self.body.close()
        self.simulator.in_flight.discard(self)

    def connectionLost(self, reason: Failure) -> None:
        """Stop working for a client that has left."""
        if self.slow is not None:
            self.slow.stop()
        if hasattr(self, "seen") and not self.settled:
            self._left()
        super().connectionLost(reason)

    def _left(self) -> None:
        self.settle()
        phase = "reading-request"
        if self.delivery is not None:
            phase = self.delivery.phase
            self.delivery.stop()
        now = self.simulator.clock.seconds()
        self.simulator.disconnects.append(Disconnect(self.seen, phase, now))


class SimulatorSite(ServerFactory):
    """Makes a channel for each connection to a simulator."""

    noisy = False

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def buildProtocol(self, addr: IAddress | None) -> SimulatorChannel:
        """See `IProtocolFactory`."""
        channel = SimulatorChannel(self.simulator)
        channel.requestFactory = SimulatorRequest
        # twisted.web's own factory sets these two in the same way; its annotations do not say so.
        channel.callLater = self.simulator.clock.callLater  # type: ignore[method-assign, assignment]
        channel.timeOut = self.simulator.options.idle_timeout or None  # type: ignore[assignment]
        return channel
