"""What stands inside Retry and Hedge: each time another instance, as Pick would have it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.retrying import HedgeSettings, RetrySettings
from jairouter.errors import NoHealthyUpstream, UpstreamUnreachable
from jairouter.exchange import Attempt, Exchange, HeaderPairs, Phase
from jairouter.task import Task
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.hedging import HedgePolicy
from jairouter.traffic.instance import Instance
from jairouter.traffic.retry import RetryPolicy
from tests.filters.inner import Inner, exchange, instance, request


class Attempting(Inner):
    """Begins an attempt for each exchange that comes in, at the first instance that was not tried.

    Attributes:
        nobody: How many are refused instead, since there is nobody.
        on_fail: Done by `assert_gone` before the attempt fails.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.nobody = 0
        self.on_fail: Callable[[], object] = lambda: None
        self._clock = clock
        self.on_respond = self._pick

    def _pick(self, exchange: Exchange) -> None:
        tried = [attempt.instance for attempt in exchange.attempts]
        assert exchange.group is not None
        left = [each for each in exchange.group.instances if each not in tried]
        if self.nobody or not left:
            self.nobody -= 1
            self.exchanges.pop()
            raise NoHealthyUpstream("nobody", retry_after=1)
        attempt = Attempt(left[0], self._clock.seconds)
        attempt.phase = Phase.WAITING
        exchange.attempts.append(attempt)


def assert_gone(
    test: SynchronousTestCase, filter_: Any, inner: Attempting, after: Callable[[], object] = lambda: None
) -> None:
    """An attempt's error that goes through a filter, and is caught behind it, is not kept by anything.

    Args:
        test: It fails if the error is kept.
        filter_: What stands around `inner`.
        inner: Makes the attempts; the last of them fails with the error.
        after: Done when it has failed.
    """
    caught: list[bool] = []

    async def outermost() -> None:
        try:
            await filter_.respond(several())
        except UpstreamUnreachable:
            caught.append(True)

    gc.disable()
    try:
        Task(outermost(), lambda _: None, lambda _: None).start()
        inner.on_fail()
        error = UpstreamUnreachable("refused")
        gone = weakref.ref(error)
        work = inner._works.pop()
        work.errback(error)
        del error, work
        after()
        test.assertEqual((caught, gone()), ([True], None))
    finally:
        gc.enable()


def several(number: int = 3, headers: HeaderPairs = (), **made: Any) -> Exchange:
    """An exchange that so many instances could answer."""
    instances: list[Instance] = [instance(**made) for _ in range(number)]
    return exchange(request(headers=headers), "m", *instances)


def retry_policy(floor: float = 100.0, **given: Any) -> RetryPolicy:
    """Without waits unless they are given; the budget is the floor alone."""
    settings = RetrySettings().model_copy(update={"delay": 0.0, **given})
    return RetryPolicy(settings, RetryBudget(0, floor, 10), Random(0))


def hedge_policy(retry: RetryPolicy, **given: Any) -> HedgePolicy:
    """Every request may have a hedge unless something else is given."""
    return HedgePolicy(HedgeSettings().model_copy(update={"max_extra_load": 1.0, **given}), retry)
