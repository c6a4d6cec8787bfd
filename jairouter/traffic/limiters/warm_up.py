r"""`warm-up`: a bucket for what needs time to get going, such as a backend with cold caches.

How warm it is lies between 0 and 1. It begins cold, and what it lets through follows that::

    rate  rate                _______        the bucket's size grows with the rate, from
           |              __--               `capacity / cold-factor`, so that a cold one
          rate / cold __--                   lets no large burst through either
           |__________|________|______
          warm        0        1

It gets warmer while it works and colder while it does not, both by 1 per `warm-up-period`. A request is
work for ``1 / rate``; so it warms up under more than half the load that it would let through, and cools
down under less, as Guava's SmoothWarmingUp does. (That one makes callers wait and stores no burst; there the
*time* between two requests grows in a straight line, here it is the rate, as operators expect it.)
"""

from __future__ import annotations

from typing import NamedTuple

from zope.interface import implementer

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import EARLY, LEAST_WAIT


class Curve(NamedTuple):
    """What a warm-up limiter is made of.

    Attributes:
        rate: Requests per second when warm.
        capacity: Size of the bucket when warm.
        period: Seconds from cold to warm, more than 0.
        cold_factor: By how much less it is when cold, at least 1.
    """

    rate: float
    capacity: float
    period: float
    cold_factor: float

    def rate_at(self, warmth: float) -> float:
        """Requests per second."""
        coldest = self.rate / self.cold_factor
        return coldest + (self.rate - coldest) * warmth

    def size_at(self, warmth: float) -> float:
        """Of the bucket; there is always room for one."""
        smallest = max(1.0, self.capacity / self.cold_factor)
        return smallest + (self.capacity - smallest) * warmth

    def warmer(self, warmth: float, seconds: float) -> tuple[float, float]:
        """Work for some time. Returns how warm it is then, and the tokens gained."""
        ramp = min(seconds, (1.0 - warmth) * self.period)
        after = min(1.0, warmth + ramp / self.period)
        gained = ramp * (self.rate_at(warmth) + self.rate_at(after)) / 2
        return after, gained + (seconds - ramp) * self.rate

    def colder(self, warmth: float, seconds: float) -> tuple[float, float]:
        """Rest for some time; likewise."""
        ramp = min(seconds, warmth * self.period)
        after = max(0.0, warmth - ramp / self.period)
        gained = ramp * (self.rate_at(warmth) + self.rate_at(after)) / 2
        return after, gained + (seconds - ramp) * self.rate_at(0.0)


@implementer(ILimiter)
class WarmUp:
    """See the module.

    Args:
        curve: How it gets warm.
        now: The clock's seconds.
    """

    __slots__ = ("_curve", "_level", "_warmth", "_work", "since")

    lends = False
    lent = 0

    def __init__(self, curve: Curve, now: float) -> None:
        self._curve = curve
        self._warmth = 0.0
        self._level = curve.size_at(0.0)
        self._work = 0.0  # seconds that what was let through takes
        self.since = now

    def refusal(self, now: float) -> float:
        """See `ILimiter.refusal`."""
        self._advance(now)
        return self.foretell(now)

    def foretell(self, now: float) -> float:
        """See `ILimiter.foretell`."""
        warmth, level, _ = self._at(now)
        missing, rate = 1.0 - level, self._curve.rate_at(warmth)
        return 0.0 if missing <= rate * EARLY else max(missing / rate, LEAST_WAIT)

    def take(self, now: float) -> float:
        """See `ILimiter.take`."""
        self._level -= 1.0
        self._work += 1.0 / self._curve.rate_at(self._warmth)
        return 0.0

    def give_back(self, now: float, turn: float) -> None:
        """See `ILimiter.give_back`."""

    def quota(self, now: float) -> Quota:
        """See `ILimiter.quota`."""
        warmth, level, _ = self._at(now)
        size, rate = self._curve.size_at(warmth), self._curve.rate_at(warmth)
        return Quota(int(size), int(min(level + rate * EARLY, size)), (size - level) / rate)

    def carry_over(self, old: ILimiter, now: float) -> None:
        """See `ILimiter.carry_over`: as warm, and filled to the same part."""
        if isinstance(old, WarmUp):
            old._advance(now)
            self._warmth, self._work, self.since = old._warmth, old._work, now
            part = old._level / old._curve.size_at(old._warmth)
            self._level = part * self._curve.size_at(self._warmth)

    def _advance(self, now: float) -> None:
        """Let the time pass since it was last asked."""
        self._warmth, self._level, self._work = self._at(now)
        self.since = now

    def _at(self, now: float) -> tuple[float, float, float]:
        """How warm it is by then, how full, and for how long it works on: first it works, then it rests."""
        warmth, level, work = self._warmth, self._level, self._work
        elapsed = now - self.since
        if elapsed <= 0.0:
            return warmth, level, work
        curve, working = self._curve, min(elapsed, work)
        if working:
            work -= working
            warmth, gained = curve.warmer(warmth, working)
            level = min(level + gained, curve.size_at(warmth))
        if elapsed > working:
            warmth, gained = curve.colder(warmth, elapsed - working)
            level = min(level + gained, curve.size_at(warmth))
        return warmth, level, work
