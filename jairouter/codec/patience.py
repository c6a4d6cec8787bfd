"""How long masking may take, and what is told when something cannot be looked through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


class Unreadable(Exception):
    """What should be looked through cannot be.

    Attributes:
        reason: A word for metrics.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TOO_SLOW: Final = "timeout"


class Patience:
    """How long it may take to look through one body, or one event of a stream.

    When that is over between two searches, it begins anew, once: the process may have stood still for
    something else, and a body is not to go on unmasked, or to be refused, for that. A search that takes too
    long has no such excuse.

    Args:
        seconds: A steady clock.
        limit: Seconds in all.
    """

    __slots__ = ("_again", "_deadline", "_limit", "_seconds")

    def __init__(self, seconds: Callable[[], float], limit: float) -> None:
        self._seconds = seconds
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        """Something else begins."""
        self._deadline = self._seconds() + self._limit
        self._again = True

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            Unreadable: None.
        """
        left = self._deadline - self._seconds()
        if left > 0:
            return left
        if not self._again:
            raise Unreadable(TOO_SLOW)
        self.renew()
        self._again = False
        return self._limit
