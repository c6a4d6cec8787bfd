"""Tests for `jairouter.task`: coroutines run, wait, are cancelled and end, and somebody is told, once."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.task import Promise, Task


class TaskCase(SynchronousTestCase):
    """Tasks, and what is told of their end.

    Attributes:
        told: Each result, or what was raised instead.
        lines: Of the traceback, as it was when the task told what was raised.
    """

    def setUp(self) -> None:
        self.told: list[Any] = []
        self.lines: list[str] = []
        self.first: Deferred[str] = Deferred()
        self.second: Deferred[str] = Deferred()

    def task(self, work: Coroutine[Any, Any, Any]) -> Task[Any]:
        """A task that is not started."""
        return Task(work, self.told.append, self.raised)

    def started(self, work: Coroutine[Any, Any, Any]) -> Task[Any]:
        """A task that has run as far as it comes."""
        task = self.task(work)
        task.start()
        return task

    def raised(self, error: BaseException) -> None:
        self.assertIs(Failure().value, error, "told outside of the `except`")
        self.told.append(error)
        self.lines = [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    async def wait(self) -> str:
        """Wait for the first Deferred."""
        return await self.first

    def assert_cancelled(self) -> None:
        [error] = self.told
        self.assertIsInstance(error, CancelledError)


class EndTests(TaskCase):
    """Each way to end."""

    def test_returns_without_waiting(self) -> None:
        async def work() -> str:
            return "done"

        task = self.task(work())
        self.assertEqual(self.told, [])
        task.start()
        self.assertEqual(self.told, ["done"])

    def test_raises_without_waiting(self) -> None:
        error = ValueError("no")

        async def work() -> None:
            raise error

        self.started(work())
        self.assertEqual(self.told, [error])

    def test_returns_what_it_waited_for(self) -> None:
        self.started(self.wait())
        self.assertEqual(self.told, [])
        self.first.callback("late")
        self.assertEqual(self.told, ["late"])

    def test_raises_what_it_waited_for(self) -> None:
        self.started(self.wait())
        error = ValueError("no")
        self.first.errback(error)
        self.assertEqual(self.told, [error])
        self.successResultOf(self.first)  # the failure is the task's, nobody else has to handle it

    def test_handles_what_it_waited_for(self) -> None:
        async def work() -> str:
            try:
                return await self.first
            except ValueError:
                return await self.second

        self.started(work())
        self.first.errback(ValueError("no"))
        self.second.callback("yes")
        self.assertEqual(self.told, ["yes"])

    def test_waits_twice(self) -> None:
        async def work() -> str:
            return await self.first + await self.second

        self.started(work())
        self.first.callback("a")
        self.assertEqual(self.told, [])
        self.second.callback("b")
        self.assertEqual(self.told, ["ab"])

    def test_a_deferred_that_fired_already_is_not_waited_for(self) -> None:
        async def work() -> list[str]:
            return [await succeed(str(number)) for number in range(5000)]  # nor does it take any stack

        self.started(work())
        self.assertEqual([len(result) for result in self.told], [5000])

    def test_a_deferred_that_failed_already(self) -> None:
        error = ValueError("no")
        self.first.errback(error)
        self.started(self.wait())
        self.assertEqual(self.told, [error])

    def test_an_exit_is_told_as_well(self) -> None:
        """Not only an `Exception`: whoever holds something must settle it whatever comes."""
        self.started(self.wait())
        self.first.errback(Failure(SystemExit()))
        self.assertIsInstance(self.told[0], SystemExit)

    def test_traceback_leads_through_all_that_waited(self) -> None:
        async def outer() -> str:
            return await self.wait()

        def fail() -> None:
            raise ValueError("no")

        self.started(outer())
        try:
            fail()
        except ValueError:
            self.first.errback(Failure())
        self.assertEqual(
            [name for name in self.lines if name in ("outer", "wait", "fail")][:2], ["outer", "wait"]
        )
        self.assertIn("fail", self.lines)

    def test_an_error_that_somebody_else_handles_meanwhile_keeps_its_traceback(self) -> None:
        """A task that fails inside of an `except` has that error for its context."""

        async def fail() -> None:
            raise ValueError("no")

        try:
            raise KeyError("another")
        except KeyError as error:
            self.started(fail())
            self.assertIsNotNone(error.__traceback__)
        self.assertEqual(len(self.told), 1)


class ToldOnceTests(TaskCase):
    """Whoever is told is told once, and of what the coroutine did, not of what came of telling."""

    def test_a_result_that_cannot_be_taken_is_not_told_as_an_error(self) -> None:
        def fail(result: str) -> None:
            self.told.append(result)
            raise ValueError("broken callback")

        Task(self.wait(), fail, self.raised).start()
        self.first.callback("done")
        self.assertEqual(self.told, ["done"])
        self.failureResultOf(self.first, ValueError)

    def test_an_error_that_cannot_be_taken_is_not_told_again(self) -> None:
        def fail(error: BaseException) -> None:
            self.told.append(error)
            raise ValueError("broken callback")

        task: Task[str] = Task(self.wait(), self.told.append, fail)
        task.start()
        task.cancel()
        self.assert_cancelled()
        self.failureResultOf(self.first, ValueError)


class GarbageTests(TaskCase):
    """Nothing is left for the garbage collector: it looks seldom, and what a request holds is large."""

    def assert_freed(self, end: Callable[[Task[Any]], object], wait: Awaitable[Any] | None = None) -> None:
        """What a coroutine held is gone at once, though whoever is told of its end holds its task.

        Args:
            end: Ends it.
            wait: What it waits for; by default the first Deferred.
        """

        class Held:
            """What a request holds."""

        class Call:
            """Who is told."""

            def __init__(self, held: Held, wait: Awaitable[Any]) -> None:
                self.told = False
                self.task: Task[None] = Task(self.work(held, wait), self.tell, self.tell)

            async def work(self, held: Held, wait: Awaitable[Any]) -> None:
                try:
                    if await wait == "raise":
                        raise ValueError("no")
                except CancelledError:
                    raise KeyError("too late") from None

            def tell(self, _: object) -> None:
                self.told = True

        gc.disable()
        self.addCleanup(gc.enable)
        held = Held()
        call = Call(held, self.first if wait is None else wait)
        gone: list[weakref.ref[Any]] = [weakref.ref(held), weakref.ref(call)]
        del held
        call.task.start()
        end(call.task)
        self.assertTrue(call.told)
        del call
        self.assertEqual([each() for each in gone], [None, None])

    def test_after_it_returned(self) -> None:
        self.assert_freed(lambda _: self.first.callback(""))

    def test_after_it_raised(self) -> None:
        self.assert_freed(lambda _: self.first.callback("raise"))

    def test_after_what_it_waited_for_failed(self) -> None:
        self.assert_freed(lambda _: self.first.errback(ValueError("no")))

    def test_after_it_was_cancelled(self) -> None:
        """And the coroutine made another error of that, as the Timeout filter does."""
        self.assert_freed(lambda task: task.cancel())

    def test_after_a_promise(self) -> None:
        """Kept, broken, or called off."""
        for end in ("kept", Failure(ValueError("no")), None):
            promise: Promise[Any] = Promise(lambda: None)

            def finish(task: Task[Any], end: Any = end, promise: Promise[Any] = promise) -> None:
                task.cancel() if end is None else promise.settle(end)

            self.assert_freed(finish, promise)
