"""Tests for `jairouter.task`: tasks that are cancelled, and which task is running."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from jairouter.task import Task, current_task
from tests.test_task import TaskCase


class CancelTests(TaskCase):
    """`CancelledError` is raised where it waits."""

    def test_before_it_starts(self) -> None:
        """It runs until it waits: what it holds it has to settle."""
        seen: list[str] = []

        async def work() -> None:
            seen.append("began")
            try:
                await self.first
            finally:
                seen.append("settled")

        task = self.task(work())
        task.cancel()
        self.assertEqual(seen, [])
        task.start()
        self.assertEqual(seen, ["began", "settled"])
        self.assert_cancelled()

    def test_before_it_starts_but_it_never_waits(self) -> None:
        async def work() -> str:
            return "done"

        task = self.task(work())
        task.cancel()
        task.start()
        self.assertEqual(self.told, ["done"])

    def test_while_it_runs(self) -> None:
        async def work() -> str:
            task.cancel()
            self.told.append("still running")
            return await self.first

        task = self.task(work())
        task.start()
        self.assertEqual(self.told.pop(0), "still running")
        self.assert_cancelled()

    def test_while_it_runs_for_the_second_time(self) -> None:
        async def work() -> str:
            await self.first
            task.cancel()
            return await self.second

        task = self.started(work())
        self.first.callback("")
        self.assert_cancelled()

    def test_one_cancel_ends_one_wait(self) -> None:
        """Also when it came before the wait."""

        async def work() -> str:
            try:
                return await self.first
            except CancelledError:
                return await self.second

        task = self.task(work())
        task.cancel()
        task.start()
        self.assertEqual(self.told, [])
        self.second.callback("cleaned up")
        self.assertEqual(self.told, ["cleaned up"])

    def test_while_it_waits(self) -> None:
        cancelled: list[Deferred[str]] = []
        self.first = Deferred(cancelled.append)
        self.started(self.wait()).cancel()
        self.assertEqual(cancelled, [self.first])
        self.assert_cancelled()

    def test_what_is_waited_for_may_answer_all_the_same(self) -> None:
        self.first = Deferred(lambda deferred: deferred.callback("just in time"))
        self.started(self.wait()).cancel()
        self.assertEqual(self.told, ["just in time"])

    def test_after_the_end(self) -> None:
        task = self.started(self.wait())
        self.first.callback("done")
        task.cancel()
        self.assertEqual(self.told, ["done"])

    def test_twice(self) -> None:
        task = self.started(self.wait())
        task.cancel()
        task.cancel()
        self.assert_cancelled()

    def test_turned_into_an_error(self) -> None:
        """The Timeout filter does that."""
        error = ValueError("too late")

        async def work() -> None:
            try:
                await self.wait()
            except CancelledError:
                raise error from None

        self.started(work()).cancel()
        self.assertEqual(self.told, [error])

    def test_turned_into_a_result(self) -> None:
        async def work() -> str:
            try:
                return await self.first
            except CancelledError:
                return "fallback"

        self.started(work()).cancel()
        self.assertEqual(self.told, ["fallback"])

    def test_turned_into_another_wait(self) -> None:
        """That is not cancelled by the same cancel, but it can be cancelled by another."""

        async def work() -> str:
            try:
                return await self.first
            except CancelledError:
                return await self.second

        for end in ("fires", "cancelled again"):
            self.setUp()
            task = self.started(work())
            task.cancel()
            self.assertEqual(self.told, [])
            if end == "fires":
                self.second.callback("cleaned up")
                self.assertEqual(self.told, ["cleaned up"])
            else:
                task.cancel()
                self.assert_cancelled()


class CurrentTaskTests(TaskCase):
    """Which task is running."""

    def test_none(self) -> None:
        self.assertRaises(RuntimeError, current_task)

    def test_none_after_it_began_to_wait_or_ended(self) -> None:
        self.started(self.wait())
        self.assertRaises(RuntimeError, current_task)
        self.first.callback("")
        self.assertRaises(RuntimeError, current_task)

    def test_none_while_the_end_is_told(self) -> None:
        """Whoever is told runs outside of it: it cannot be cancelled any more."""

        def ask(_: object) -> None:
            self.assertRaises(RuntimeError, current_task)
            self.told.append("asked")

        async def fail() -> None:
            raise ValueError("no")

        Task(self.wait(), ask, ask).start()
        self.first.callback("")
        Task(fail(), ask, ask).start()
        self.assertEqual(self.told, ["asked", "asked"])

    def test_the_one_that_runs(self) -> None:
        seen: list[Task[Any]] = []

        async def work() -> None:
            seen.append(current_task())
            await self.first
            seen.append(current_task())

        task = self.started(work())
        self.first.callback("")
        self.assertEqual(seen, [task, task])

    def test_one_that_is_started_by_another(self) -> None:
        """While it runs it is the current one, then the other is again."""
        seen: list[Task[Any]] = []

        async def inner() -> None:
            seen.append(current_task())
            await self.first

        async def outer() -> None:
            seen.append(current_task())
            seen.append(self.started(inner()))
            seen.append(current_task())

        task = self.started(outer())
        self.assertEqual(seen, [task, seen[2], seen[2], task])
        self.assertIsNot(seen[2], task)
        self.first.callback("")

    def test_one_that_is_woken_by_another(self) -> None:
        seen: list[Task[Any]] = []

        async def sleeper() -> None:
            await self.first
            seen.append(current_task())
            raise ValueError("also when it fails")

        async def waker() -> None:
            self.first.callback("")
            seen.append(current_task())

        tasks = [self.started(sleeper()), self.started(waker())]
        self.assertEqual(seen, tasks)
