"""Requests that come at odd times, and what a limiter makes of them."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from hypothesis import strategies as st

from jairouter.interfaces import ILimiter

EPOCH = 1_790_000_000.0
"""A clock that counts from 1970, in steps of a quarter of a microsecond."""

_gaps = st.one_of(
    st.just(0.0),
    st.floats(0, 0.02),
    st.floats(0, 3),
    st.sampled_from((0.1, 1 / 3, 1.0, 60.0, 1e5)),
)


class Passed(NamedTuple):
    """A request that was let through.

    Attributes:
        came: When.
        left: When it could go on.
    """

    came: float
    left: float


@st.composite
def arrivals(draw: st.DrawFn, bursts: int = 30) -> list[float]:
    """Times at which requests come: bursts of any size, any time apart, on one of two clocks."""
    groups = draw(st.lists(st.tuples(_gaps, st.integers(1, bursts)), min_size=1, max_size=25))
    times = accumulate((gap for gap, _ in groups), initial=draw(st.sampled_from((0.0, EPOCH))))
    return [time for time, (_, size) in zip(times, groups, strict=False) for _ in range(size)]


def send(limiter: ILimiter, times: list[float]) -> list[Passed]:
    """Let requests come, and return those that were let through."""
    passed = []
    for now in times:
        if not limiter.refusal(now):
            passed.append(Passed(now, now + limiter.take(now)))
    return passed


def steady(begin: float, every: float, seconds: float) -> list[float]:
    """Somebody who asks again and again."""
    return [begin + every * index for index in range(int(seconds / every))]


def excess(times: list[float], rate: float) -> float:
    """The most that came in any stretch of time, beyond `rate` times its length."""
    most, least = 0.0, 0.0
    for index, time in enumerate(times):
        drained = rate * (time - times[0])
        least = min(least, index - drained)
        most = max(most, index + 1 - drained - least)
    return most
