"""Tests for `jairouter.traffic.live`: what excludes an instance, in which order, and until when."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.interfaces import ILimiter
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.health import Health
from jairouter.traffic.live import Live
from jairouter.traffic.permits import Ledger
from tests.filters.test_pick_choice import Limiter
from tests.fuzz.examples import examples
from tests.traffic.lives import attempt, with_breaker


class Case(SynchronousTestCase):
    """An instance with nothing configured but a slow start of 10 s."""

    def setUp(self) -> None:
        self.live = Live(2.0)
        self.live.slow_start = 10.0

    def assert_fine(self, now: float) -> None:
        """It may be used, and is not even asked."""
        self.assertIsNone(self.live.exclusion(now))
        self.assertEqual((self.live.suspect, self.live.share), (False, 2.0))

    def assert_excluded(self, now: float, reason: Reason, until: float | None = None) -> None:
        self.assertEqual(self.live.exclusion(now), Exclusion(reason, until))
        self.assertTrue(self.live.suspect)


class ExclusionTests(Case):
    """Each reason by itself."""

    def test_nothing(self) -> None:
        self.assertFalse(self.live.suspect)
        self.assert_fine(0.0)

    def test_in_flight(self) -> None:
        tickets = [self.live.acquire(0.0) for _ in range(2)]
        self.assertEqual(self.live.in_flight, 2)
        for ticket, outcome in zip(tickets, (Outcome.FAILED, Outcome.ABANDONED), strict=True):
            self.live.settle(ticket, outcome, 1.0)
        self.assertEqual(self.live.in_flight, 0)

    def test_down(self) -> None:
        self.live.health = Health(2, 1)
        self.assertEqual([self.live.probed(False, 0.0) for _ in range(3)], [False, True, False])
        self.assert_excluded(1e9, Reason.DOWN)
        self.assertTrue(self.live.probed(True, 1e9))
        self.assertIsNone(self.live.exclusion(1e9))

    def test_probed_without_health(self) -> None:
        """The configuration has just done away with checks, and one was under way."""
        self.assertFalse(self.live.probed(False, 0.0))
        self.assert_fine(0.0)

    def test_breaker(self) -> None:
        with_breaker(self.live)
        self.assert_fine(0.0)
        attempt(self.live, Outcome.FAILED, 5.0)
        self.assertTrue(self.live.suspect)
        self.assert_excluded(6.0, Reason.BREAKER_OPEN, 65.0)
        self.assertIsNone(self.live.exclusion(65.0))
        self.assertTrue(self.live.suspect)

    def test_trials(self) -> None:
        ledger = Ledger()
        with_breaker(self.live, ledger)
        attempt(self.live, Outcome.FAILED, 0.0)
        tickets = [self.live.acquire(60.0) for _ in range(2)]
        self.assert_excluded(60.0, Reason.TRIALS_TAKEN)
        for ticket in tickets:
            self.live.settle(ticket, Outcome.ABANDONED, 61.0)
        self.assertIsNone(self.live.exclusion(61.0))
        self.assertTrue(ledger.at_rest)

    def test_breaker_by_hand(self) -> None:
        """Nobody who asks only a suspect instance would notice otherwise."""
        with_breaker(self.live)
        self.assert_fine(0.0)
        self.live.force_open(0.0)
        self.assertTrue(self.live.suspect)
        self.assert_excluded(1e9, Reason.BREAKER_OPEN)
        self.live.force_close(100.0)
        self.assertIsNone(self.live.exclusion(100.0))
        self.assertEqual(self.live.share, 0.2)

    def test_by_hand_without_a_breaker(self) -> None:
        self.live.force_open(0.0)
        self.live.force_close(0.0)
        self.assert_fine(0.0)

    def test_breaker_taken_away(self) -> None:
        """By a reload, while a trial is out: it is settled once, and nothing is left."""
        ledger = Ledger()
        breaker = with_breaker(self.live, ledger)
        attempt(self.live, Outcome.FAILED, 0.0)
        ticket = self.live.acquire(60.0)
        breaker.retire()
        self.live.breaker = None
        self.live.settle(ticket, Outcome.SUCCEEDED, 61.0)
        self.assertEqual((self.live.in_flight, ledger.at_rest), (0, True))
        self.assert_fine(61.0)

    def test_ejected(self) -> None:
        self.live.eject(30.0, 0.0)
        self.assert_excluded(29.9, Reason.EJECTED, 30.0)
        self.assertIsNone(self.live.exclusion(30.0))
        self.assertEqual((self.live.ejected_until, self.live.returned), (0.0, 30.0))

    def test_cooling(self) -> None:
        """There is no slow start afterwards."""
        self.live.cool(30.0, 0.0)
        self.assert_excluded(29.9, Reason.COOLING, 30.0)
        self.assert_fine(30.0)

    def test_limited(self) -> None:
        limiter = Limiter(refuses=3.0)
        self.live.limiter = limiter
        self.live.recheck()
        self.assert_excluded(1.0, Reason.LIMITED, 4.0)
        limiter.refuses = 0.0
        self.assertIsNone(self.live.exclusion(1.0))
        self.assertTrue(self.live.suspect)
        self.assertTrue(ILimiter.providedBy(limiter))

    def test_order(self) -> None:
        """Several at once: what takes longest to mend is told first."""
        self.live.limiter = Limiter(refuses=3.0)
        self.live.health = Health(1, 1)
        breaker = with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        self.live.eject(50.0, 0.0)
        self.live.cool(20.0, 0.0)
        self.live.probed(False, 0.0)
        self.assert_excluded(1.0, Reason.DOWN)
        self.live.probed(True, 1.0)
        self.assert_excluded(1.0, Reason.BREAKER_OPEN, 60.0)
        breaker.force_close(1.0)
        self.assert_excluded(1.0, Reason.EJECTED, 50.0)
        self.live.ejected_until = 0.0
        self.assert_excluded(1.0, Reason.COOLING, 20.0)
        self.assert_excluded(20.0, Reason.LIMITED, 23.0)

    def test_panic(self) -> None:
        """Probes and ejections are not believed; breakers and cool-downs are."""
        self.live.health = Health(1, 1)
        self.live.probed(False, 0.0)
        self.live.eject(50.0, 0.0)
        self.assertIsNone(self.live.exclusion(1.0, panic=True))
        self.assertTrue(self.live.suspect)
        self.live.cool(20.0, 0.0)
        self.assertEqual(self.live.exclusion(1.0, panic=True), Exclusion(Reason.COOLING, 20.0))
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 0.0)
        self.assertEqual(self.live.exclusion(1.0, panic=True), Exclusion(Reason.BREAKER_OPEN, 60.0))

    def test_dependable(self) -> None:
        self.assertTrue(self.live.dependable(0.0))
        self.live.cool(10.0, 0.0)
        self.assertEqual([self.live.dependable(now) for now in (9.0, 10.0)], [False, True])
        self.live.eject(30.0, 10.0)
        self.assertEqual([self.live.dependable(now) for now in (29.0, 30.0)], [False, True])
        with_breaker(self.live)
        attempt(self.live, Outcome.FAILED, 30.0)
        self.assertFalse(self.live.dependable(90.0))  # a few trials are not all the traffic


class ClockSetBackTests(Case):
    """By an hour. What was to last until a time does not last an hour longer."""

    def test_ejected(self) -> None:
        self.live.eject(3630.0, 3600.0)
        self.assertIsNone(self.live.exclusion(0.0))
        self.assertEqual(self.live.returned, 0.0)

    def test_cooling(self) -> None:
        self.live.cool(3660.0, 3600.0)
        self.assert_fine(0.0)

    def test_slow_start(self) -> None:
        self.live.recover(3600.0)
        for now, share in ((0.0, 0.2), (5.0, 1.0), (10.0, 2.0)):
            self.live.exclusion(now)
            self.assertEqual(self.live.share, share)

    def test_clock_set_ahead(self) -> None:
        """Everything is over at once, which it may be."""
        self.live.eject(30.0, 0.0)
        self.live.cool(60.0, 0.0)
        self.live.recover(0.0)
        self.assert_fine(3600.0)


OPERATIONS: dict[str, Callable[[Live, float], object]] = {
    "good": lambda live, now: attempt(live, Outcome.SUCCEEDED, now),
    "bad": lambda live, now: attempt(live, Outcome.FAILED, now),
    "begin": lambda live, now: live.acquire(now),
    "up": lambda live, now: live.probed(True, now),
    "down": lambda live, now: live.probed(False, now),
    "cool": lambda live, now: live.cool(now + 20.0, now),
    "eject": lambda live, now: live.eject(now + 20.0, now),
    "open": lambda live, now: live.force_open(now),
    "close": lambda live, now: live.force_close(now),
    "ask": lambda live, now: live.exclusion(now),
    "panic": lambda live, now: live.exclusion(now, panic=True),
    "believe": lambda live, now: live.believed_up(now),
    "depend": lambda live, now: live.dependable(now),
}


class SuspectTests(SynchronousTestCase):
    """The flag that spares asking."""

    @given(st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.sampled_from([0.0, 5.0, 20.0]))))
    @examples(60)
    def test_never_down_when_it_should_be_up(self, steps: list[tuple[str, float]]) -> None:
        """Whatever happens: an instance that is not suspect has nothing wrong with it, and its full share."""
        live, now = Live(2.0), 100.0
        breaker = with_breaker(live)
        live.health, live.slow_start = Health(1, 1), 10.0
        for name, seconds in steps:
            now += seconds
            OPERATIONS[name](live, now)
            if not live.suspect:
                self.assertTrue(live.health.up and breaker.closed and live.share == live.weight, steps)
                self.assertTrue(now >= live.ejected_until and now >= live.cooling_until, steps)
        # ... and when nothing more happens, it comes down again
        live.probed(True, now)
        live.force_close(now)
        self.assertIsNone(live.exclusion(now + 60.0))
        self.assertFalse(live.suspect)
