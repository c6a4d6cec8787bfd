"""The whole gateway between a backend that sends bytes and two clients, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.reference import Message, read_answer
from tests.fuzz.watching import watched
from tests.world import CONFIGURATION, World, post

REQUEST = post({"model": "m"})
SECOND = b'{"second":true}'


@dataclass
class Answering:
    """What became of a backend's bytes.

    Attributes:
        answer: What the client got, or None when it did not get all of an answer.
        reused: Whether the next request went over the same connection.
        faults: What must not be, whatever the backend sends.
    """

    answer: Message | None = None
    reused: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the answer; 0 without one."""
        return 0 if self.answer is None else int(self.answer.start[1])


class BackendRig:
    """A gateway with one connection to its backend, whose answers the test writes."""

    def __init__(self) -> None:
        self.world = World(CONFIGURATION.replace("max-connections: 4", "max-connections: 1"))

    def answer(self, pieces: Iterable[bytes], *, hangs_up: bool = False) -> Answering:
        """One client asks and is answered with these bytes, read by read; then another one asks.

        Args:
            pieces: What the backend sends; each is read by itself.
            hangs_up: Whether it then closes the connection in good order.
        """
        world, backend = self.world, self.world.backend
        backend.connections.clear()
        with watched() as faults:
            outcome = Answering(faults=faults)
            first = world.client()
            first.send(REQUEST)
            world.run()
            connection = backend.last
            for piece in pieces:
                connection.say(piece)
                world.run()
            if hangs_up:
                connection.wire.loseConnection()
                world.run()
            outcome.answer = self._answer_in(bytes(first.received), outcome, closed=first.closed is not None)
            first.leave()
            world.run()
            self._ask_again(outcome)
            for each in backend.connections:
                each.wire.loseConnection()
            world.run()
        if not world.at_rest:
            outcome.faults.append(f"not at rest: {world.gateway.ledger}")
        return outcome

    def close(self) -> list[Any]:
        """Stop. Returns the delayed calls that are left."""
        return self.world.close()

    def _answer_in(self, data: bytes, outcome: Answering, *, closed: bool) -> Message | None:
        reading = read_answer(data, closed=closed)
        if reading.fault or reading.rest:
            outcome.faults.append(f"the client got what is no answer: {reading.fault} {data!r}")
        if not reading.messages and not closed and data:
            outcome.faults.append(f"the client waits for more than {data!r}")
        return reading.messages[0] if reading.messages else None

    def _ask_again(self, outcome: Answering) -> None:
        """The next client asks, and must get what the backend answers to it, to the byte."""
        world, backend = self.world, self.world.backend
        before = [len(connection.received) for connection in backend.connections]
        second = world.client()
        second.send(REQUEST)
        world.run()
        outcome.reused = len(backend.connections) == 1 and len(backend.last.received) > before[0]
        if not outcome.reused and len(backend.connections) != 2:
            outcome.faults.append("the next request reached no backend")
            return
        backend.last.answer(SECOND)
        world.run()
        answer = self._answer_in(bytes(second.received), outcome, closed=second.closed is not None)
        if answer is None or (answer.start[1], answer.body) != (b"200", SECOND):
            outcome.faults.append(f"the next client got {bytes(second.received)!r}")
        second.leave()
        world.run()
