"""Clients that behave as the seed says."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from tests.fakes import Client
from tests.simulation.messages import Message, read_answer, read_answers
from tests.simulation.network import SeededNetwork
from tests.simulation.schedule import ClientPlan
from tests.world import GATEWAY


class SimulatedClient(Client):
    """One client with one connection.

    Attributes:
        plan: What it does.
        turned_away: Whether nobody listened when it came.
        left: When it went of its own accord before it had its answers, or None.
        seen_off: Whether the gateway was reading then, so that it must have noticed.
        begun: For each request whose first byte was sent, whether the gateway was not closing yet.
        sent: How many requests were sent whole.
        ended: When the connection ended, or None.
        arrivals: When bytes came, and how many had come by then.
    """

    transport: Any

    def __init__(self, plan: ClientPlan, seed: int, network: SeededNetwork) -> None:
        super().__init__()
        self.plan = plan
        self.turned_away = False
        self.left: float | None = None
        self.seen_off = False
        self.begun: list[bool] = []
        self.sent = 0
        self.ended: float | None = None
        self.arrivals: list[tuple[float, int]] = []
        self._network = network
        self._random = Random(f"{seed}/client/{plan.number}")
        self._answered = 0
        self._answer_at = 0
        self._calls: list[IDelayedCall] = []
        network.callLater(plan.start, self._arrive)

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.turned_away or self.closed is not None

    def answers(self) -> list[Message]:
        """What it was told, as HTTP has it."""
        ended_well = self.left is None and self.closed is not None and self.closed.check(ConnectionDone)
        return read_answers(bytes(self.received), bool(ended_well))

    def _arrive(self) -> None:
        if GATEWAY not in self._network.listeners:
            self.turned_away = True
            return
        self._network.arrive(self.plan.host, GATEWAY, self)
        if self.closed is not None:
            return
        for start, length in self.plan.pauses:
            self._later(start, self._pause, length)
        if self.plan.leaves is not None:
            self._later(self.plan.leaves, self._leave)
        self._send(0, 0)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.arrivals.append((self._network.seconds(), len(self.received)))
        while self._is_answered():
            self._answered += 1
            if self._answered == len(self.plan.requests):
                self.transport.loseConnection()
            elif not self.plan.pipelined:
                self._later(self._random.choice((0.0, 0.0, 0.4, 4.0)), self._send, self._answered, 0)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.ended = self._network.seconds()
        for call in self._calls:
            if call.active():
                call.cancel()

    def _is_answered(self) -> bool:
        """Whether the next answer is here whole."""
        rest = bytes(self.received[self._answer_at :])
        head, found, body = rest.partition(b"\r\n\r\n")
        if not found:
            return False
        if b"chunked" in head and not body.endswith(b"0\r\n\r\n") and not self.plan.pipelined:
            return False  # for speed
        message, behind = read_answer(rest, ended_well=False)
        if not message.complete:
            return False
        self._answer_at = len(self.received) - len(behind)
        return message.status >= 200 or self._is_answered()

    def _send(self, number: int, piece: int) -> None:
        request = self.plan.requests[number]
        delay, data = request.pieces[piece]
        if delay:
            self._later(delay, self._send_now, number, piece, data)
        else:
            self._send_now(number, piece, data)

    def _send_now(self, number: int, piece: int, data: bytes) -> None:
        gateway = self.transport.peer
        if number == len(self.begun):
            self.begun.append(gateway.lost is None and not gateway.disconnecting)
        self.send(data)
        if piece + 1 < len(self.plan.requests[number].pieces):
            self._send(number, piece + 1)
            return
        self.sent = number + 1
        if self.plan.pipelined and number + 1 < len(self.plan.requests):
            self._send(number + 1, 0)

    def _pause(self, length: float) -> None:
        self.transport.pauseProducing()
        self._later(length, self.transport.resumeProducing)

    def _leave(self) -> None:
        if self._answered == len(self.plan.requests):
            return
        self.left = self._network.seconds()
        if self.plan.aborts or self.transport.has_unsent:  # who has left sends no more
            self.seen_off = self.transport.peer.reading
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _later(self, seconds: float, function: Any, *arguments: Any) -> None:
        self._calls.append(self._network.callLater(seconds, function, *arguments))
