"""Tests for `jairouter.traffic.rule`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.leaky_bucket import LeakyBucket
from jairouter.traffic.limiters.sliding_window import SlidingWindow
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.rule import Admitted, Refused, Rule, Single
from tests.fuzz.examples import examples
from tests.traffic.limited import admit, asking, limits, passed


def rule(*limiters: ILimiter) -> Rule:
    """A rule of some limits that are called 0, 1, ..."""
    singles = [Single(("limit", str(index)), str(index), each) for index, each in enumerate(limiters)]
    return Rule(singles, lends=any(each.lends for each in limiters))


def remaining(*limiters: ILimiter) -> list[int]:
    """What each has left."""
    return [each.quota(0.0).remaining for each in limiters]


class AdmitTests(SynchronousTestCase):
    """From all of them, or from none."""

    @examples(25)
    @given(
        st.lists(
            st.one_of(
                st.builds(TokenBucket, st.just(1.0), st.integers(1, 4).map(float), st.just(0.0)),
                st.builds(SlidingWindow, st.integers(1, 4), st.just(5.0), st.just(0.0)),
                st.builds(Concurrency, st.integers(1, 4), st.just(0.0)),
                st.builds(LeakyBucket, st.just(1.0), st.integers(1, 4), st.just(9.0), st.just(0.0)),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_together_or_not_at_all(self, limiters: list[ILimiter]) -> None:
        """While each has something left, each loses one; as soon as one has nothing left, none loses any."""
        tried = rule(*limiters)
        for _ in range(8):
            before = remaining(*limiters)
            verdict = tried.admit(asking(), 0.0)
            self.assertEqual(isinstance(verdict, Admitted), min(before) > 0)
            cost = 1 if isinstance(verdict, Admitted) else 0
            self.assertEqual(remaining(*limiters), [each - cost for each in before])

    @examples(25)
    @given(st.lists(st.tuples(st.floats(1, 4), st.floats(1, 9)), min_size=1, max_size=4))
    def test_buckets(self, made: list[tuple[int, int]]) -> None:
        """Taking from all buckets in one go comes to the same as from one after the other."""
        apart, at_once = ([TokenBucket(rate, most, 0.0) for rate, most in made] for _ in range(2))
        rules = rule(*apart), Rule(rule(*at_once)._singles, lends=False, buckets=True)
        for now in (0.0, 0.0, 0.1, 0.35, 0.3, 2.0, 2.0):
            one, other = (each.admit(asking(), now) for each in rules)
            self.assertEqual(one.quota, other.quota)
            self.assertEqual(one.wait, other.wait)
            self.assertEqual([each.quota(now) for each in apart], [each.quota(now) for each in at_once])

    def test_buckets_are_known(self) -> None:
        """Whether each one is a bucket, also those that are made later."""
        for each, buckets in (
            ("enabled: true, client-ip-enable: true", True),
            ("enabled: true, algorithm: sliding-window", False),
        ):
            known = limits(each, "enabled: true, scope: caller").rule("chat")
            assert known is not None
            self.assertIs(known._buckets, buckets)

    def test_least_remains(self) -> None:
        """The quota is that of the limit that will be reached first."""
        verdict = rule(TokenBucket(1.0, 9.0, 0.0), TokenBucket(2.0, 3.0, 0.0)).admit(asking(), 0.0)
        assert isinstance(verdict, Admitted)
        self.assertEqual((verdict.quota, verdict.wait), (Quota(3, 2, 0.5), 0.0))

    def test_longest_wait(self) -> None:
        """Until all let it go on."""
        for rates in ((4.0, 2.0), (2.0, 4.0)):
            limiters = [*(LeakyBucket(rate, 5, 9.0, 0.0) for rate in rates), TokenBucket(1.0, 9.0, 0.0)]
            tried = rule(*limiters)
            tried.admit(asking(), 0.0)
            verdict = tried.admit(asking(), 0.0)
            assert isinstance(verdict, Admitted)
            turns = [1.0 / rate for rate in rates]
            self.assertEqual((verdict.wait, verdict.lent), (0.5, list(zip(limiters, turns, strict=False))))

    def test_who_gives_up_frees_its_own_turns(self) -> None:
        """Not what is somebody else's turn in a quicker queue at the time of its own in a slower one."""
        slow, quick = LeakyBucket(0.5, 5, 9.0, 0.0), LeakyBucket(1.0, 5, 9.0, 0.0)
        both = rule(slow, quick)
        both.admit(asking(), 0.0)
        left = both.admit(asking(), 0.0)
        assert isinstance(left, Admitted)
        alone = [quick.take(0.0) for _ in range(2)]
        for limiter, turn in left.lent:
            limiter.give_back(0.5, turn)
        alone += [0.5 + quick.take(0.5) for _ in range(2)]
        self.assertEqual(sorted(alone), [1.0, 2.0, 3.0, 4.0])

    def test_longest_refusal(self) -> None:
        """Told is which of those that refuse does so for longest, and for how long."""
        limiters = [TokenBucket(4.0, 1.0, 0.0), TokenBucket(2.0, 1.0, 0.0), TokenBucket(1.0, 9.0, 0.0)]
        rule(*limiters).admit(asking(), 0.0)
        verdict = rule(*limiters).admit(asking(), 0.0)
        self.assertEqual(verdict, Refused(0.5, Quota(1, 0, 0.5), "1"))


class TablesTests(SynchronousTestCase):
    """Limits of each address among others."""

    PER_ADDRESS = "enabled: true, capacity: 3, client-ip-enable: true, client-ip: {capacity: 2, rate: 0.5}"

    def test_both(self) -> None:
        """One address has its own limit, and all of them have one together."""
        limited = limits(self.PER_ADDRESS)
        one, other = asking(address="192.0.2.1"), asking(address="192.0.2.2")
        self.assertEqual(passed(limited, one, one, one, other, other), [True, True, False, True, False])

    def test_refused_by_the_address(self) -> None:
        """Costs the common limit nothing, and says so."""
        limited = limits(self.PER_ADDRESS)
        passed(limited, *[asking()] * 2)
        self.assertEqual(
            admit(limited),
            Refused(
                2.0,
                Quota(2, 0, 4.0),
                "each client address for all requests",
                ("client-ip", "token-bucket"),
            ),
        )
        self.assertEqual(passed(limited, asking(address="192.0.2.9")), [True])

    def test_refused_by_all(self) -> None:
        """Also the limits of an address are asked that it could not have passed anyway."""
        limited = limits("enabled: true, capacity: 2, client-ip-enable: true, client-ip: {rate: 0.5}")
        passed(limited, *[asking()] * 2)
        verdict = admit(limited)
        assert isinstance(verdict, Refused)
        self.assertEqual((verdict.wait, verdict.quota.limit), (2.0, 2))

    def test_refused_is_not_remembered(self) -> None:
        """A flood beyond the common limit makes no address known."""
        limited = limits(self.PER_ADDRESS)
        addresses = [f"192.0.2.{index}" for index in range(100)]
        passed(limited, *[asking(address=each) for each in addresses])
        known = [each.table for each in limited._rules["chat"]._tables]
        self.assertEqual([len(each) for each in known], [3])

    def test_model_is_named(self) -> None:
        """By what the client asked for, whatever that is, but not at any length."""
        limited = limits("enabled: true, capacity: 1, scope: model")
        passed(limited, asking("{model}"), asking("x" * 999))
        for model, named in (("{model}", "'{model}'"), ("x" * 999, f"'{'x' * 100}'")):
            verdict = admit(limited, asking(model))
            assert isinstance(verdict, Refused)
            self.assertEqual(verdict.name, f"the model {named}")
