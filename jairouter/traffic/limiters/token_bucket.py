"""`token-bucket`: bursts up to `capacity`, and `rate` in the long run.

A bucket holds `capacity` tokens, begins full and gains `rate` of them per second; each request takes one. So
in any time `t` no more than ``capacity + rate * t`` requests are let through.

What is kept is the level at a point in time, fractions and all. (The other way to write it, GCRA, keeps only
the point in time at which the bucket will be full. It adds ``1 / rate`` to a clock that counts in steps of a
quarter of a microsecond, which at a thousand requests per second is off by 1 in 10,000, always to the same
side.)
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import EARLY, LEAST_WAIT


@implementer(ILimiter)
class TokenBucket:
    """See the module.

    Args:
        rate: Tokens per second.
        capacity: Most tokens.
        now: The clock's seconds.
    """

    __slots__ = ("_capacity", "_early", "_level", "_most", "_rate", "since")

    lends = False
    lent = 0

    def __init__(self, rate: float, capacity: float, now: float) -> None:
        self._rate = rate
        self._capacity = self._level = capacity
        self._most = int(capacity)
        self._early = rate * EARLY  # what is there so soon that it counts as there
        self.since = now

    def refusal(self, now: float) -> float:
        """See `ILimiter.refusal`."""
        elapsed = now - self.since
        self.since = now  # also when it was set back, or it would stand still until it has caught up
        if elapsed > 0.0:
            level = self._level + elapsed * self._rate
            self._level = level if level < self._capacity else self._capacity
        missing = 1.0 - self._level
        if missing <= self._early:
            return 0.0
        return max(missing / self._rate, LEAST_WAIT)

    def foretell(self, now: float) -> float:
        """See `ILimiter.foretell`."""
        level = self._level
        if now > self.since:
            level = min(level + (now - self.since) * self._rate, self._capacity)
        missing = 1.0 - level
        return 0.0 if missing <= self._early else max(missing / self._rate, LEAST_WAIT)

    def take(self, now: float) -> float:
        """See `ILimiter.take`."""
        self._level -= 1.0
        return 0.0

    def give_back(self, now: float, turn: float) -> None:
        """See `ILimiter.give_back`."""

    def quota(self, now: float) -> Quota:
        """See `ILimiter.quota`."""
        level, rate, capacity = self._level, self._rate, self._capacity
        if now > self.since:
            level = min(level + (now - self.since) * rate, capacity)
        remaining, most = int(level + self._early), self._most
        return Quota(most, remaining if remaining < most else most, (capacity - level) / rate)

    def carry_over(self, old: ILimiter, now: float) -> None:
        """See `ILimiter.carry_over`: filled to the same part."""
        if isinstance(old, TokenBucket):
            old.refusal(now)
            self._level = old._level / old._capacity * self._capacity
            self.since = now


def take_from(buckets: Iterable[TokenBucket], now: float) -> Quota:
    """Take from each of some buckets: `take` and `quota` of all of them, in one go.

    Every request takes from all the limits that it stands under, and most often they are buckets.

    Args:
        buckets: One at least. Each has just been asked for its `refusal`, at the same time, and said 0.
        now: The clock's seconds.

    Returns:
        The quota of the one of which least remains; of the first of equals.
    """
    scarcest, least = None, 0
    for bucket in buckets:
        level = bucket._level = bucket._level - 1.0
        remaining, most = int(level + bucket._early), bucket._most
        remaining = remaining if remaining < most else most
        if scarcest is None or remaining < least:
            scarcest, least = bucket, remaining
    if scarcest is None:
        raise ValueError("there are no buckets")
    return scarcest.quota(now)
