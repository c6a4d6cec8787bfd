"""Tests for `jairouter.auth.allowance`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.auth.allowance import Allowance, Limits
from jairouter.errors import PermissionDenied, RateLimited
from jairouter.interfaces import IAllowance, Quota
from tests.auth.keyed import DAY, TODAY
from tests.fuzz.examples import examples


class AllowanceCase(SynchronousTestCase):
    """An allowance, and a clock that shows both kinds of time."""

    def setUp(self) -> None:
        self.now = TODAY

    def allow(self, **limits: Any) -> Allowance:
        self.allowance = Allowance(Limits(**limits), lambda: self.now)
        return self.allowance

    def take(self, model: str = "m") -> Quota | None:
        return self.allowance.take(model, self.now)

    def refused(self, model: str = "m") -> RateLimited:
        error = self.assertRaises(RateLimited, self.take, model)
        assert isinstance(error, RateLimited)
        return error


class LimitTests(AllowanceCase):
    """Each limit alone."""

    def test_interface(self) -> None:
        verifyObject(IAllowance, self.allow())

    def test_nothing(self) -> None:
        self.assertFalse(self.allow().lends)
        self.assertIsNone(self.take())

    def test_per_minute(self) -> None:
        """So many in one go, and then at their rate."""
        self.allow(requests_per_minute=6)
        remaining = [quota.remaining for _ in range(6) if (quota := self.take())]
        self.assertEqual(remaining, [5, 4, 3, 2, 1, 0])
        error = self.refused()
        self.assertAlmostEqual(error.retry_after or 0, 10.0)
        self.assertEqual(error.quota, Quota(6, 0, 60.0))
        self.assertEqual(error.limit, ("api-key", "token-bucket"))
        self.now += 10.0
        self.take()
        self.refused()

    def test_burst(self) -> None:
        self.allow(requests_per_minute=60, burst=2)
        self.take()
        self.assertEqual(self.take(), Quota(2, 0, 2.0))
        self.refused()

    def test_concurrent(self) -> None:
        """Another one goes on where one is given back."""
        self.assertTrue(self.allow(max_concurrent=2).lends)
        self.take()
        self.take()
        error = self.refused()
        self.assertEqual((error.retry_after, error.quota), (1.0, Quota(2, 0, 1.0)))
        self.allowance.give_back(self.now)
        self.take()
        self.refused()

    def test_what_refuses(self) -> None:
        """For metrics."""
        self.allow(requests_per_day=0)
        self.assertEqual(self.refused().limit, ("api-key", "per-day"))
        self.allow(max_concurrent=1)
        self.take()
        self.assertEqual(self.refused().limit, ("api-key", "concurrency"))

    def test_per_day(self) -> None:
        """A day ends at midnight UTC, and that is when to try again."""
        self.allow(requests_per_day=2)
        self.now = TODAY + DAY - 100.0
        self.assertEqual(self.take(), Quota(2, 1, 100.0))
        self.take()
        error = self.refused()
        self.assertEqual((error.retry_after, error.quota), (100.0, Quota(2, 0, 100.0)))
        self.now += error.retry_after or 0
        self.assertEqual(self.take(), Quota(2, 1, float(DAY)))

    def test_least_is_told(self) -> None:
        self.allow(requests_per_minute=60, requests_per_day=3, max_concurrent=50)
        self.assertEqual(self.take(), Quota(3, 2, float(DAY)))

    def test_refusal_takes_nothing(self) -> None:
        """Whichever of the limits it is that refuses."""
        self.allow(requests_per_minute=600, burst=2, requests_per_day=10, max_concurrent=1)
        self.take()
        for _ in range(5):
            self.refused()
        self.assertEqual(self.allowance.charged, 1)
        self.allowance.give_back(self.now)
        self.take()
        self.allowance.give_back(self.now)
        self.assertIn("minute", self.refused().message)
        self.assertEqual(self.allowance.charged, 2)
        self.now += 1.0
        self.take()  # the place of the refused one was not taken


class SharedDayTests(AllowanceCase):
    """What other gateways have let through."""

    def test_counted_together(self) -> None:
        today = int(TODAY // DAY)
        self.allow(requests_per_day=10)
        self.take()
        self.allowance.learn(today, 7)
        self.assertEqual(self.take(), Quota(10, 1, float(DAY)))
        self.take()
        self.refused()

    def test_yesterday_does_not_count(self) -> None:
        self.allow(requests_per_day=1)
        self.allowance.learn(int(TODAY // DAY) - 1, 7)
        self.take()

    def test_told_to_the_others(self) -> None:
        """What is in the document is not counted twice."""
        today = int(TODAY // DAY)
        self.allow(requests_per_day=3)
        self.take()
        self.take()
        self.allowance.learn(today, 2)
        self.allowance.settle(today, 2)
        self.take()
        self.refused()

    def test_told_after_midnight(self) -> None:
        """It was of another day."""
        self.allow(requests_per_day=3)
        self.take()
        self.now += DAY
        self.take()
        self.allowance.settle(int(TODAY // DAY), 1)
        self.assertEqual(self.allowance.charged, 1)


class ChangeTests(AllowanceCase):
    """Other limits, while requests are under way."""

    def test_bucket_goes_on(self) -> None:
        """Whose bucket is empty does not get a full one."""
        self.allow(requests_per_minute=4)
        for _ in range(4):
            self.take()
        self.allowance.configure(Limits(requests_per_minute=8))
        self.refused()

    def test_same_bucket(self) -> None:
        self.allow(requests_per_minute=4)
        self.take()
        self.allowance.configure(Limits(requests_per_minute=4, models=("m",)))
        self.assertEqual(self.take(), Quota(4, 2, 30.0))

    def test_concurrency_goes_on(self) -> None:
        self.allow(max_concurrent=2)
        self.take()
        self.take()
        self.allowance.configure(Limits(max_concurrent=3))
        self.take()
        self.refused()

    def test_concurrency_off_and_on(self) -> None:
        """What was lent before is still out; what was let through in between is not given back."""
        self.allow(max_concurrent=2)
        self.take()
        self.allowance.configure(Limits())
        self.assertFalse(self.allowance.lends)
        self.take()
        self.allowance.configure(Limits(max_concurrent=2))
        self.take()
        self.refused()
        self.allowance.give_back(self.now)
        self.allowance.give_back(self.now)
        self.take()
        self.take()
        self.refused()

    def test_day_goes_on(self) -> None:
        self.allow(requests_per_day=2)
        self.take()
        self.allowance.configure(Limits(requests_per_day=1))
        self.refused()


class ModelTests(AllowanceCase):
    """The only models that a key may ask for."""

    def test_others_are_refused(self) -> None:
        """In a way that does not say whether there is one."""
        self.allow(models=("gpt-4", "llama*", "m[1]"), requests_per_day=9)
        for model in ("gpt-4", "llama", "llama-70b", "m[1]", "m1"):
            self.take(model)
        for model in ("GPT-4", "gpt-4o", "a-llama", "", "llam", "gpt-4\n"):
            error = self.assertRaises(PermissionDenied, self.take, model)
            self.assertEqual((error.param, error.status), ("model", 403))
            self.assertEqual(error.message, f"this key may not use the model {model!r}")
        self.assertEqual(self.allowance.charged, 5)

    @examples(60)
    @given(st.text("ab*?[]!-", max_size=6), st.text("ab*?[]!-", max_size=6))
    def test_like_fnmatch(self, pattern: str, model: str) -> None:
        self.allow(models=(pattern,))
        allowed = fnmatchcase(model, pattern) or model == pattern
        if allowed:
            self.take(model)
        else:
            self.assertRaises(PermissionDenied, self.take, model)
