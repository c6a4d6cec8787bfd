"""The limits on the requests of one service: taken together, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from jairouter.traffic.limiters.token_bucket import take_from

if TYPE_CHECKING:
    from jairouter.exchange import Exchange
    from jairouter.interfaces import ILimiter, Quota
    from jairouter.traffic.limiters.keyed import Keyed

Place = tuple[str, ...]
"""Where a limit is configured; by that it is known again after a reload."""


Told = tuple[str, str]
"""The scope and the algorithm of a limit, for metrics."""

NO_WORDS: Told = ("", "")


class Admitted(NamedTuple):
    """All limits let a request through, and have counted it.

    Attributes:
        wait: Seconds until it may go on.
        quota: Of the limit of which least remains.
        lent: The limiters that it has to be given back to, each with the turn that it has there: who waits
            for the longest of several queues has an earlier one in the others.
    """

    wait: float
    quota: Quota
    lent: list[tuple[ILimiter, float]]


class Refused(NamedTuple):
    """Some limit does not let a request through, and none has counted it.

    Attributes:
        wait: Seconds after which all of them may.
        quota: Of the limit that refuses for longest.
        name: What that one is the limit of.
        told: See `Told`; of that one.
    """

    wait: float
    quota: Quota
    name: str
    told: Told = NO_WORDS


class Single(NamedTuple):
    """A limit with one limiter for all that it is about.

    Attributes:
        place: See `Place`.
        name: What it is the limit of, for clients to read.
        limiter: Itself.
        told: See `Told`.
    """

    place: Place
    name: str
    limiter: ILimiter
    told: Told = NO_WORDS


class Each(NamedTuple):
    """A limit with a limiter for each client address, caller or model.

    Attributes:
        place: See `Place`.
        name: What it is the limit of, for clients to read; the model stands where it says `{model}`.
        table: The limiters.
        key_of: Whose limiter it is that an exchange stands under.
        told: See `Told`.
    """

    place: Place
    name: str
    table: Keyed
    key_of: Callable[[Exchange], Hashable]
    told: Told = NO_WORDS


class Rule:
    """See the module.

    Args:
        limits: All of them, each once.
        lends: Whether any of them is to be given back.
        buckets: Whether all of them are token buckets, those of each address too.

    Attributes:
        lends: Whether any of them is to be given back.
        told: See `Told`; one for each.
    """

    __slots__ = ("_buckets", "_limiters", "_singles", "_tables", "lends", "told")

    def __init__(self, limits: Iterable[Single | Each], *, lends: bool, buckets: bool = False) -> None:
        limits = tuple(limits)
        self._singles = [each for each in limits if isinstance(each, Single)]
        self._limiters = [each.limiter for each in self._singles]
        self._tables = [each for each in limits if isinstance(each, Each)]
        self.lends = lends
        self.told = tuple(each.told for each in limits)
        self._buckets = buckets

    @property
    def limits(self) -> tuple[Single | Each, ...]:
        """All of them."""
        return (*self._singles, *self._tables)

    def admit(self, exchange: Exchange, now: float) -> Admitted | Refused:
        """Take from all limits, or from none.

        Args:
            exchange: Its model is known.
            now: The clock's seconds.
        """
        limiters = self._limiters[:]
        for limiter in limiters:
            if limiter.refusal(now):
                return self._refused(exchange, now)
        # Only now: who is refused anyway is not worth being remembered
        for _, _, table, key_of, _ in self._tables:
            limiter = table.limiter(key_of(exchange), now)
            if limiter.refusal(now):
                return self._refused(exchange, now)
            limiters.append(limiter)
        if self._buckets:
            return Admitted(0.0, take_from(limiters, now), [])  # type: ignore[arg-type]  # (a cast is a call)
        return _taken(limiters, now)

    def _refused(self, exchange: Exchange, now: float) -> Refused:
        """Ask all of them, and tell of the one that refuses for longest."""
        asked = [(each.name, each.limiter, each.told) for each in self._singles]
        for _, name, table, key_of, told in self._tables:
            known = table.known(key_of(exchange))
            if known is not None:
                asked.append((name.replace("{model}", repr(exchange.model[:100])), known, told))
        refusals = [(limiter.refusal(now), name, limiter, told) for name, limiter, told in asked]
        wait, name, limiter, told = max(refusals, key=lambda each: each[0])
        return Refused(wait, limiter.quota(now), name, told)


def _taken(limiters: list[ILimiter], now: float) -> Admitted:
    """Take from all of them."""
    wait, least, lent = 0.0, None, []
    for limiter in limiters:
        delay = limiter.take(now)
        if delay:
            wait = max(wait, delay)
        if limiter.lends:
            lent.append((limiter, now + delay))
        quota = limiter.quota(now)
        if least is None or quota[1] < least[1]:
            least = quota
    if least is None:
        raise ValueError("a rule without limits")
    return Admitted(wait, least, lent)
