"""Limiters as they are described, in exact fractions and without a thought for speed.

Each says by how many seconds a request comes too early (not at all: 0 or less), is told what was let through,
and can be carried over to other settings.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

Exact = Fraction
_NEVER = Fraction(10**9)
_SOON = Fraction(1, 10**6)
"""Seconds that are nothing, as the clock counts in floats."""


class Reference(Protocol):
    """A limiter."""

    def early(self, now: Exact) -> Exact:
        """Seconds by which a request comes too early."""

    def take(self, now: Exact) -> Exact:
        """It is let through. Returns for how long it waits."""

    def give_back(self, now: Exact, turn: Exact) -> None:
        """It is over."""

    def carried(self, settings: dict[str, Any], now: Exact) -> Reference:
        """The same under other settings."""


class Bucket:
    """`capacity` tokens at most, `rate` more per second."""

    def __init__(self, settings: dict[str, Any], now: Exact) -> None:
        self._capacity, self._rate = Fraction(settings["capacity"]), Fraction(str(settings["rate"]))
        self._level, self._since = self._capacity, now

    def early(self, now: Exact) -> Exact:
        """See `Reference.early`."""
        self._level = min(self._capacity, self._level + (now - self._since) * self._rate)
        self._since = now
        return (1 - self._level) / self._rate

    def take(self, now: Exact) -> Exact:
        """See `Reference.take`."""
        self._level -= 1
        return Fraction(0)

    def give_back(self, now: Exact, turn: Exact) -> None:
        """See `Reference.give_back`: tokens are not."""

    def carried(self, settings: dict[str, Any], now: Exact) -> Bucket:
        """See `Reference.carried`: filled to the same part."""
        other = Bucket(settings, now)
        self.early(now)
        other._level = self._level / self._capacity * other._capacity
        return other


class Window:
    """So many in any stretch of time of one length."""

    def __init__(self, settings: dict[str, Any], now: Exact) -> None:
        self._most: int = settings["max_requests"]
        self._length = Fraction(str(float(settings["window_size"])))
        self._times: list[Exact] = []

    def early(self, now: Exact) -> Exact:
        """See `Reference.early`."""
        if len(self._times) < self._most:
            return -_NEVER
        oldest: Exact = self._times[-self._most]
        return oldest + self._length - now

    def take(self, now: Exact) -> Exact:
        """See `Reference.take`."""
        self._times.append(now)
        return Fraction(0)

    def give_back(self, now: Exact, turn: Exact) -> None:
        """See `Reference.give_back`: what was let through was."""

    def carried(self, settings: dict[str, Any], now: Exact) -> Window:
        """See `Reference.carried`."""
        other = Window(settings, now)
        other._times = self._times[:]
        return other


class Places:
    """`capacity` under way at a time; before and after a reload they are counted together."""

    def __init__(self, settings: dict[str, Any], now: Exact, count: list[int] | None = None) -> None:
        self._capacity = settings["capacity"]
        self._count = [0] if count is None else count

    def early(self, now: Exact) -> Exact:
        """See `Reference.early`."""
        return _NEVER if self._count[0] >= self._capacity else -_NEVER

    def take(self, now: Exact) -> Exact:
        """See `Reference.take`."""
        self._count[0] += 1
        return Fraction(0)

    def give_back(self, now: Exact, turn: Exact) -> None:
        """See `Reference.give_back`."""
        self._count[0] -= 1

    def carried(self, settings: dict[str, Any], now: Exact) -> Places:
        """See `Reference.carried`."""
        return Places(settings, now, self._count)


class Queue:
    """Requests leave one after the other, ``1 / rate`` apart; a turn that is given up goes to another."""

    def __init__(self, settings: dict[str, Any], now: Exact, turns: list[list[Exact]] | None = None) -> None:
        self._capacity, self._step = settings["capacity"], 1 / Fraction(str(settings["rate"]))
        self._longest = Fraction(str(float(settings["max_wait"])))
        self._taken, self._free, self._end = turns or [[], [], [Fraction(-(10**9))]]

    def early(self, now: Exact) -> Exact:
        """See `Reference.early`."""
        wait = self._next(now) - now
        if wait <= 0:
            return wait
        waiting = sorted(turn for turn in self._taken if turn > now + _SOON)
        room = waiting[len(waiting) - self._capacity] - now if len(waiting) >= self._capacity else -_NEVER
        return max(wait - self._longest, room)

    def take(self, now: Exact) -> Exact:
        """See `Reference.take`."""
        turn = self._next(now)
        if turn in self._free:
            self._free.remove(turn)
        else:
            self._end[0] = turn
        self._taken.append(turn)
        return max(turn - now, Fraction(0))

    def give_back(self, now: Exact, turn: Exact) -> None:
        """See `Reference.give_back`."""
        mine = min(self._taken, key=lambda each: abs(each - turn))
        self._taken.remove(mine)
        if mine > now + _SOON:
            self._free.append(mine)

    def carried(self, settings: dict[str, Any], now: Exact) -> Queue:
        """See `Reference.carried`."""
        return Queue(settings, now, [self._taken, self._free, self._end])

    def _next(self, now: Exact) -> Exact:
        free = [turn for turn in self._free if turn > now + _SOON]
        return min(free) if free else max(self._end[0] + self._step, now)


MAKERS: dict[str, Callable[[dict[str, Any], Exact], Reference]] = {
    "token-bucket": Bucket,
    "sliding-window": Window,
    "concurrency": Places,
    "leaky-bucket": Queue,
}


def make(settings: dict[str, Any], now: float) -> Reference:
    """Make the one that is configured."""
    return MAKERS[settings["algorithm"]](settings, Fraction(now))


def certain(early: Exact, slack: float = 2e-6) -> bool | None:
    """Whether a request that comes so early is let through; None if that is a matter of rounding."""
    if early and abs(early) <= slack:
        return None
    return early <= 0
