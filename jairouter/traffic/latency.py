"""How long an instance takes to begin an answer, lately."""

from __future__ import annotations

from math import exp

TIME_CONSTANT = 10.0
"""Seconds in which all but 37 % of what is known is forgotten; Finagle's default."""
FAILED = 1.0
"""Seconds that a failed attempt counts as at least."""
MOST = 60.0
"""Seconds beyond which failures do not drive it."""


class PeakEwma:
    """A moving average that follows a rise at once and a fall slowly.

    It is weighted by time, not by number: what was seen t seconds ago counts exp(-t / time constant) of what
    is seen now. An observation above the average takes its place. (Finagle, PeakEwma.scala.)

    Finagle's goes to zero while nothing is observed, and then an instance that was idle for a while is
    flooded until its first answer is there. This one stands still, and says how much it still is to be
    believed.

    Args:
        time_constant: Seconds, above 0.

    Attributes:
        seconds: The average; 0 where nothing was observed yet.
    """

    __slots__ = ("_stamp", "_time_constant", "seconds")

    def __init__(self, time_constant: float = TIME_CONSTANT) -> None:
        self.seconds = 0.0
        self._time_constant = time_constant
        self._stamp = -float("inf")

    def observe(self, seconds: float, now: float) -> None:
        """An answer began so many seconds after it was asked for."""
        if seconds < self.seconds:
            old = self.belief(now)
            seconds += (self.seconds - seconds) * old
        self.seconds = seconds
        self._stamp = now

    def failed(self, seconds: float, now: float) -> None:
        """An attempt failed after so many seconds.

        It counts as twice as slow as what was known, however quickly it failed: else a backend that refuses
        everything at once would be the fastest of all, and get everything.
        """
        self.observe(max(seconds, min(2 * self.seconds, MOST), FAILED), now)

    def belief(self, now: float) -> float:
        """How much the average still says about now: 1 for all, 0 for nothing at all."""
        age = now - self._stamp
        return exp(-age / self._time_constant) if age > 0 else 1.0
