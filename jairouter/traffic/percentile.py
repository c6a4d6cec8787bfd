"""How long recent answers took, as a percentile, in bounded memory."""

from __future__ import annotations

import math

LEAST = 0.001
"""Seconds: the upper edge of the first bucket."""

STEP = 1.1
"""Each bucket ends so much later than the one before it; a percentile is too high by that at most."""

BUCKETS = 150
"""Up to 0.001 * 1.1 ** 149 s, which is 25 minutes; whatever took longer is in the last one."""

_LOG_STEP = math.log(STEP)
_AFRESH = 16
"""Answers after which the percentile is looked for anew."""


class RecentTimes:
    """A histogram whose buckets grow by a tenth, and whose counts are halved now and then.

    So the last few hundred answers count most, and a model that has become slower is known to be before long.
    (The P2 algorithm needs less memory, but does not forget.)

    Args:
        percent: Which percentile, above 0 and below 100.
    """

    __slots__ = ("_counts", "_due", "_enough", "_found", "_most", "_share", "_total")

    def __init__(self, percent: float) -> None:
        self._share = percent / 100
        # One answer must be able to lie above it: 20 for the 95th percentile, 1000 for the 99.9th
        self._enough = max(20.0, 100 / (100 - percent) - 1e-9)
        self._most = max(500.0, 4 * self._enough)
        self._counts = [0.0] * BUCKETS
        self._total = 0.0
        self._found: float | None = None
        self._due = 0

    def observe(self, seconds: float) -> None:
        """An answer took so long."""
        above = math.log(max(seconds, LEAST) / LEAST) / _LOG_STEP
        self._counts[min(math.ceil(above - 1e-9), BUCKETS - 1)] += 1
        self._total += 1
        self._due -= 1
        if self._total >= self._most:
            self._counts = [count / 2 for count in self._counts]
            self._total /= 2

    @property
    def percentile(self) -> float | None:
        """Seconds that the share of the answers took at most, or None while too little is known."""
        if self._due <= 0 and self._total >= self._enough:
            self._due = _AFRESH
            self._found = self._find()
        return self._found

    def _find(self) -> float:
        wanted, seen = self._share * self._total - 1e-9, 0.0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return LEAST * float(STEP**index)
        return LEAST * float(STEP ** (BUCKETS - 1))
