"""Faults that strike before a request is complete: slow reading, and answers that come too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from jairouter.simulator.dialect import encode, openai_error
from jairouter.simulator.fault import Fault

if TYPE_CHECKING:
    from jairouter.simulator.site import SimulatorRequest


def meet_early(clock: IReactorTime, request: SimulatorRequest) -> None:
    """Do what a request's faults do as soon as its head is complete."""
    for fault in request.faults:
        if fault.name == "slow-reading":
            request.slow = SlowReading(clock, request.channel.transport, fault)
            request.slow.wait()
        elif fault.name == "early-reset":
            request.settle()
            request.channel.abort()
        elif fault.name == "early-error":
            request.settle()
            _answer_early(request.channel.transport, fault)


def _answer_early(transport: Any, fault: Fault) -> None:
    """Send an error and end the answering side, but go on taking the body.

    Closing at once would reset the connection, and the reset could overtake the answer.
    """
    status = fault.whole_number("status", 413)
    body = encode(openai_error(f"simulated error with status {status}", status, "simulated"))
    transport.write(
        b"HTTP/1.1 %d Early\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n%b" % (status, len(body), body)
    )
    # Twisted keeps the writing side open for as long as there is a producer.
    transport.unregisterProducer()
    getattr(transport, "loseWriteConnection", transport.loseConnection)()


class SlowReading:
    """Reads a little, then waits, until the body is complete.

    While it waits the connection is not read at all, so that the sender is held up by TCP; a
    client that leaves is noticed only at the next reading.
    """

    def __init__(self, clock: IReactorTime, transport: Any, fault: Fault) -> None:
        self._clock = clock
        self._transport = transport
        self._every = fault.number("every", 0.1)
        self._timer: IDelayedCall | None = None
        if hasattr(transport, "bufferSize"):
            # How much Twisted's TCP connections take from the kernel at once.
            transport.bufferSize = max(1, fault.whole_number("bytes", 1024))

    def wait(self) -> None:
        """Stop reading for a while; called whenever something has arrived."""
        self._transport.pauseProducing()
        if self._every > 0 and self._timer is None:
            self._timer = self._clock.callLater(self._every, self._read)

    def stop(self) -> None:
        """Wait no more: the body is complete, or the client has left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.resumeProducing()

    def _read(self) -> None:
        self._timer = None
        self._transport.resumeProducing()
