"""How much one key may ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING, Final, TypeVar

from zope.interface import implementer

from jairouter.dates import DAY
from jairouter.errors import PermissionDenied, RateLimited
from jairouter.interfaces import IAllowance, Quota
from jairouter.traffic.limiters.by_name import kind_of
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.token_bucket import TokenBucket

if TYPE_CHECKING:
    from jairouter.interfaces import ILimiter

L = TypeVar("L", Concurrency, TokenBucket)

SCOPE: Final = "api-key"
"""Of its limits, for metrics."""
PER_DAY: Final = "per-day"
"""In place of an algorithm."""
_MINUTE: Final = 60.0
_ALWAYS: Final = float("-inf")
"""When limiters begin that nobody has asked yet: they are full."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is configured of one key; None where nothing is.

    Attributes:
        requests_per_minute: Most requests per minute, in the long run.
        burst: Most of them in one go.
        max_concurrent: Most requests under way.
        requests_per_day: Most requests on one day of UTC.
        models: The only models that it may use, with `*` for any characters; none named means all.
    """

    requests_per_minute: int | None = None
    burst: int | None = None
    max_concurrent: int | None = None
    requests_per_day: int | None = None
    models: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is."""
        return self != _NO_LIMITS


_NO_LIMITS: Final = Limits()


@implementer(IAllowance)
class Allowance:
    """See the module. There is one for a key's whole life: what is changed about the key changes it in place.

    Args:
        limits: What is configured.
        today: Seconds since the epoch, by which the day is known.

    Attributes:
        lends: See `IAllowance`.
        charged: Requests of the day `day` that were let through here, and that nobody else knows of yet.
        day: Days since the epoch, of `charged`.
    """

    __slots__ = (
        "_bucket",
        "_concurrency",
        "_exact",
        "_limits",
        "_pattern",
        "_per_day",
        "_shared",
        "_today",
        "charged",
        "day",
        "lends",
    )

    def __init__(self, limits: Limits, today: Callable[[], float]) -> None:
        self._today = today
        self._limits = _NO_LIMITS
        self._bucket: TokenBucket | None = None
        # Stays, even while there is no such limit: what was lent under an earlier one is still given back
        self._concurrency = Concurrency(1, _ALWAYS)
        self.charged = 0
        self.day = 0
        self._shared = (0, 0)
        self.configure(limits)

    def configure(self, limits: Limits) -> None:
        """Go on with other limits, from where it stands."""
        if limits.max_concurrent is not None:
            self._concurrency = _following(Concurrency(limits.max_concurrent, _ALWAYS), self._concurrency)
        self.lends = limits.max_concurrent is not None
        rate, before = limits.requests_per_minute, self._limits
        if rate is None:
            self._bucket = None
        elif self._bucket is None or (rate, limits.burst) != (before.requests_per_minute, before.burst):
            bucket = TokenBucket(rate / _MINUTE, float(limits.burst or rate), _ALWAYS)
            self._bucket = _following(bucket, self._bucket)
        self._per_day = limits.requests_per_day
        self._exact = frozenset(limits.models)
        self._pattern = _pattern(limits.models)
        self._limits = limits

    def covers(self, model: str) -> bool:
        """See `IAllowance.covers`."""
        return not self._exact or model in self._exact or self._matches(model)

    def take(self, model: str, now: float) -> Quota | None:
        """See `IAllowance.take`."""
        if not self.covers(model):
            # Said before anybody has looked for the model, so that nobody learns which ones there are
            raise PermissionDenied(f"this key may not use the model {model[:200]!r}", param="model")
        left = self._left_today() if self._per_day is not None else None
        limiters = self._limiters()
        for limiter in limiters:
            if wait := limiter.refusal(now):
                limit = (SCOPE, kind_of(limiter))
                told, quota = _TOLD[type(limiter)], limiter.quota(now)
                raise RateLimited(told, retry_after=wait, limit=limit, quota=quota)
        for limiter in limiters:
            limiter.take(now)
        quotas = [each.quota(now) for each in limiters]
        if left is not None:
            self.charged += 1
            quotas.append(left._replace(remaining=left.remaining - 1))
        return min(quotas, key=_remaining, default=None)

    def give_back(self, now: float) -> None:
        """See `IAllowance.give_back`."""
        self._concurrency.give_back(now, now)

    def learn(self, day: int, used: int) -> None:
        """Be told how many requests all gateways have let through, as far as they have said so.

        Args:
            day: Of which day, in days since the epoch.
            used: How many; what is still in `charged` is not among them.
        """
        self._shared = (day, used)

    def settle(self, day: int, number: int) -> None:
        """So many of `charged` of that day are known to everybody now."""
        if day == self.day:
            self.charged -= number

    def _matches(self, model: str) -> bool:
        return self._pattern is not None and self._pattern.match(model) is not None

    def _limiters(self) -> Sequence[ILimiter]:
        if self._bucket is None:
            return (self._concurrency,) if self.lends else ()
        return (self._concurrency, self._bucket) if self.lends else (self._bucket,)

    def _left_today(self) -> Quota:
        """What is left of the day, before the request that asks.

        Raises:
            RateLimited: Nothing is.
        """
        assert self._per_day is not None  # else nobody asks
        seconds = self._today()
        today = int(seconds // DAY)
        if today != self.day:
            self.day, self.charged = today, 0
        midnight = (today + 1) * DAY - seconds
        day, used = self._shared
        left = self._per_day - self.charged - (used if day == today else 0)
        if left <= 0:
            told, quota = "this key has used up its requests of the day", Quota(self._per_day, 0, midnight)
            raise RateLimited(told, retry_after=midnight, limit=(SCOPE, PER_DAY), quota=quota)
        return Quota(self._per_day, left, midnight)

    def __repr__(self) -> str:
        return f"<Allowance {self._limits}>"


_TOLD: Final[dict[type, str]] = {
    Concurrency: "this key has as many requests under way as it may have",
    TokenBucket: "the limit of requests per minute of this key is reached",
}


def _remaining(quota: Quota) -> int:
    return quota.remaining


def _following(limiter: L, old: L | None) -> L:
    if old is not None:
        limiter.carry_over(old, old.since)
    return limiter


def _pattern(models: Sequence[str]) -> re.Pattern[str] | None:
    """What matches any of the names that are patterns, as `fnmatch.fnmatchcase` does."""
    patterns = [translate(each) for each in models if not {"*", "?", "["}.isdisjoint(each)]
    return re.compile("|".join(patterns)) if patterns else None
