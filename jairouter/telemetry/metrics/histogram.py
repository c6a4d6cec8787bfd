"""Durations and sizes by how large they are, counted by one thread."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

Taken = tuple[Sequence[float], list[int], float]
"""Upper bounds of the buckets without infinity, how many came into each of them, and the sum of all."""

DURATIONS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
"""Seconds: a gateway's own answers take milliseconds, a long generation takes minutes."""
FIRST_TOKEN: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
    *(1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0),
)
"""Seconds until a reader sees something: from a short prompt that is cached to a long one in a queue."""
TOKEN: Final = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0),
)
"""Seconds for each token: 1000 a second is a small model alone on its machine, below 2 nobody reads along."""
WAITS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds."""
OVERHEAD: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
"""Seconds: most often a fraction of a millisecond."""
SIZES: Final = (
    *(100.0, 500.0, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5),
    *(1e6, 5e6, 1e7, 5e7, 1e8),
)
"""Bytes: from a short question to a long recording."""


class Histogram:
    """A histogram's counts, for one thread; prometheus-client's own take a lock at each step.

    Args:
        bounds: Upper bounds of the buckets, rising, without infinity.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def taken(self) -> Taken:
        """What it is now; that does not change any more."""
        return self._bounds, self._counts.copy(), self._total


def added_up(several: Iterable[Taken]) -> Taken:
    """Those of one kind, taken together; at least one."""
    first, *rest = several
    bounds, counts, total = first
    for _, more, sum_of_it in rest:
        counts = [a + b for a, b in zip(counts, more, strict=True)]
        total += sum_of_it
    return bounds, counts, total
