"""Says what happens again and again only every so often, with the number of times that were left out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

EVERY: Final = 10.0
MOST: Final = 1000


class Often:
    """Bounds how often equal things are said.

    Args:
        seconds: The clock.
        every: Seconds between two lines that say the same.
        most: How many things are told apart; when there are more, all of them begin anew.
    """

    def __init__(self, seconds: Callable[[], float], every: float = EVERY, most: int = MOST) -> None:
        self._seconds, self._every, self._most = seconds, every, most
        self._said: dict[Hashable, tuple[float, int]] = {}

    def turn(self, what: Hashable) -> int | None:
        """Ask whether it may be said now.

        Args:
            what: The same for things that are alike.

        Returns:
            How many times were left out since it was said last; None where this time is left out, too.
        """
        now = self._seconds()
        known = self._said.get(what)
        if known is None:
            if len(self._said) >= self._most:
                self._said.clear()
            self._said[what] = (now, 0)
            return 0
        at, left_out = known
        if now - at < self._every:
            self._said[what] = (at, left_out + 1)
            return None
        self._said[what] = (now, 0)
        return left_out


def left_out(number: int) -> str:
    """What a line says at its end of those before it."""
    return f" (and {number} times before that were left out)" if number else ""
