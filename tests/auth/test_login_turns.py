"""Tests for `jairouter.auth.login_turns`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.login_turns import RETRY_AFTER, Turns
from jairouter.errors import NoRoom


class TurnsTests(SynchronousTestCase):
    """A few at a time."""

    def setUp(self) -> None:
        self.turns = Turns(2, 3)
        self.begun: list[int] = []
        self.working: dict[int, Deferred[int]] = {}

    def run_one(self, number: int, place: str = "") -> Deferred[int]:
        def work() -> Deferred[int]:
            self.begun.append(number)
            self.working[number] = Deferred()
            return self.working[number]

        return self.turns.run(work, place)

    def test_in_order(self) -> None:
        results = [self.run_one(number) for number in range(4)]
        self.assertEqual(self.begun, [0, 1])
        self.working[1].callback(11)
        self.assertEqual(self.begun, [0, 1, 2])
        self.assertEqual(self.successResultOf(results[1]), 11)
        self.working[0].errback(ValueError())
        self.failureResultOf(results[0], ValueError)
        self.assertEqual(self.begun, [0, 1, 2, 3])
        for each in results[2:]:
            self.assertNoResult(each)

    def test_no_room(self) -> None:
        results = [self.run_one(number) for number in range(5)]
        refused = self.failureResultOf(self.run_one(5), NoRoom).value
        self.assertEqual((refused.status, refused.retry_after), (503, RETRY_AFTER))
        self.working[0].callback(0)
        self.assertNoResult(self.run_one(6))
        self.assertEqual(self.begun, [0, 1, 2])
        self.assertEqual(self.successResultOf(results[0]), 0)

    def test_whoever_left_is_not_in_the_queue(self) -> None:
        results = [self.run_one(number) for number in range(5)]
        results[2].cancel()
        self.failureResultOf(results[2], CancelledError)
        results.append(self.run_one(5))
        self.working[0].callback(0)
        self.assertEqual(self.begun, [0, 1, 3])

    def test_whoever_leaves_later_keeps_the_place(self) -> None:
        """The thread goes on."""
        results = [self.run_one(number) for number in range(3)]
        results[0].cancel()
        self.failureResultOf(results[0], CancelledError)
        self.assertEqual(self.begun, [0, 1])
        self.working[0].callback(0)
        self.assertEqual(self.begun, [0, 1, 2])

    def test_what_fails_unseen_is_logged(self) -> None:
        first, second = self.run_one(0), self.run_one(1)
        for each in (first, second):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.working[0].errback(ZeroDivisionError())
        self.working[1].errback(NoRoom("no"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_thousands_that_are_done_at_once(self) -> None:
        """None of them waits in the stack of another."""
        turns = Turns(1, 2000)
        first: Deferred[None] = Deferred()
        turns.run(lambda: first)
        refused: Callable[[], Deferred[None]] = partial(fail, ValueError())
        results = [turns.run(refused) for _ in range(2000)]
        first.callback(None)
        for each in results:
            self.failureResultOf(each, ValueError)

    def test_more_at_once_from_now_on(self) -> None:
        for number in range(4):
            self.run_one(number)
        self.turns.configure(3, 0)
        self.assertEqual(self.begun, [0, 1, 2])
        self.failureResultOf(self.run_one(9), NoRoom)

    def test_each_place_by_turns(self) -> None:
        """Whoever asks for a lot waits for themselves."""
        for number in range(4):
            self.run_one(number, "a")
        self.run_one(9, "b")
        self.working[0].callback(0)
        self.working[1].callback(0)
        self.assertEqual(self.begun, [0, 1, 2, 9])

    def test_room_for_others(self) -> None:
        """One place cannot keep all others out."""
        flood = [self.run_one(number, "a") for number in range(5)]
        other = self.run_one(10, "b")
        self.failureResultOf(flood[4], NoRoom)
        self.failureResultOf(self.run_one(5, "a"), NoRoom)
        self.failureResultOf(self.run_one(11, "b"), NoRoom)
        self.working[0].callback(0)
        self.working[1].callback(1)
        self.assertEqual(self.begun, [0, 1, 2, 10])
        self.assertNoResult(other)
        left = self.run_one(12, "c")
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.working[2].callback(2)
        self.assertEqual(self.begun, [0, 1, 2, 10, 3])
