"""A limiter for each client address, each caller or each model.

They are made when somebody new comes, and kept in the order of their last use. One is forgotten

* after `max-idle-time`, every `cleanup-interval`, but not before it is as good as new: then nobody can tell.
  (A bucket that takes an hour to fill is kept for that hour.)
* when there are `max-clients` and another one comes. Of the few that have been idle longest, one that is as
  good as new is taken if there is one, else the first. Its client finds a new bucket if it comes back.

Nothing is forgotten that has lent something out, so there may be more than `max-clients`, by as many as there
are requests under way.

What somebody with very many addresses gains: nothing, as long as buckets fill again in less time than it
takes to go through `max-clients` addresses, which is so at any rate above a request in a few seconds. Where
limits are slower than that, each new address costs one old bucket its memory; but one new address is good for
a whole new bucket anyway. Limits by address do not bound what comes from more addresses than are remembered:
that is what the limit of the service is for. A request that another limit refuses makes no bucket, so that
a flood beyond the service's limit makes nobody forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jairouter.interfaces import ILimiter

_LOOKED_AT = 8
"""Of those idle longest, how many are looked at for one to forget."""
_AT_ONCE = 200
"""How many are looked at during one request, at most, when those are forgotten that were idle too long."""


class Bounds(NamedTuple):
    """How many are kept, and for how long.

    Attributes:
        most: Beyond so many, the one that has been idle longest is forgotten.
        idle: Seconds after which one is forgotten that nobody asks.
        interval: Seconds between two looks for those.
    """

    most: int
    idle: float
    interval: float


class Keyed:
    """See the module.

    Args:
        make: Makes a limiter that begins now.
        bounds: How many are kept.
        now: The clock's seconds.
    """

    def __init__(self, make: Callable[[float], ILimiter], bounds: Bounds, now: float) -> None:
        self._make = make
        self._bounds = bounds
        self._limiters = _Limiters()
        self._before = _Limiters()  # of before a reload: nobody has come back for them yet
        self._cleaned = now

    def __len__(self) -> int:
        return len(self._limiters) + len(self._before)

    def known(self, key: Hashable) -> ILimiter | None:
        """The limiter of somebody who has come before, if it is remembered; that is no use of it."""
        limiter = self._limiters.get(key)
        return self._before.get(key) if limiter is None else limiter

    def latest(self, most: int) -> Iterator[tuple[Hashable, ILimiter]]:
        """Who came last, and their limiters, the latest first; that is no use of them.

        Those who have not come since a reload are not among them.
        """
        return islice(reversed(self._limiters.items()), most)

    def sample(self, now: float) -> ILimiter:
        """The limiter that somebody new would get, who does not come."""
        return self._make(now)

    def limiter(self, key: Hashable, now: float) -> ILimiter:
        """The limiter of whoever comes now."""
        if not 0.0 <= now - self._cleaned < self._bounds.interval:
            self.clean(now)  # before it is looked up: what is used now must not be forgotten meanwhile
        limiter = self._limiters.get(key)
        if limiter is None:
            return self._add(key, now)
        self._limiters.move_to_end(key)
        return limiter

    def clean(self, now: float) -> None:
        """Forget those that have been idle too long, but only so many that it takes no time to speak of."""
        longest = self._bounds.idle
        done = [_forget_idle(each, now, longest) for each in (self._before, self._limiters)]
        if all(done):
            self._cleaned = now

    def carry_over(self, old: Keyed, now: float) -> None:
        """Begin where another one stands, after a reload. Each limiter follows when its owner comes."""
        self._before = _Limiters(old._before)
        self._before.update(old._limiters)

    def _add(self, key: Hashable, now: float) -> ILimiter:
        limiter = self._make(now)
        before = self._before.pop(key, None)
        if before is not None:
            limiter.carry_over(before, now)
        else:
            # (two, if none could be forgotten lately: so there are soon no more than there may be)
            for _ in range(min(2, len(self) + 1 - self._bounds.most)):
                _forget_one(self._before or self._limiters, now)
        self._limiters[key] = limiter
        return limiter


_Limiters = OrderedDict[Hashable, "ILimiter"]
"""Who was idle longest is first."""


def _as_new(limiter: ILimiter, now: float) -> bool:
    return limiter.quota(now).reset <= 0.0


def _forget_idle(limiters: _Limiters, now: float, longest: float) -> bool:
    """Forget some of those that have been idle too long. Returns whether that was all."""
    size = len(limiters)
    for key, limiter in list(islice(limiters.items(), _AT_ONCE)):
        if limiter.lent:
            limiters.move_to_end(key)  # whoever has a request under way is not idle
        elif now - limiter.since >= longest and _as_new(limiter, now):
            del limiters[key]
        else:
            return True
    return len(limiters) in {0, size}


def _forget_one(limiters: _Limiters, now: float) -> None:
    """Forget the one that will be missed least, if any can be forgotten."""
    idle = []
    for key, limiter in list(islice(limiters.items(), _LOOKED_AT)):
        if limiter.lent:
            limiters.move_to_end(key)
        else:
            idle.append(key)
    if idle:
        del limiters[next((key for key in idle if _as_new(limiters[key], now)), idle[0])]
