"""Tests for `jairouter.traffic.hedging`."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.retrying import HedgeSettings, RetrySettings
from jairouter.exchange import Attempt, Exchange
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.hedging import HedgePolicy
from jairouter.traffic.retry import RetryPolicy
from tests.filters.inner import exchange, instance, request


def policy(floor: float = 100.0, **given: Any) -> HedgePolicy:
    """Decides; what is not given is as in the configuration, but for the cap."""
    settings = HedgeSettings().model_copy(update={"max_extra_load": 1.0, **given})
    return HedgePolicy(settings, RetryPolicy(RetrySettings(), RetryBudget(0, floor, 10), Random(0)))


def waiting(instances: int = 2, tried: int = 1) -> Exchange:
    """An exchange that came at 0, with attempts under way."""
    result = exchange(None, "m", *(instance() for _ in range(instances)))
    assert result.group is not None
    result.attempts += [Attempt(each, lambda: 0.0) for each in result.group.instances[:tried]]
    return result


class AllowsTests(SynchronousTestCase):
    """Whether there may be a second attempt."""

    def allowed(self, case: Exchange, now: float = 2.0, requests: int = 1, **given: Any) -> bool:
        decides = policy(**given)
        for _ in range(requests):
            decides.begin()
        return decides.allows(case, now)

    def test_allowed(self) -> None:
        self.assertTrue(self.allowed(waiting()))

    def test_nobody_else(self) -> None:
        self.assertFalse(self.allowed(waiting(2, 2)))

    def test_the_same_instance_is_not_asked_twice(self) -> None:
        case = waiting(2, 2)
        assert case.group is not None
        case.group.again = True
        self.assertFalse(self.allowed(case))

    def test_the_same_instance_is_not_asked_twice_in_place_of_another(self) -> None:
        """The budget pays for no attempt that cannot be made."""
        case = waiting()
        assert case.group is not None
        case.group.again = True
        case.group.instances[1].live.eject(9.0, 0.0)
        self.assertFalse(self.allowed(case))

    def test_the_other_one_takes_no_requests(self) -> None:
        case = waiting()
        assert case.group is not None
        case.group.instances[1].live.eject(9.0, 0.0)
        self.assertFalse(self.allowed(case))

    def test_one_for_each_exchange(self) -> None:
        case = waiting(3, 2)
        case.attempts[0].hedge = True
        self.assertFalse(self.allowed(case))

    def test_too_late(self) -> None:
        self.assertFalse(self.allowed(waiting(), now=60.5))

    def test_share_of_the_requests(self) -> None:
        self.assertFalse(self.allowed(waiting(), requests=19, max_extra_load=0.05))
        self.assertTrue(self.allowed(waiting(), requests=20, max_extra_load=0.05))

    def test_both_budgets_are_charged(self) -> None:
        decides = policy(floor=0.2)
        decides.begin()
        self.assertTrue(decides.allows(waiting(), 2.0))
        self.assertFalse(decides.allows(waiting(), 2.0), "the share is used up")
        decides.begin()
        self.assertTrue(decides.allows(waiting(), 2.0))
        decides.begin()
        self.assertFalse(decides.allows(waiting(), 2.0), "the budget is used up")

    def test_refused_is_not_charged(self) -> None:
        """What the budget of retries refuses is still there for the next one."""
        decides = policy(floor=0.1)
        decides.begin()
        self.assertTrue(decides.retry.budget.withdraw(2.0))
        self.assertFalse(decides.allows(waiting(), 2.0))
        self.assertTrue(decides.allows(waiting(), 13.0))


class DelayTests(SynchronousTestCase):
    """How long the first one is waited for."""

    def test_fixed(self) -> None:
        decides, case = policy(delay=0.7), waiting()
        for _ in range(100):
            decides.answered(case, 5.0)
        self.assertEqual(decides.delay(case), 0.7)

    def test_percentile(self) -> None:
        decides, case = policy(delay=0.7, percentile=90.0), waiting()
        self.assertEqual(decides.delay(case), 0.7, "as long as too little is known")
        for _ in range(100):
            decides.answered(case, 5.0)
        self.assertTrue(5.0 <= decides.delay(case) <= 5.5, decides.delay(case))

    def test_after_a_reload(self) -> None:
        """What is known about models that there still are goes on, if it is still asked for."""
        old, case = policy(percentile=90.0), waiting()
        for _ in range(100):
            old.answered(case, 5.0)
        for percentile, models, known in ((90.0, {"m"}, True), (90.0, {"n"}, False), (95.0, {"m"}, False)):
            decides = policy(delay=0.7, percentile=percentile)
            decides.carry_over(old, models)
            self.assertEqual(decides.delay(case) > 0.7, known, (percentile, models))

    def test_of_the_model(self) -> None:
        """Another model, and the same one with or without streaming, has times of its own."""
        decides, case = policy(delay=0.7, percentile=90.0), waiting()
        for _ in range(100):
            decides.answered(case, 5.0)
        other, streaming = exchange(request(), "other"), waiting()
        streaming.stream = True
        self.assertEqual((decides.delay(other), decides.delay(streaming)), (0.7, 0.7))
