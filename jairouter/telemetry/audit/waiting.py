"""Entries that wait to be written, and those who wait for that."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from jairouter.telemetry.audit.line import Entry


class Waiting:
    """A queue of entries; those that are being written are still in it."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._taken = self._done = 0  # entries that ever waited, and those that do no more
        self._watched: list[tuple[int, Deferred[None]]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: Entry) -> None:
        """Another one."""
        self._entries.append(entry)
        self._taken += 1

    def first(self, number: int) -> list[Entry]:
        """So many of those that have waited longest, or as many as there are."""
        return list(islice(self._entries, number))

    def done(self, number: int) -> None:
        """So many are written, or never will be."""
        for _ in range(number):
            self._entries.popleft()
        self._done += number

    def watch(self) -> Deferred[None]:
        """Fires when all that wait now do not wait any more, or cannot be written: see `tell`."""
        if not self._entries:
            return succeed(None)
        watching: Deferred[None] = Deferred()
        self._watched.append((self._taken, watching))
        return watching

    def tell(self, failed: bool) -> None:
        """Tell those who watch.

        Args:
            failed: Nothing can be written: tell all of them.
        """
        told = [watching for last, watching in self._watched if failed or last <= self._done]
        self._watched = [each for each in self._watched if not failed and each[0] > self._done]
        for watching in told:
            watching.callback(None)
