"""A network whose order of events comes from a seed, and which keeps a fingerprint of all that travelled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred

from tests.fakes import Client, Network
from tests.wire import Wire


class SeededNetwork(Network):
    """Delivers in random order, in pieces of random size, some connections slower than others.

    Args:
        random: The seed's.
        disk_is_full: Whether what runs in a thread may fail.
    """

    def __init__(self, random: Random, disk_is_full: bool = False) -> None:
        super().__init__()
        self._random = random
        self._disk_is_full = disk_is_full
        self._delivered: list[tuple[float, int]] = []
        self._client_host = ""
        self.window = random.choice((1024, 16 * 1024, 64 * 1024))
        self._small_pieces = random.choice((0.0, 0.05, 0.5))

    def play(self, finished: Callable[[], bool], limit: float) -> None:
        """Let time jump from one thing that is due to the next."""
        while True:
            self._settle()
            next_one = min((call.getTime() for call in self.calls), default=limit + 1)
            if finished() or next_one > limit:
                return
            self.advance(max(next_one - self.seconds(), 1e-9))

    def pass_until(self, when: float) -> None:
        """Let time pass, whatever is due."""
        self.play(lambda: False, when)
        self.advance(max(when - self.seconds(), 0.0))
        self._settle()

    def arrive(self, host: str, address: tuple[str, int], client: Client) -> None:
        """A client connects from a host."""
        self._client_host = host
        self.connect(*address, client)
        self._client_host = ""

    def pair(self) -> tuple[Wire, Wire]:
        """See `Network.pair`."""
        here, there = super().pair()
        if self._client_host:
            here._host = there._peer_address = IPv4Address("TCP", self._client_host, here._host.port)
        return here, there

    def advance(self, amount: float) -> None:
        """See `Clock.advance`; most turns of the reactor find nothing due."""
        if amount or (self.calls and min(call.getTime() for call in self.calls) <= self.rightNow):
            super().advance(amount)

    def run_in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:  # type: ignore[override]
        """A thread takes its time, and the disk may be full."""
        done: Deferred[Any] = Deferred()
        full = self._disk_is_full and self._random.random() < 0.3

        def work() -> None:
            maybeDeferred(_no_space if full else function, *arguments).chainDeferred(done)

        self.callLater(self._random.choice((0.0, 0.0, 0.01, 1.0)), work)
        return done

    def size_of_next(self, size: int) -> int:
        """See `Network.size_of_next`."""
        size = super().size_of_next(size)
        if self._random.random() < self._small_pieces:
            size = self._random.randint(1, size)
        self._delivered.append((self.seconds(), size))
        return size

    def fingerprint(self) -> str:
        """Of every byte, and of when and in which pieces the bytes came."""
        whole = hashlib.sha256(repr(self._delivered).encode())
        for address, here, there in self.connections:
            for wire in (here, there):
                end = type(wire.lost.value).__name__ if wire.lost else "open"
                whole.update(repr((address, end, len(wire.sent))).encode() + wire.sent)
        return whole.hexdigest()

    def _move(self) -> bool:
        moved = False
        wires = [wire for wire in self._wires if wire.has_work]
        self._random.shuffle(wires)
        for wire in wires:
            if self._random.random() < 0.2:
                moved = True  # later, when others have had their turn
                continue
            moved = wire.flush() or moved
            moved = wire.deliver() or moved
        self._wires = [wire for wire in self._wires if wire.lost is None]
        return moved


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")
