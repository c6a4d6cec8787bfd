"""Tests for `jairouter.web.management.one_at_a_time`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.management.one_at_a_time import one_at_a_time


class OneAtATimeTests(SynchronousTestCase):
    """Pieces of work that several want done."""

    def setUp(self) -> None:
        self.threads: list[Callable[[], Any]] = []
        self.run_in_thread = one_at_a_time(self._run_in_thread)

    def _run_in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.threads.append(lambda: maybeDeferred(function, *arguments).chainDeferred(done))
        return done

    def _end(self) -> None:
        (work,) = self.threads
        self.threads.clear()
        work()

    def test_in_turn(self) -> None:
        done = [self.run_in_thread(str, number) for number in range(3)]
        for number, each in enumerate(done):
            self.assertNoResult(each)
            self._end()
            self.assertEqual(self.successResultOf(each), str(number))

    def test_a_fault_holds_up_nobody(self) -> None:
        failing, working = self.run_in_thread(int, "x"), self.run_in_thread(int, "1")
        self._end()
        self.failureResultOf(failing, ValueError)
        self._end()
        self.assertEqual(self.successResultOf(working), 1)

    def test_who_leaves_before_its_turn_costs_nothing(self) -> None:
        first, gone = self.run_in_thread(str, 1), self.run_in_thread(str, 2)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self._end()
        self.assertEqual((self.successResultOf(first), self.threads), ("1", []))

    def test_who_leaves_later_keeps_its_turn(self) -> None:
        """Or else a client that asks and leaves, again and again, would take all threads."""
        gone, second = self.run_in_thread(str, 1), self.run_in_thread(str, 2)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self._end()
        self._end()
        self.assertEqual(self.successResultOf(second), "2")
