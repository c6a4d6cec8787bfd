"""`leaky-bucket`: requests leave at `rate`, one after the other, however they come.

Each gets a *turn*, a point in time at least ``1 / rate`` after the one before, and waits for it. At most
`capacity` wait at a time, none longer than `max-wait`; who would have to is refused.

Who gives up while it waits frees its turn for whoever comes next. Those behind it keep theirs, since they
were told how long to wait. So turns are never closer together than ``1 / rate``, and there are never
more of them to come than may wait: a new one is only made when none is free.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort

from zope.interface import implementer

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import EARLY, LEAST_WAIT


class _Queue:
    """Who waits for what; the limiters before and after a reload share it.

    Attributes:
        turns: To come and taken, in order.
        free: To come and given up, in order.
        lent: How many requests have a turn, to come or gone.
        first: The turn from which the last ones are counted: adding up ``1 / rate`` again and again would add
            up the roundings as well.
        steps: How many turns have been given since, itself among them.
        since: When it was last asked.
    """

    __slots__ = ("first", "free", "lent", "since", "steps", "turns")

    def __init__(self, now: float) -> None:
        self.turns: list[float] = []
        self.free: list[float] = []
        self.lent = 0
        self.first = -math.inf
        self.steps = 0
        self.since = now

    def come_to(self, now: float) -> None:
        """Forget the turns that are over."""
        back = self.since - now
        self.since = now
        if back > 0.0:  # the clock was set back
            self.first -= back
            self.turns = [each - back for each in self.turns]
            self.free = [each - back for each in self.free]
        if self.turns and self.turns[0] <= now:
            del self.turns[: bisect_right(self.turns, now)]
        if self.free and self.free[0] <= now:
            del self.free[: bisect_right(self.free, now)]

    def give_up(self, turn: float, within: float) -> None:
        """Free a turn to come. It is looked for nearby, as it was found by adding a wait to a time."""
        index = bisect_left(self.turns, turn - within)
        if index < len(self.turns) and self.turns[index] <= turn + within:
            insort(self.free, self.turns.pop(index))


@implementer(ILimiter)
class LeakyBucket:
    """See the module.

    Args:
        rate: Requests per second.
        capacity: How many may wait.
        max_wait: Seconds.
        now: The clock's seconds.
    """

    __slots__ = ("_capacity", "_max_wait", "_queue", "_rate")

    lends = True

    def __init__(self, rate: float, capacity: int, max_wait: float, now: float) -> None:
        self._rate = rate
        self._capacity = capacity
        self._max_wait = max_wait
        self._queue = _Queue(now)

    @property
    def lent(self) -> int:
        """See `ILimiter.lent`."""
        return self._queue.lent

    @property
    def since(self) -> float:
        """See `ILimiter.since`."""
        return self._queue.since

    def refusal(self, now: float) -> float:
        """See `ILimiter.refusal`."""
        self._queue.come_to(now)
        return self.foretell(now)

    def foretell(self, now: float) -> float:
        """See `ILimiter.foretell`."""
        now = max(now, self.since)
        lag, turns = self._lag(now), self._queue.turns
        if lag <= 0.0:
            return 0.0
        wait = 0.0 if lag <= self._max_wait + EARLY else lag - self._max_wait
        over = len(turns) - self._capacity
        if over >= 0:  # (turns that are over already stand in front, and mean no wait)
            wait = max(wait, turns[over] - now)
        return max(wait, LEAST_WAIT) if wait else 0.0

    def take(self, now: float) -> float:
        """See `ILimiter.take`."""
        queue = self._queue
        queue.come_to(now)
        lag = self._lag(now)
        queue.lent += 1
        if queue.free:
            insort(queue.turns, queue.free.pop(0))
        elif lag > 0.0:
            queue.turns.append(now + lag)
            queue.steps += 1
        elif queue.first + queue.steps / self._rate > now:  # it is early; the next one is not
            queue.steps += 1
        else:
            queue.first = now
            queue.steps = 1
        return lag

    def give_back(self, now: float, turn: float) -> None:
        """See `ILimiter.give_back`."""
        self._queue.lent -= 1
        if now < turn:
            self._queue.give_up(turn, 0.4 / self._rate)

    def quota(self, now: float) -> Quota:
        """See `ILimiter.quota`."""
        now, queue = max(now, self.since), self._queue
        lag = self._lag(now)
        limit = 1 + min(self._capacity, int((self._max_wait + EARLY) * self._rate))
        if lag <= 0.0:
            return Quota(limit, limit, 0.0)
        end, longest = self._end(now), self._max_wait + EARLY
        new = math.floor((longest - end) * self._rate) + 1
        free, turns = queue.free, queue.turns
        in_time = bisect_right(free, now + longest) - bisect_right(free, now) + max(0, new)
        waiting = len(turns) - bisect_right(turns, now)
        return Quota(limit, max(0, min(self._capacity - waiting, in_time)), end)

    def carry_over(self, old: ILimiter, now: float) -> None:
        """See `ILimiter.carry_over`: those that wait keep their turns."""
        if isinstance(old, LeakyBucket):
            queue = self._queue = old._queue
            if queue.steps:
                queue.first += (queue.steps - 1) / old._rate
                queue.steps = 1

    def _lag(self, now: float) -> float:
        """Seconds until the next turn that can be had; `now` is not before the queue was last asked."""
        free = self._queue.free
        if not free or free[-1] <= now:
            return self._end(now)
        return free[bisect_right(free, now)] - now

    def _end(self, now: float) -> float:
        """Seconds until the first turn that nobody has had yet."""
        queue = self._queue
        lag = queue.first + queue.steps / self._rate - now
        return lag if lag > EARLY else 0.0
