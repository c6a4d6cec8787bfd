"""Tests for `jairouter.traffic.breaker`: its picture, arrow by arrow, and its table, line by line."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.exchange import Outcome
from jairouter.interfaces import IBreaker
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.breaker_states import Change, State
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.permits import AlreadySettled, Ledger

GOOD, BAD = Outcome.SUCCEEDED, Outcome.FAILED
MUTE = (Outcome.THROTTLED, Outcome.NEUTRAL, Outcome.ABANDONED)
LIMITS = BreakerLimits(failure_threshold=3, success_threshold=2, half_open_trials=2, recovery_timeout=60.0)


class Case(SynchronousTestCase):
    """A breaker that opens after 3 failures for a minute, with 2 trials, both of which have to be good."""

    limits = LIMITS

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.changes: list[Change] = []
        self.breaker = Breaker(self.limits, self.ledger, self.changes.append)

    def attempt(self, outcome: Outcome, now: float) -> None:
        """One from beginning to end."""
        self.assertIsNone(self.breaker.exclusion(now))
        self.breaker.settle(self.breaker.acquire(now), outcome, now)

    def open(self, now: float = 0.0) -> None:
        for _ in range(self.breaker.limits.failure_threshold):
            self.attempt(BAD, now)
        self.assert_state(State.OPEN)

    def half_open(self, now: float = 60.0) -> object:
        """Open it, and let the first trial begin."""
        self.open()
        ticket = self.breaker.acquire(now)
        self.assert_state(State.HALF_OPEN)
        return ticket

    def assert_state(self, state: State) -> None:
        self.assertIs(self.breaker.state, state)
        self.assertIs(self.breaker.closed, state is State.CLOSED)
        self.assertEqual(self.ledger.outstanding()["trial"], self.breaker.trials)

    def assert_excluded(self, now: float, reason: Reason, until: float | None = None) -> None:
        why = self.breaker.exclusion(now)
        assert why is not None
        self.assertEqual((why.reason, why.until), (reason, until))


class ClosedTests(Case):
    """Everything is let through."""

    def test_interface(self) -> None:
        verifyClass(IBreaker, Breaker)
        verifyObject(IBreaker, self.breaker)

    def test_failures_in_a_row(self) -> None:
        for _ in range(2):
            self.attempt(BAD, 1.0)
        self.assert_state(State.CLOSED)
        self.attempt(BAD, 1.0)
        self.assert_state(State.OPEN)
        self.assertEqual(self.changes, [Change(State.CLOSED, State.OPEN, "after 3 failures in a row")])
        self.assertEqual((self.breaker.opened, self.breaker.since), (1, 1.0))

    def test_row_ends_with_a_success(self) -> None:
        for outcome in (BAD, BAD, GOOD, BAD, BAD):
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)

    def test_row_goes_on_over_what_says_nothing(self) -> None:
        for outcome in (BAD, *MUTE, BAD, *MUTE):
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)
        self.attempt(BAD, 0.0)
        self.assert_state(State.OPEN)

    def test_attempt_from_before_it_was_closed_again(self) -> None:
        """What hung when the backend died does not spoil its comeback."""
        old = [self.breaker.acquire(0.0) for _ in range(3)]
        self.open()
        for _ in range(2):
            self.attempt(GOOD, 60.0)
        self.assert_state(State.CLOSED)
        for ticket in old:
            self.breaker.settle(ticket, BAD, 61.0)
        self.assert_state(State.CLOSED)

    def test_attempt_from_before_there_was_a_breaker(self) -> None:
        for _ in range(3):
            self.breaker.settle(None, BAD, 0.0)
        self.assert_state(State.CLOSED)


class OpenTests(Case):
    """Nothing is let through."""

    def test_for_the_recovery_timeout(self) -> None:
        self.open(5.0)
        self.assert_excluded(5.0, Reason.BREAKER_OPEN, 65.0)
        self.assert_excluded(64.9, Reason.BREAKER_OPEN, 65.0)
        self.assertIsNone(self.breaker.exclusion(65.0))

    def test_asking_changes_nothing(self) -> None:
        self.open()
        self.breaker.exclusion(1000.0)
        self.assert_state(State.OPEN)

    def test_late_outcomes_say_nothing(self) -> None:
        """Neither does a failure prolong the open time, nor does a success end it."""
        tickets = [self.breaker.acquire(0.0) for _ in range(2)]
        self.open()
        for ticket, outcome in zip(tickets, (BAD, GOOD), strict=True):
            self.breaker.settle(ticket, outcome, 59.0)
        self.assert_excluded(59.0, Reason.BREAKER_OPEN, 60.0)
        self.assertEqual(self.breaker.opened, 1)

    def test_attempt_that_was_not_asked_for(self) -> None:
        """It says nothing, and is no trial."""
        self.open()
        self.breaker.settle(self.breaker.acquire(1.0), GOOD, 1.0)
        self.assert_state(State.OPEN)
        self.assertTrue(self.ledger.at_rest)

    def test_clock_set_back(self) -> None:
        """By an hour: it does not stay open for as long."""
        self.open(3600.0)
        self.assertIsNone(self.breaker.exclusion(0.0))
        self.breaker.acquire(0.0)
        self.assert_state(State.HALF_OPEN)


class HalfOpenTests(Case):
    """A few are let through."""

    def test_begins_with_the_first_trial(self) -> None:
        self.half_open()
        self.assertEqual(self.changes[1:], [Change(State.OPEN, State.HALF_OPEN, "after 60 s")])
        self.assertEqual(self.ledger.outstanding()["trial"], 1)

    def test_so_many_at_a_time(self) -> None:
        first = self.half_open()
        self.assertIsNone(self.breaker.exclusion(60.0))
        self.breaker.acquire(60.0)
        self.assert_excluded(60.0, Reason.TRIALS_TAKEN)
        self.breaker.settle(first, Outcome.NEUTRAL, 61.0)
        self.assertIsNone(self.breaker.exclusion(61.0))

    def test_one_too_many(self) -> None:
        """Who did not ask is no trial, and says nothing."""
        self.half_open()
        self.breaker.acquire(60.0)
        self.breaker.settle(self.breaker.acquire(60.0), BAD, 60.0)
        self.assert_state(State.HALF_OPEN)
        self.assertEqual(self.breaker.trials, 2)

    def test_good_trials_close_it(self) -> None:
        self.breaker.settle(self.half_open(), GOOD, 61.0)
        self.assert_state(State.HALF_OPEN)
        self.attempt(GOOD, 62.0)
        self.assert_state(State.CLOSED)
        self.assertEqual(self.changes[2:], [Change(State.HALF_OPEN, State.CLOSED, "after 2 good trials")])
        self.assertTrue(self.ledger.at_rest)

    def test_one_failed_trial_opens_it(self) -> None:
        first = self.half_open()
        self.attempt(GOOD, 61.0)
        self.breaker.settle(first, BAD, 62.0)
        self.assert_state(State.OPEN)
        self.assertEqual(self.changes[2:], [Change(State.HALF_OPEN, State.OPEN, "after a failed trial")])
        self.assert_excluded(62.0, Reason.BREAKER_OPEN, 122.0)

    def test_counts_afresh_each_time(self) -> None:
        """One good trial before a failed one is not one of the next time."""
        self.breaker.settle(self.half_open(), GOOD, 60.0)
        self.attempt(BAD, 60.0)
        self.attempt(GOOD, 120.0)
        self.assert_state(State.HALF_OPEN)

    def test_without_a_verdict(self) -> None:
        """It stays half-open, and there is room for more."""
        self.open()
        for outcome in MUTE * 3:
            self.attempt(outcome, 60.0)
            self.assert_state(State.HALF_OPEN)
        self.assertTrue(self.ledger.at_rest)

    def test_attempt_from_before(self) -> None:
        old = [self.breaker.acquire(0.0) for _ in range(3)]
        self.half_open()
        for ticket, outcome in zip(old, (GOOD, GOOD, BAD), strict=True):
            self.breaker.settle(ticket, outcome, 60.0)
        self.assert_state(State.HALF_OPEN)

    def test_trial_of_an_earlier_time(self) -> None:
        """Its place was given back when that was over, and its outcome says nothing any more."""
        old = self.half_open()
        self.attempt(BAD, 60.0)
        self.assertTrue(self.ledger.at_rest)
        self.breaker.acquire(120.0)
        self.breaker.settle(old, BAD, 121.0)
        self.assert_state(State.HALF_OPEN)
        self.assertEqual(self.breaker.trials, 1)

    def test_settled_twice(self) -> None:
        ticket = self.half_open()
        self.breaker.settle(ticket, GOOD, 60.0)
        self.assertRaises(AlreadySettled, self.breaker.settle, ticket, GOOD, 60.0)
        self.assert_state(State.HALF_OPEN)


class ByHandTests(Case):
    """An operator knows better."""

    def test_forced_open(self) -> None:
        """Until it is closed by hand, however long that takes."""
        self.breaker.force_open(1.0)
        self.assert_state(State.OPEN)
        self.assert_excluded(1e9, Reason.BREAKER_OPEN)
        self.breaker.force_close(1e9)
        self.assert_state(State.CLOSED)
        self.assertEqual([change.why for change in self.changes], ["by hand", "by hand"])
        self.assertFalse(self.breaker.forced)

    def test_forced_open_while_open(self) -> None:
        self.open()
        self.breaker.force_open(1.0)
        self.assert_excluded(1e9, Reason.BREAKER_OPEN)
        self.assertEqual((self.breaker.opened, len(self.changes)), (1, 1))

    def test_forced_while_trials_are_out(self) -> None:
        for force in (Breaker.force_open, Breaker.force_close):
            self.setUp()
            ticket = self.half_open()
            force(self.breaker, 61.0)
            self.assertTrue(self.ledger.at_rest)
            self.breaker.settle(ticket, BAD, 62.0)

    def test_closed_by_hand_begins_anew(self) -> None:
        for _ in range(2):
            self.attempt(BAD, 0.0)
        self.breaker.force_open(0.0)
        self.breaker.force_close(0.0)
        self.attempt(BAD, 0.0)
        self.assert_state(State.CLOSED)

    def test_retired(self) -> None:
        """The configuration does without it: what it lent is given back."""
        self.half_open()
        self.breaker.retire()
        self.assertTrue(self.ledger.at_rest)

    def test_other_limits(self) -> None:
        """A reload changes when it does what, and forgets nothing."""
        self.attempt(BAD, 0.0)
        self.breaker.limits = replace(LIMITS, failure_threshold=2)
        self.attempt(BAD, 0.0)
        self.assert_state(State.OPEN)
        self.breaker.limits = replace(LIMITS, recovery_timeout=10.0, half_open_trials=1)
        self.assert_excluded(9.0, Reason.BREAKER_OPEN, 10.0)
        self.breaker.acquire(10.0)
        self.assert_excluded(10.0, Reason.TRIALS_TAKEN)
