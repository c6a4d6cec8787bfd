"""`sliding-window`: at most `max-requests` in *any* stretch of time as long as `window-size`.

Only a log of the requests in the last window says that exactly. The usual ways to save its memory do not
keep the promise: counting this window and a share of the one before is an estimate, and GCRA lets through
twice as many (a burst of all, and as many again as soon as they come).

So there is a log, and it is bounded: up to `_ENTRIES` requests each have their own entry, and the window is
exact. Of larger limits, requests that come within a `_ENTRIES`-th of a window share an entry, which counts in
full until the *last* of them has left the window. That never lets one too many through. It costs at most that
much time per window: the rate in the long run is at most 0.8 % below the limit.
"""

from __future__ import annotations

import math
from array import array

from zope.interface import implementer

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import LEAST_WAIT

_ENTRIES = 128


@implementer(ILimiter)
class SlidingWindow:
    """See the module.

    Args:
        limit: Most requests in one window.
        window: Its length in seconds.
        now: The clock's seconds.
    """

    __slots__ = ("_began", "_counts", "_limit", "_times", "_used", "_window", "since")

    lends = False
    lent = 0

    def __init__(self, limit: int, window: float, now: float) -> None:
        self._limit = limit
        self._window = window
        self._used = 0
        self._began = -math.inf  # of the last entry: its first request
        self._times = array("d")  # of each entry: its last request
        self._counts = array("Q")
        self.since = now

    def refusal(self, now: float) -> float:
        """See `ILimiter.refusal`."""
        self._expire(now)
        return self.foretell(now)

    def foretell(self, now: float) -> float:
        """See `ILimiter.foretell`."""
        now = max(now, self.since)
        index, used = self._left_by(now)
        if used < self._limit:
            return 0.0
        left = used - self._limit + 1  # (after a reload there may be several too many)
        while left > self._counts[index]:
            left -= self._counts[index]
            index += 1
        wait = self._times[index] + self._window - now
        while now + wait - self._times[index] < self._window:
            wait += math.ulp(now + wait)  # who comes back just then must not be too early by a rounding
        return max(wait, LEAST_WAIT)

    def take(self, now: float) -> float:
        """See `ILimiter.take`."""
        now = max(now, self.since)
        grain = self._window / _ENTRIES if self._limit > _ENTRIES else 0.0
        if self._times and now - self._began <= grain:
            self._times[-1] = now
            self._counts[-1] += 1
        else:
            self._began = now
            self._times.append(now)
            self._counts.append(1)
        self._used += 1
        return 0.0

    def give_back(self, now: float, turn: float) -> None:
        """See `ILimiter.give_back`."""

    def quota(self, now: float) -> Quota:
        """See `ILimiter.quota`."""
        now = max(now, self.since)
        _, used = self._left_by(now)
        reset = max(0.0, self._times[-1] + self._window - now) if self._times else 0.0
        return Quota(self._limit, max(0, self._limit - used), reset)

    def carry_over(self, old: ILimiter, now: float) -> None:
        """See `ILimiter.carry_over`: the same requests were let through."""
        if isinstance(old, SlidingWindow):
            self._began, self._used, self.since = old._began, old._used, old.since
            self._times, self._counts = old._times[:], old._counts[:]

    def _expire(self, now: float) -> None:
        """Forget what has left the window."""
        back = self.since - now
        self.since = now
        times = self._times
        if not times:
            return
        if back > 0.0:  # the clock was set back
            self._began -= back
            self._times = times = array("d", [each - back for each in times])
        gone, self._used = self._left_by(now)
        if gone:
            del times[:gone], self._counts[:gone]

    def _left_by(self, now: float) -> tuple[int, int]:
        """How many entries have left the window by then, and how many requests are in those that have not."""
        gone, used = 0, self._used
        for each in self._times:
            if now - each < self._window:
                break
            used -= self._counts[gone]
            gone += 1
        return gone, used
