"""Backends that behave as the seed says, and remember everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.simulation.answers import CALM, AnswerPlan, plan_answer
from tests.simulation.configuration import Address
from tests.simulation.messages import read_chunks
from tests.simulation.network import SeededNetwork
from tests.simulation.schedule import RequestPlan, Schedule


@dataclass(eq=False)
class Attempt:
    """One request as a backend saw it.

    Attributes:
        tag: From its header.
        host: Of the backend.
        line: The request line.
        headers: Names in lower case.
        began: When its head had come.
        reused: Whether the connection had carried another request before.
        plan: What the backend does with it.
        body: As far as it came, decoded.
        complete: Whether all of it came.
        said: What the backend said to it.
        said_all: Whether that was all it had to say.
        over: When that was, or None.
        ended: How the backend ended the connection: ``close``, ``abort`` or nothing.
        cut: Whether that was on account of an earlier request.
        lost: When the connection ended, or None.
    """

    tag: str
    host: str
    line: bytes
    headers: list[tuple[bytes, bytes]]
    began: float
    reused: bool
    plan: AnswerPlan
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    said: bytearray = field(default_factory=bytearray)
    said_all: bool = False
    over: float | None = None
    ended: str = ""
    cut: bool = False
    lost: float | None = None

    @property
    def may_be_unheard(self) -> bool:
        """Whether the connection may have ended before anything of the answer had come to the gateway."""
        reset = self.ended == "abort" or (self.ended == "close" and not self.complete)
        return not self.said or reset


class Record:
    """What all backends saw.

    Attributes:
        attempts: By tag, in order.
        faults: What no gateway should do.
        calm: Whether backends have become good, all of them.
        probes: How many health checks there were.
    """

    def __init__(self) -> None:
        self.calm = False
        self.probes = 0
        self.attempts: dict[str, list[Attempt]] = {}
        self.faults: list[str] = []


class SimulatedBackend(Factory):
    """One backend."""

    noisy = False

    def __init__(self, address: Address, network: SeededNetwork, schedule: Schedule, record: Record) -> None:
        self.address = address
        self.network = network
        self.seed = schedule.seed
        self.sick = [times for which, *times in schedule.sick if which == address]
        self.requests = schedule.requests
        self.record = record

    def buildProtocol(self, addr: object) -> BackendConnection:
        return BackendConnection(self)

    @property
    def well(self) -> bool:
        """Whether it says so when it is asked."""
        now = self.network.seconds()
        return self.record.calm or not any(start <= now < end for start, end in self.sick)


class BackendConnection(Protocol):
    """One connection to it."""

    transport: Any

    def __init__(self, backend: SimulatedBackend) -> None:
        self._backend = backend
        self._buffer = bytearray()
        self._count = 0
        self._attempt: Attempt | None = None  # under way, or the last one
        self._length = 0
        self._chunked = False
        self._call: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and self._read():
            pass

    def _read(self) -> bool:
        """Read one thing more. Returns whether there may be another."""
        if self._attempt is None or (self._attempt.complete and self._attempt.said_all):
            return self._read_head()
        if self._attempt.complete:
            self._fault(f"bytes behind the request {self._attempt.tag}: {bytes(self._buffer[:60])!r}")
            return False
        self._read_body()
        return self._attempt.complete and self._attempt.said_all

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._attempt is not None:
            self._attempt.lost = self._backend.network.seconds()
        if self._call is not None and self._call.active():
            self._call.cancel()

    # -- the request --------------------------------------------------------

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        line, *rest = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        headers = [(name.lower(), value) for name, _, value in (each.partition(b": ") for each in rest)]
        named = dict(headers)
        if line.startswith(b"GET ") and b"x-trace-tag" not in named:
            self._probed()
            return True
        request = self._backend.requests.get(named.get(b"x-trace-tag", b"").decode())
        if request is None:
            self._fault(f"a request that nobody sent: {line!r}")
            return False
        self._length = int(named.get(b"content-length", b"0"))
        self._chunked = named.get(b"transfer-encoding") == b"chunked"
        self._begin(request, line, headers)
        self._read_body()  # which may be empty
        return True

    def _probed(self) -> None:
        """It is asked for its health."""
        self._backend.record.probes += 1
        status = b"200 OK" if self._backend.well else b"503 Sick"
        self.transport.write(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\n{}" % status)

    def _begin(self, request: RequestPlan, line: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        earlier = self._backend.record.attempts.setdefault(request.tag, [])
        calm = self._backend.record.calm
        plan = CALM if calm else plan_answer(self._backend.seed, request, len(earlier))
        now, host = self._backend.network.seconds(), self._backend.address[0]
        self._attempt = Attempt(request.tag, host, line, headers, now, self._count > 0, plan)
        earlier.append(self._attempt)
        self._count += 1
        if not plan.reads:
            self.transport.pauseProducing()
        if plan.early:
            self._say(0)

    def _read_body(self) -> None:
        attempt = self._attempt
        assert attempt is not None
        if self._chunked:
            # What is kept begins at a chunk, so that a long body is not decoded again and again
            body, complete, rest = read_chunks(bytes(self._buffer))
            attempt.complete = complete
            if complete:
                attempt.body += body
                self._buffer[:] = rest
            else:
                self._keep_last_chunk(attempt)
        else:
            taken = self._buffer[: self._length - len(attempt.body)]
            del self._buffer[: len(taken)]
            attempt.body += taken
            attempt.complete = len(attempt.body) == self._length
        if attempt.complete and not attempt.plan.early:
            self._say(0)

    def _keep_last_chunk(self, attempt: Attempt) -> None:
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return
            size = int(self._buffer[:line_end], 16)
            if size == 0 or len(self._buffer) < line_end + 4 + size:
                return
            attempt.body += self._buffer[line_end + 2 : line_end + 2 + size]
            del self._buffer[: line_end + 4 + size]

    # -- the answer ---------------------------------------------------------

    def _say(self, number: int) -> None:
        attempt = self._attempt
        assert attempt is not None
        plan = attempt.plan
        if number < len(plan.pieces):
            delay, data = plan.pieces[number]

            def speak() -> None:
                attempt.said += data
                self.transport.write(data)
                self._say(number + 1)

            if delay:
                self._call = self._backend.network.callLater(delay, speak)
            else:
                speak()
            return
        attempt.said_all = plan.then != "stall"
        attempt.over = self._backend.network.seconds()
        if plan.then == "keep":
            self.transport.resumeProducing()
        if plan.then in ("close", "abort"):
            self._call = self._backend.network.callLater(plan.linger, self._end, attempt, plan.then)

    def _end(self, attempt: Attempt, how: str) -> None:
        if self._attempt is not None and self._attempt.ended:
            return
        if self._attempt is not attempt:
            how = "close"  # lingering: the next request has come meanwhile
        if self._attempt is not None:
            self._attempt.ended = how
            self._attempt.cut = self._attempt is not attempt and not self._attempt.said_all
        if how == "abort":
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _fault(self, what: str) -> None:
        self._backend.record.faults.append(what)
        self.transport.abortConnection()
