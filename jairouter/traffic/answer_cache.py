"""The last good answers to requests, for the time when nobody can answer.

It is never asked instead of a backend. So what is looked for here is rare, and what is kept is replaced by
each new answer to the same request.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs

OVERHEAD = 1000
"""Bytes that an answer counts for besides those of its body: headers, key and what Python needs."""


class Kept(NamedTuple):
    """An answer as it was.

    Attributes:
        status: Of HTTP.
        headers: Those of them that are about the body.
        data: All of the body.
        event_stream: Whether the body is one.
    """

    status: int
    headers: HeaderPairs
    data: bytes
    event_stream: bool


class _Entry(NamedTuple):
    answer: Kept
    since: float

    @property
    def size(self) -> int:
        return len(self.answer.data) + OVERHEAD


class AnswerCache:
    """Keeps the answers that were given or asked for last.

    Args:
        most: How many at most.
        time_to_live: Seconds for which one is good.
        largest: Bytes of one answer's body at most.
        room: Bytes of all of them together at most.

    Attributes:
        bounds: All of these, as given.
        largest: Bytes of one answer's body at most.
        size: Bytes of all of them together.
    """

    def __init__(self, most: int, time_to_live: float, largest: int, room: int) -> None:
        self.bounds = (most, time_to_live, largest, room)
        self.largest = min(largest, room - OVERHEAD)
        self.size = 0
        self._most = most
        self._time_to_live = time_to_live
        self._room = room
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()  # the one used least lately comes first
        self._by_age: OrderedDict[bytes, None] = OrderedDict()  # the oldest comes first

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now: float) -> tuple[Kept, float] | None:
        """Look for an answer.

        Args:
            key: Of the request.
            now: The clock's seconds. What was kept at a later time, by a clock that was set back since, is
                not good any more, because nobody knows how old it is.

        Returns:
            The answer and its age in seconds, or None.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = now - entry.since
        if not 0 <= age < self._time_to_live:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.answer, age

    def put(self, key: bytes, answer: Kept, now: float) -> None:
        """Keep an answer, in place of an earlier one to the same request; not one that is too large."""
        if key in self._entries:
            self._drop(key)
        self._drop_old(now)
        if not self._most or self._time_to_live <= 0 or len(answer.data) > self.largest:
            return
        entry = _Entry(answer, now)
        while len(self._entries) >= self._most or self.size + entry.size > self._room:
            self._drop(next(iter(self._entries)))
        self._entries[key] = entry
        self._by_age[key] = None
        self.size += entry.size

    def _drop_old(self, now: float) -> None:
        while self._by_age:
            oldest = next(iter(self._by_age))
            if 0 <= now - self._entries[oldest].since < self._time_to_live:
                break
            self._drop(oldest)

    def _drop(self, key: bytes) -> None:
        del self._by_age[key]
        self.size -= self._entries.pop(key).size
