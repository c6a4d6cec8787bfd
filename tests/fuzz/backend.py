"""The whole gateway between a backend that sends bytes and two clients, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.reference import Message, Reading, read_answer
from tests.fuzz.watching import watched
from tests.world import CONFIGURATION, World, post

REQUEST = post({"model": "m"})
SECOND = b'{"second":true}'


@dataclass
class Answering:
    """What became of a backend's bytes.

    Attributes:
        answer: What the client got, or None when it did not get all of an answer.
        waits: Whether the client got some of an answer and waits for the rest.
        reused: Whether the next request went over the same connection.
        faults: What must not be, whatever the backend sends.
    """

    answer: Message | None = None
    waits: bool = False
    reused: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the answer; 0 without one."""
        return 0 if self.answer is None else int(self.answer.start[1])


class BackendRig:
    """A gateway with one connection to its backend, whose answers the test writes."""

    def __init__(self) -> None:
        # (a backend that says 429 would be left alone for a while)
        calm = CONFIGURATION.replace("model:\n", "model:\n  load-balance.cool-down.enabled: false\n")
        self.world = World(calm.replace("max-connections: 4", "max-connections: 1"))

    def answer(self, pieces: Sequence[bytes], *, hangs_up: bool = False) -> Answering:
        """One client asks and is answered with these bytes, read by read; then another one asks.

        Args:
            pieces: What the backend sends; each is read by itself.
            hangs_up: Whether it then closes the connection in good order.
        """
        world, backend = self.world, self.world.backend
        backend.connections.clear()
        world.network.connections.clear()
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
        outcome.waits = outcome.waits or bool(not reading.messages and not closed and data)
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


OF_THE_GATEWAY = frozenset(
    {b"date", b"x-request-id", b"connection", b"transfer-encoding", b"content-length", b"retry-after"}
    | {b"retry-after-ms", b"cache-control", b"x-accel-buffering"}
    | {b"x-jairouter-instance", b"x-jairouter-attempts", b"x-jairouter-overhead-ms"}
)


def judge(reading: Reading, outcome: Answering) -> list[str]:
    """What is wrong, when a backend sent this and that came of it.

    Whatever the client got must be what the reference reads, or say that there was no answer.
    """
    faults = list(outcome.faults)
    whole = reading.messages[0] if reading.messages else None
    begun = reading.begun
    if whole is None and begun is not None and begun.start[1] == b"205":
        whole = Message(begun.start, begun.fields, keeps=False)  # whatever is to come is not waited for
    if outcome.reused and (whole is None or not whole.keeps or reading.rest.strip(b"\r\n")):
        faults.append(f"the connection is used again after {reading}")
    if outcome.waits and (whole is not None or reading.fault):
        faults.append(f"the client still waits for the rest of {whole or reading.fault}")
    answer = outcome.answer
    if answer is None or _is_refusal(answer, whole or reading.begun):
        return faults
    if whole is None:
        faults.append(f"the client got {answer}, and valid is nothing: {reading.fault}")
    elif answer.start[1] != whole.start[1] or not _same_body(answer, whole):
        faults.append(f"the client got {answer}, and the answer was {whole}")
    else:
        pairs = {(name.lower(), value) for name, value in whole.fields}
        made_up = [pair for pair in answer.fields if not _known(pair, pairs)]
        if made_up and int(answer.start[1]) < 500:
            faults.append(f"the client got {made_up}, which the backend did not send")
    return faults


def judge_valid(reading: Reading, outcome: Answering) -> list[str]:
    """What is wrong when the answer was valid: then it must be passed on, and the connection be kept."""
    faults = judge(reading, outcome)
    if not reading.messages:
        return [*faults, f"the reference finds it invalid: {reading}"]
    whole = reading.messages[0]
    if outcome.answer is None or outcome.answer.start[1] != whole.start[1]:
        faults.append(f"the client got {outcome.answer}, not {whole}")
    if outcome.reused is not whole.keeps:
        faults.append("used again" if outcome.reused else "not used again")
    return faults


def _is_refusal(answer: Message, head: Message | None) -> bool:
    """Whether this is the gateway's own: that there is no answer, or in place of a 5xx that is no JSON."""
    status = answer.start[1]
    if b'"upstream_error"' not in answer.body and b'"stream_interrupted"' not in answer.body:
        return False
    return status == b"502" or (status >= b"500" and head is not None and head.start[1] == status)


def _same_body(answer: Message, whole: Message) -> bool:
    status = int(whole.start[1])
    if status in (204, 205):
        return answer.body == b""
    # What is no JSON under such a status is replaced; events are passed on as far as they are whole
    replaced = status >= 500 or any(
        b"event-stream" in value.lower() for value in whole.values(b"content-type")
    )
    return replaced or answer.body == whole.body


def _known(pair: tuple[bytes, bytes], pairs: set[tuple[bytes, bytes]]) -> bool:
    name = pair[0].lower()
    return name in OF_THE_GATEWAY or (name, pair[1]) in pairs


def try_answer(data: bytes, pieces: Sequence[bytes], rig: BackendRig) -> list[str]:
    """Answer with bytes, whole and in pieces, from a backend that stays and from one that hangs up."""
    faults = list[str]()
    for hangs_up in (False, True):
        reading = read_answer(data, closed=hangs_up)
        whole, parts = rig.answer([data], hangs_up=hangs_up), rig.answer(pieces, hangs_up=hangs_up)
        faults += judge(reading, whole) + judge(reading, parts)
        told = {whole.status, parts.status}
        if len(told) > 1 and not told <= {0, 502}:
            faults.append(f"in one piece {whole}, in {len(pieces)} {parts}")
    return faults
