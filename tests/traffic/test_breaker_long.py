"""Tests for `jairouter.traffic.breaker`: long trials, open times that grow, and shares of failures."""

from __future__ import annotations

from dataclasses import replace

from jairouter.exchange import Outcome
from jairouter.traffic.breaker_limits import PATIENCE
from jairouter.traffic.breaker_states import State
from jairouter.traffic.exclusion import Reason
from tests.traffic.test_breaker import BAD, GOOD, LIMITS, Case


class LongTrialTests(Case):
    """Streams of an hour, and backends that hang. The patience is the recovery timeout, a minute."""

    def test_stream(self) -> None:
        """It is a good trial when it has gone on for the patience; the next attempt finds that out."""
        tickets = [self.half_open(), self.breaker.acquire(61.0)]
        for ticket in tickets:
            self.breaker.answering(ticket, 65.0)
        self.assert_excluded(124.9, Reason.TRIALS_TAKEN)
        self.assertIsNone(self.breaker.exclusion(125.0))
        self.breaker.acquire(125.0)
        self.assert_state(State.CLOSED)
        self.assertTrue(self.ledger.at_rest)

    def test_stream_is_counted_once(self) -> None:
        """Not again at its end."""
        ticket = self.half_open()
        self.breaker.answering(ticket, 60.0)
        self.attempt(Outcome.NEUTRAL, 120.0)
        self.breaker.settle(ticket, GOOD, 130.0)
        self.assert_state(State.HALF_OPEN)
        self.attempt(GOOD, 131.0)
        self.assert_state(State.CLOSED)

    def test_stream_that_breaks_late(self) -> None:
        """It was a good trial, but the breaker is still half-open: one that fails opens it."""
        ticket = self.half_open()
        self.breaker.answering(ticket, 60.0)
        self.breaker.settle(ticket, BAD, 130.0)
        self.assert_state(State.OPEN)

    def test_stream_that_breaks_too_late(self) -> None:
        """By then it would have closed the breaker, had anybody asked."""
        self.breaker.limits = replace(LIMITS, success_threshold=1)
        ticket = self.half_open()
        self.breaker.answering(ticket, 60.0)
        self.breaker.settle(ticket, BAD, 120.0)
        self.assert_state(State.CLOSED)

    def test_no_answer(self) -> None:
        """Who waits for the patience keeps no place: two more may begin, but is not good either."""
        self.half_open()
        self.breaker.acquire(61.0)
        self.assert_excluded(119.9, Reason.TRIALS_TAKEN)
        self.attempt(Outcome.NEUTRAL, 121.0)
        self.assert_state(State.HALF_OPEN)
        self.assertTrue(self.ledger.at_rest)

    def test_no_answer_and_then_a_failure(self) -> None:
        """It counts all the same: a backend that hangs has to be left alone again."""
        ticket = self.half_open()
        self.breaker.acquire(120.0)
        self.breaker.settle(ticket, BAD, 360.0)
        self.assert_state(State.OPEN)

    def test_late_answer(self) -> None:
        """One that begins when the place is gone is good when it has streamed for as long as any other."""
        self.breaker.limits = replace(LIMITS, success_threshold=1)
        ticket = self.half_open()
        self.attempt(Outcome.NEUTRAL, 120.0)
        self.breaker.answering(ticket, 125.0)
        self.attempt(Outcome.NEUTRAL, 184.9)
        self.assert_state(State.HALF_OPEN)
        self.breaker.acquire(185.0)
        self.assert_state(State.CLOSED)

    def test_answer_begins_once(self) -> None:
        self.breaker.limits = replace(LIMITS, success_threshold=1)
        ticket = self.half_open()
        self.breaker.answering(ticket, 60.0)
        self.breaker.answering(ticket, 110.0)
        self.breaker.acquire(120.0)
        self.assert_state(State.CLOSED)

    def test_answer_to_no_trial(self) -> None:
        """An attempt from before the breaker opened."""
        old = self.breaker.acquire(0.0)
        self.half_open()
        self.breaker.answering(old, 61.0)
        self.breaker.answering(None, 61.0)
        self.assert_state(State.HALF_OPEN)

    def test_patience_has_a_least(self) -> None:
        """With a short recovery timeout, a model that thinks for longer keeps its place."""
        self.breaker.limits = replace(LIMITS, recovery_timeout=0.1, half_open_trials=1)
        self.half_open(1.0)
        self.assert_excluded(1.0 + PATIENCE - 0.1, Reason.TRIALS_TAKEN)
        self.assertIsNone(self.breaker.exclusion(1.0 + PATIENCE))

    def test_clock_set_back(self) -> None:
        """Nobody knows how long trials have been waiting: they keep no places, and wait from then on."""
        self.breaker.limits = replace(LIMITS, success_threshold=1, half_open_trials=1)
        self.breaker.answering(self.half_open(), 60.0)
        self.attempt(Outcome.NEUTRAL, 10.0)
        self.assert_state(State.HALF_OPEN)
        self.attempt(Outcome.NEUTRAL, 69.9)
        self.assert_state(State.HALF_OPEN)
        self.breaker.acquire(70.0)
        self.assert_state(State.CLOSED)


class GrowingTests(Case):
    """Adaptive recovery."""

    limits = replace(LIMITS, recovery_timeout=10.0, multiplier=2.0, shortest=30.0, longest=200.0)

    def test_with_each_failed_trial(self) -> None:
        self.open(0.0)
        now = 0.0
        for seconds in (30.0, 60.0, 120.0, 200.0, 200.0):
            self.assert_excluded(now, Reason.BREAKER_OPEN, now + seconds)
            now += seconds
            self.attempt(BAD, now)

    def test_with_a_trial_that_fails_late(self) -> None:
        """However long it took, or however long nobody made one."""
        self.open(0.0)
        ticket = self.breaker.acquire(1000.0)
        self.breaker.settle(ticket, BAD, 2000.0)
        self.assert_excluded(2000.0, Reason.BREAKER_OPEN, 2060.0)

    def come_back(self) -> None:
        """After one failed trial: it was open for 60 s the last time, and closes at 90."""
        self.open(0.0)
        self.attempt(BAD, 30.0)
        for _ in range(2):
            self.attempt(GOOD, 90.0)
        self.assert_state(State.CLOSED)

    def test_when_it_did_not_stay_closed(self) -> None:
        """For as long as it was open: it flaps."""
        self.come_back()
        self.open(149.0)
        self.assert_excluded(149.0, Reason.BREAKER_OPEN, 149.0 + 120.0)

    def test_when_it_stayed_closed(self) -> None:
        self.come_back()
        self.open(150.0)
        self.assert_excluded(150.0, Reason.BREAKER_OPEN, 150.0 + 30.0)

    def test_forgotten_when_it_is_closed_by_hand(self) -> None:
        self.open(0.0)
        self.attempt(BAD, 30.0)
        self.breaker.force_close(31.0)
        self.open(32.0)
        self.assert_excluded(32.0, Reason.BREAKER_OPEN, 62.0)

    def test_not_unless_wanted(self) -> None:
        self.breaker.limits = LIMITS
        self.open(0.0)
        self.attempt(BAD, 60.0)
        self.assert_excluded(60.0, Reason.BREAKER_OPEN, 120.0)

    def test_switched_off_by_a_reload(self) -> None:
        self.open(0.0)
        self.attempt(BAD, 30.0)
        self.breaker.limits = replace(LIMITS, recovery_timeout=10.0)
        self.assert_excluded(30.0, Reason.BREAKER_OPEN, 40.0)


class RateTests(Case):
    """Half of at least four of the last six opens it as well."""

    limits = replace(LIMITS, failure_threshold=100, failure_rate=50.0, window_size=6, minimum_requests=4)

    def test_share(self) -> None:
        for outcome in (GOOD, GOOD, BAD):
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)
        self.attempt(BAD, 0.0)
        self.assert_state(State.OPEN)
        self.assertEqual(self.changes[0].why, "after 2 failures in 4 attempts")

    def test_not_before_there_are_enough(self) -> None:
        for outcome in (BAD, BAD, BAD):
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)

    def test_a_success_may_make_them_enough(self) -> None:
        for outcome in (BAD, BAD, BAD, GOOD):
            self.attempt(outcome, 0.0)
        self.assert_state(State.OPEN)

    def test_what_says_nothing_is_none(self) -> None:
        for outcome in (BAD, BAD, BAD, Outcome.NEUTRAL, Outcome.THROTTLED, Outcome.ABANDONED):
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)

    def test_begins_afresh_when_it_closes(self) -> None:
        for outcome in (BAD, BAD, BAD, GOOD):
            self.attempt(outcome, 0.0)
        for _ in range(2):
            self.attempt(GOOD, 60.0)
        for _ in range(3):
            self.attempt(BAD, 60.0)
        self.assert_state(State.CLOSED)

    def test_full_window(self) -> None:
        """It starts afresh, or slides."""
        ends = [GOOD] * 4 + [BAD, GOOD] + [BAD] * 2
        for outcome in ends:
            self.attempt(outcome, 0.0)
        self.assert_state(State.CLOSED)
        self.breaker.force_close(0.0)
        self.breaker.limits = replace(self.limits, sliding_window=True)
        self.breaker.force_open(0.0)
        self.breaker.force_close(0.0)
        for outcome in ends:
            self.assert_state(State.CLOSED)
            self.attempt(outcome, 0.0)
        self.assert_state(State.OPEN)

    def test_row_counts_as_well(self) -> None:
        self.breaker.limits = replace(self.limits, failure_threshold=2)
        for outcome in (GOOD, BAD, BAD):
            self.attempt(outcome, 0.0)
        self.assertEqual(self.changes[0].why, "after 2 failures in a row")

    def test_window_switched_on_and_off(self) -> None:
        self.breaker.limits = LIMITS
        for _ in range(2):
            self.attempt(BAD, 0.0)
        self.breaker.limits = replace(self.limits, minimum_requests=1)
        self.attempt(BAD, 0.0)
        self.assertEqual(self.changes[0].why, "after 1 failure in 1 attempt")
