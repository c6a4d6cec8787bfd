"""Many events that are alike as one line: the first at once, those that follow as a number.

So whoever asks a million times with one key leaves a line a minute, and whoever guesses a million times does
not fill the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jairouter.auditing import ALLOWED
from jairouter.telemetry.audit.texts import LONGEST

if TYPE_CHECKING:
    from jairouter.auditing import Event

MOST: Final = 5000
"""Kinds of alike events that are told apart at a time."""
AT_ONCE: Final = 200
"""Lines that are made in one turn."""

MANY: Final = "many"
"""Stands in place of users, addresses and resources that are too many to be told apart."""

_Key = tuple[str, str, str, str, str, str, str]
"""Of an event what comes before `request_id`; a slice, which is the fastest that there is."""


class _Alike:
    """Events that differ in their time only."""

    __slots__ = ("count", "event", "first", "last", "until")

    def __init__(self, event: Event, until: float) -> None:
        self.event = event
        self.until = until
        self.count = 0
        self.first = self.last = 0.0


class Repeated:
    """Counts events that are alike.

    Args:
        window: Seconds for which they are counted.
        today: Seconds since the epoch.
        emit: Takes an event; how many there were, and when the first and the last of them came, or 0, 0 and 0
            for a single one.
        most: How many different ones of each result are told apart: whoever floods the record with what is
            denied must not hide in it what was allowed.
    """

    def __init__(
        self,
        window: float,
        today: Callable[[], float],
        emit: Callable[[Event, int, float, float], None],
        most: int = MOST,
    ) -> None:
        self._window, self._today, self._emit, self._most = window, today, emit, most
        # In the order in which their windows end, all windows being equally long
        self._alike: dict[_Key, _Alike] = {}
        self._different: Counter[str] = Counter()

    def again(self, event: Event) -> bool:
        """Count another one like one that was told of; False if there is none such."""
        found = self._alike.get(event[:7])
        if found is None:
            return False
        self._count(found)
        return True

    def add(self, event: Event) -> None:
        """Another one."""
        if not self.again(event):
            found = self._other(event)
            if found is not None:
                self._count(found)

    def _count(self, found: _Alike) -> None:
        now = self._today()
        if not found.count:
            found.first = now
        found.count += 1
        found.last = now

    def next_due(self) -> float | None:
        """When `sweep` has something to do, in seconds since the epoch; None while there is nothing."""
        for alike in self._alike.values():
            return alike.until
        return None

    def sweep(self, all_of_them: bool = False) -> bool:
        """Tell of those whose window is over.

        Args:
            all_of_them: Tell of all, and begin from nothing.

        Returns:
            Whether there are more of them, for another turn.
        """
        now, told = self._today(), 0
        for key, alike in list(self._alike.items()):
            # (A clock that is set back must not silence anybody)
            if not all_of_them and alike.until > now and alike.until - now <= self._window:
                return False
            if told >= AT_ONCE and not all_of_them:
                return True
            del self._alike[key]
            if alike.count:
                told += 1
                self._tell(alike)
            if alike.count and not all_of_them:
                self._alike[key] = _Alike(alike.event, now + self._window)
            else:
                self._different[alike.event.result] -= 1
        return False

    def _tell(self, alike: _Alike) -> None:
        self._emit(alike.event, alike.count, alike.first, alike.last)

    def _other(self, event: Event) -> _Alike | None:
        """What an event counts for that is like no other, as it stands; None for the first of its kind."""
        # Long texts would fill the memory, whoever sends them
        event = event._replace(
            user=event.user[:LONGEST],
            ip=event.ip[:LONGEST],
            resource=event.resource[:LONGEST],
            reason=event.reason[:LONGEST],
        )
        found = self._alike.get(event[:7])
        different = self._different[event.result]
        if found is None and different >= self._most:
            # Who was let in is known, and nobody chooses who they are; there are not that many
            user = event.user if event.result == ALLOWED and different < 2 * self._most else MANY
            event = event._replace(user=user, ip=MANY, resource=MANY, action="", reason="", details={})
            found = self._alike.get(event[:7])
        if found is not None:
            return found
        self._different[event.result] += 1
        self._alike[event[:7]] = _Alike(event._replace(request_id=""), self._today() + self._window)
        self._emit(event, 0, 0.0, 0.0)
        return None
