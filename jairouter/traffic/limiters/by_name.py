"""From the settings of a limit to its limiter."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.leaky_bucket import LeakyBucket
from jairouter.traffic.limiters.sliding_window import SlidingWindow
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limiters.warm_up import Curve, WarmUp

if TYPE_CHECKING:
    from jairouter.config.settings.limits import RateLimitSettings
    from jairouter.interfaces import ILimiter

MakeLimiter = Callable[[float], "ILimiter"]
"""Makes a limiter that begins now, in the clock's seconds."""


def make_limiter(settings: RateLimitSettings, now: float) -> ILimiter:
    """Make the limiter of one limit.

    Args:
        settings: The limit, with all its values.
        now: The clock's seconds.
    """
    return maker(settings)(now)


def maker(settings: RateLimitSettings) -> MakeLimiter:
    """Return what makes limiters of one kind. They share what they have in common: there may be many."""
    return _MAKERS[settings.algorithm](settings)


def _token_bucket(settings: RateLimitSettings) -> MakeLimiter:
    return partial(TokenBucket, float(settings.rate), float(settings.capacity))


def _leaky_bucket(settings: RateLimitSettings) -> MakeLimiter:
    return partial(LeakyBucket, settings.rate, settings.capacity, settings.max_wait)


def _sliding_window(settings: RateLimitSettings) -> MakeLimiter:
    window = 1.0 if settings.window_size is None else settings.window_size
    if settings.max_requests is not None:
        return partial(SlidingWindow, settings.max_requests, window)
    most = math.floor(settings.rate * window + 1e-9)  # 0.29 * 100 is a little less than 29
    if most:
        return partial(SlidingWindow, most, window)
    return partial(SlidingWindow, 1, 1.0 / settings.rate)  # as long as it takes to be one whole request


def _warm_up(settings: RateLimitSettings) -> MakeLimiter:
    if not settings.warm_up_period:
        return _token_bucket(settings)
    curve = Curve(
        float(settings.rate), float(settings.capacity), settings.warm_up_period, settings.cold_factor
    )
    return partial(WarmUp, curve)


def _concurrency(settings: RateLimitSettings) -> MakeLimiter:
    return partial(Concurrency, settings.capacity)


_MAKERS: dict[str, Callable[[RateLimitSettings], MakeLimiter]] = {
    "token-bucket": _token_bucket,
    "leaky-bucket": _leaky_bucket,
    "sliding-window": _sliding_window,
    "warm-up": _warm_up,
    "concurrency": _concurrency,
}

_KINDS: dict[type, str] = {
    TokenBucket: "token-bucket",
    LeakyBucket: "leaky-bucket",
    SlidingWindow: "sliding-window",
    WarmUp: "warm-up",
    Concurrency: "concurrency",
}


def kind_of(limiter: ILimiter) -> str:
    """The algorithm of a limiter, `other` if it is none of ours.

    A `warm-up` that takes no time is a `token-bucket`.
    """
    return _KINDS.get(type(limiter), "other")
