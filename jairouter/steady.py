"""Time that only goes forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def keep_steady(reactor: Any, wall: Callable[[], float], steady: Callable[[], float]) -> None:
    """Have a reactor count its time by a clock that nobody sets.

    Twisted's reactors go by the clock on the wall. Where that is set back, as it is when a machine that was
    started with a wrong time hears the right one, everything that waits for a time waits so much longer:
    timeouts, retries, checks. What the reactor says stays the time since the epoch, as far as that was known
    at the start.

    Args:
        reactor: One that has not been asked to call anything later.
        wall: Seconds since the epoch.
        steady: Seconds since whenever, that only grow.
    """
    start = wall() - steady()
    reactor.seconds = lambda: start + steady()
