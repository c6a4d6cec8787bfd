"""Tests for `jairouter.task`: promises, and Deferreds for those who want one."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from jairouter.task import Promise, as_deferred, current_task
from tests.test_task import TaskCase


class PromiseTests(TaskCase):
    """A result to come, for one task."""

    def setUp(self) -> None:
        super().setUp()
        self.cancelled = 0
        self.promise: Promise[str] = Promise(self.count)

    def count(self) -> None:
        self.cancelled += 1

    async def keep(self) -> str:
        """Await the promise."""
        return await self.promise

    def test_settled_before_it_is_awaited(self) -> None:
        self.promise.settle("here")
        self.started(self.keep())
        self.assertEqual(self.told, ["here"])

    def test_settled_while_it_is_awaited(self) -> None:
        self.started(self.keep())
        self.assertEqual(self.told, [])
        self.promise.settle("here")
        self.assertEqual(self.told, ["here"])

    def test_nothing_is_a_result_too(self) -> None:
        promise: Promise[None] = Promise(self.count)

        async def keep() -> None:
            await promise

        promise.settle(None)
        self.started(keep())
        self.assertEqual(self.told, [None])

    def test_failed_before_it_is_awaited(self) -> None:
        error = ValueError("no")
        self.promise.settle(Failure(error))
        self.started(self.keep())
        self.assertEqual(self.told, [error])

    def test_failed_while_it_is_awaited(self) -> None:
        error = ValueError("no")
        self.started(self.keep())
        self.promise.settle(Failure(error))
        self.assertEqual(self.told, [error])
        self.assertIn("keep", self.lines)

    def test_failed_and_nobody_awaits_it(self) -> None:
        """That is no error of anybody's: nothing is logged."""
        self.promise.settle(Failure(ValueError("no")))
        del self.promise

    def test_cancelled_while_it_is_awaited(self) -> None:
        self.started(self.keep()).cancel()
        self.assert_cancelled()
        self.assertEqual(self.cancelled, 1)

    def test_cancelled_before_it_is_awaited(self) -> None:
        self.promise.cancel()
        self.assertEqual(self.cancelled, 1)
        self.started(self.keep())
        self.assert_cancelled()

    def test_cancelled_twice(self) -> None:
        task = self.started(self.keep())
        self.promise.cancel()
        self.promise.cancel()
        task.cancel()
        self.assert_cancelled()
        self.assertEqual(self.cancelled, 1)

    def test_cancelled_after_it_was_settled(self) -> None:
        """It has come; there is nothing to call off."""
        self.promise.settle("here")
        self.promise.cancel()
        self.started(self.keep())
        self.assertEqual((self.told, self.cancelled), (["here"], 0))

    def test_cancelled_on_the_way_to_the_wait(self) -> None:
        """The task was cancelled while it ran: it hears of it as soon as it waits."""
        task = self.task(self.keep())
        task.cancel()
        self.assertEqual(self.cancelled, 0)
        task.start()
        self.assert_cancelled()
        self.assertEqual(self.cancelled, 1)

    def test_calling_it_off_settles_it(self) -> None:
        """As with a Deferred's canceller: what it says is told, and nothing else after it."""
        self.promise = Promise(lambda: self.promise.settle("just in time, "))

        async def work() -> str:
            return await self.promise + await self.first

        self.started(work()).cancel()
        self.assertEqual(self.told, [])
        self.first.callback("and more")
        self.assertEqual(self.told, ["just in time, and more"])

    def test_calling_it_off_settles_it_before_it_is_awaited(self) -> None:
        self.promise = Promise(lambda: self.promise.settle("just in time"))
        self.promise.cancel()
        self.started(self.keep())
        self.assertEqual(self.told, ["just in time"])

    def test_awaited_in_between_other_waits(self) -> None:
        async def work() -> str:
            return await self.first + await self.promise + await self.second

        self.started(work())
        self.first.callback("a")
        self.promise.settle("b")
        self.second.callback("c")
        self.assertEqual(self.told, ["abc"])


class AsDeferredTests(TaskCase):
    """A task for somebody who wants a Deferred."""

    def test_result(self) -> None:
        result = as_deferred(self.wait())
        self.assertNoResult(result)
        self.first.callback("done")
        self.assertEqual(self.successResultOf(result), "done")

    def test_result_at_once(self) -> None:
        self.first.callback("done")
        self.assertEqual(self.successResultOf(as_deferred(self.wait())), "done")

    def test_failure_has_its_traceback(self) -> None:
        async def fail() -> str:
            raise ValueError("no")

        failure = self.failureResultOf(as_deferred(fail()), ValueError)
        self.assertIn("in fail", failure.getTraceback())

    def test_cancelled(self) -> None:
        """The task is."""
        seen: list[str] = []

        async def work() -> str:
            try:
                return await self.first
            finally:
                seen.append("settled")

        result = as_deferred(work())
        result.cancel()
        self.assertEqual(seen, ["settled"])
        self.failureResultOf(result, CancelledError)

    def test_cancelled_though_it_ends_in_a_result(self) -> None:
        async def work() -> str:
            try:
                return await self.first
            except CancelledError:
                return "fallback"

        result = as_deferred(work())
        result.cancel()
        self.assertEqual(self.successResultOf(result), "fallback")

    def test_awaited_by_another_task(self) -> None:
        """Cancelling the outer one cancels the inner one, which is another task."""
        seen: list[Any] = []

        async def inner() -> str:
            seen.append(current_task())
            try:
                return await self.first
            except CancelledError:
                seen.append("cancelled")
                raise

        async def outer() -> str:
            return await as_deferred(inner())

        task = self.started(outer())
        task.cancel()
        self.assertIsNot(seen[0], task)
        self.assertEqual(seen[1:], ["cancelled"])
        self.assert_cancelled()

    def test_is_a_deferred(self) -> None:
        self.first.callback("done")
        result = as_deferred(self.wait())
        self.assertIsInstance(result, Deferred)
        self.assertEqual(self.successResultOf(result.addCallback(str.upper)), "DONE")
