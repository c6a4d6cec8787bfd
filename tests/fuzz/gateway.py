"""The whole gateway between a client that sends bytes and a backend that looks at every byte it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.protocol import Factory, Protocol

from tests.fuzz.reference import Message, Reading, read_answers, read_requests
from tests.fuzz.watching import watched
from tests.world import BACKEND, CONFIGURATION, World

ANSWER = b'{"answer":%d}'


class StrictBackend(Protocol):
    """Answers every request that the reference finds valid; says nothing to anything else."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self._answered = 0

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        for _ in read_requests(self.received).messages[self._answered :]:
            self._answered += 1
            body = ANSWER % self._answered
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )


class StrictBackends(Factory):
    """One for each connection."""

    noisy = False

    def __init__(self) -> None:
        self.connections: list[StrictBackend] = []

    def buildProtocol(self, addr: object) -> StrictBackend:
        self.connections.append(StrictBackend())
        return self.connections[-1]

    def reset(self) -> list[bytes]:
        """Close all connections and forget them. Returns what had come."""
        connections, self.connections = self.connections, []
        for connection in connections:
            connection.transport.loseConnection()
        return [connection.received for connection in connections]


@dataclass
class Outcome:
    """What became of a client's bytes.

    Attributes:
        forwarded: The requests that reached the backend, in order.
        unfinished: What else reached it: requests that were broken off, or are no requests.
        answers: What the client got; interim answers are left out.
        closed: Whether the gateway closed the connection.
        faults: What must not be, whatever was sent.
    """

    forwarded: list[Message] = field(default_factory=list)
    unfinished: list[Reading] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)
    closed: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> tuple[int, ...]:
        """Of the answers."""
        return tuple(int(answer.start[1]) for answer in self.answers)

    @property
    def bodies(self) -> tuple[bytes, ...]:
        """Of the requests that were forwarded."""
        return tuple(message.body for message in self.forwarded)


class GatewayRig:
    """A gateway that many clients use, one after the other."""

    def __init__(self) -> None:
        # (a backend that says 429 would be left alone for a while)
        calm = CONFIGURATION.replace("model:\n", "model:\n  load-balance.cool-down.enabled: false\n")
        self.world = World(calm.replace("max-connections: 4", "max-connections: 1"))
        self._backends = StrictBackends()
        del self.world.network.listeners[BACKEND]
        self.world.network.listenTCP(BACKEND[1], self._backends, interface=BACKEND[0])

    def send(self, pieces: Sequence[bytes]) -> Outcome:
        """Send these bytes on a new connection, read by read, and leave when all is quiet."""
        world = self.world
        world.network.connections.clear()
        with watched() as faults:
            client = world.client()
            for piece in pieces:
                client.send(piece)
                world.run()
            outcome = Outcome(closed=client.closed is not None, faults=faults)
            client.leave()
            world.run()
            received = self._backends.reset()
            world.run()
        if not world.at_rest:
            outcome.faults.append(f"not at rest: {world.gateway.ledger}")
        self._look_at_the_backend(outcome, received)
        sent = read_requests(b"".join(pieces))
        got = read_answers(bytes(client.received), sent, closed=outcome.closed)
        outcome.answers = got.messages
        if got.fault:
            outcome.faults.append(f"what the client got is no answer: {got}")
        return outcome

    def close(self) -> list[Any]:
        """Stop. Returns the delayed calls that are left."""
        return self.world.close()

    def _look_at_the_backend(self, outcome: Outcome, received: list[bytes]) -> None:
        for data in received:
            reading = read_requests(data)
            outcome.forwarded += reading.messages
            if reading.fault or reading.rest:
                outcome.unfinished.append(reading)
            if reading.fault:
                outcome.faults.append(f"the backend got what is no request: {data!r}")
        for message in outcome.forwarded:
            outcome.faults += canonical_faults(message)


HOP_BY_HOP = (
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer"),
    *(b"upgrade", b"http2-settings", b"expect"),
)


def canonical_faults(message: Message) -> list[str]:
    """What is wrong with the form in which a request reaches the backend."""
    faults = []
    if message.values(b"host") != [b"%b:%d" % (BACKEND[0].encode(), BACKEND[1])]:
        faults.append("not the one Host that is the backend's")
    if len(message.values(b"content-length") + message.values(b"transfer-encoding")) != 1:
        faults.append("not one framing header")
    faults += [f"{name!r} was passed on" for name in HOP_BY_HOP if message.values(name)]
    if message.start[0] != b"POST" or message.start[2] != b"1.1":
        faults.append("not a POST in HTTP/1.1")
    return [f"{fault}: {message}" for fault in faults]


def judge(reading: Reading, outcome: Outcome) -> list[str]:
    """What is wrong, when a client sent this and that came of it.

    Whatever reached the backend must be one of the client's requests, in order, to the byte.
    """
    faults = list(outcome.faults)
    left = [message for message in reading.messages if message.start[0] == b"POST"]
    for forwarded in outcome.forwarded:
        while left and not _is_of(forwarded, left[0]):
            left.pop(0)
        if not left:
            faults.append(f"{forwarded} was forwarded, which is none of {reading}")
            break
        left.pop(0)
    bodies = [message.body for message in (*reading.messages, reading.begun) if message is not None]
    for half in outcome.unfinished:
        if half.begun is not None and not any(body.startswith(half.begun.body) for body in bodies):
            faults.append(f"{half.begun} was begun, which is the start of none of {reading}")
    if len(outcome.answers) > len(reading.messages) + 1:
        faults.append(f"{outcome.statuses} for {len(reading.messages)} requests")
    return faults


def _is_of(forwarded: Message, message: Message) -> bool:
    """Whether this is what should become of a client's request."""
    query = message.start[1].partition(b"?")[2]
    pairs = [(name.lower(), value) for name, value in message.fields]
    passed = [(name.lower(), value) for name, value in forwarded.fields if name.lower() not in MADE_ANEW]
    same_query = forwarded.start[1].partition(b"?")[2] == query
    return same_query and forwarded.body == message.body and all(pair in pairs for pair in passed)


MADE_ANEW = frozenset({b"host", b"content-length", b"transfer-encoding", b"x-request-id"})


def try_gateway(data: bytes, pieces: Sequence[bytes], rig: GatewayRig) -> list[str]:
    """Send bytes whole and in pieces, and judge all that comes of it."""
    reading = read_requests(data)
    return [fault for sent in ([data], pieces) for fault in judge(reading, rig.send(sent))]
