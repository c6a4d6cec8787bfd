"""A network whose order of events comes from a seed, and which keeps a fingerprint of all that travelled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from tests.fakes import Network


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
        self._fingerprint = hashlib.sha256()
        self.window = random.choice((1024, 16 * 1024, 64 * 1024))
        self._small_pieces = random.choice((0.0, 0.05, 0.5))

    def play(self, finished: Callable[[], bool], limit: float) -> None:
        """Let time jump from one thing that is due to the next."""
        while True:
            self._settle()
            calls = self.getDelayedCalls()
            if finished() or not calls or calls[0].getTime() > limit:
                return
            self.advance(max(calls[0].getTime() - self.seconds(), 1e-9))

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
        self._fingerprint.update(b"%r %d;" % (self.seconds(), size))
        return size

    def fingerprint(self) -> str:
        """Of every byte, and of when and in which pieces the bytes came."""
        whole = self._fingerprint.copy()
        for address, here, there in self.connections:
            for wire in (here, there):
                end = type(wire.lost.value).__name__ if wire.lost else "open"
                whole.update(repr((address, end, len(wire.sent))).encode() + wire.sent)
        return whole.hexdigest()

    def _move(self) -> bool:
        moved = False
        wires = [wire for wire in self._wires if wire.lost is None]
        self._random.shuffle(wires)
        for wire in wires:
            if self._random.random() < 0.2:
                moved = moved or wire.has_work  # later, when others have had their turn
                continue
            moved = wire.flush() or moved
            moved = wire.deliver() or moved
        self._wires = [wire for wire in self._wires if wire.lost is None]
        return moved


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")
