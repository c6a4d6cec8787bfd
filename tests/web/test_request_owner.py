"""Tests for `jairouter.web.request`: its owner is told once that it is over, and how."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET

from jairouter.errors import BadRequest
from jairouter.web.answering import answering
from jairouter.web.errors import break_off, write_error
from jairouter.web.request import Owner
from tests.web.serving import GET, Serving, Taker, post


class Told:
    """An owner that notes what it is told."""

    def __init__(self, notes: list[str], name: str) -> None:
        self._notes = notes
        self._name = name

    def answered(self) -> None:
        self._notes.append(f"{self._name} answered")

    def client_gone(self) -> None:
        self._notes.append(f"{self._name} gone")


class Owned(Taker):
    """Gives every request an owner, and notes it when one is begun.

    Attributes:
        notes: What happened, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.begun = 0

    def render(self, request: Any) -> int:
        self.begun += 1
        self.notes.append(f"{self.begun} begun")
        owner: Owner = Told(self.notes, str(self.begun))
        request.owner = owner
        self.requests.append(request)
        return NOT_DONE_YET


class Case(SynchronousTestCase):
    """A request that has an owner."""

    def setUp(self) -> None:
        self.root = Owned()
        self.serving = Serving(self.root)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def begin(self, data: bytes = GET) -> Any:
        self.client = self.serving.ask(data)
        return self.root.requests[-1]

    def leave(self) -> None:
        self.client.leave()
        self.serving.run()

    def assert_told(self, *notes: str) -> None:
        """This and no more, also when the client has left in the end."""
        self.serving.run()
        self.assertEqual(self.root.notes, ["1 begun", *notes])
        self.leave()
        self.assertEqual(self.root.notes, ["1 begun", *notes])

    def answer(self, request: Any) -> None:
        out = answering(request)
        out.head(200, (), 4)
        out.write(b"some")
        out.finish()


class AnsweredTests(Case):
    """The answer is complete."""

    def test_directly(self) -> None:
        self.answer(self.begin())
        self.assert_told("1 answered")

    def test_through_twisted(self) -> None:
        request = self.begin()
        request.write(b"some")
        self.assertEqual(self.root.notes, ["1 begun"])
        request.finish()
        self.assert_told("1 answered")

    def test_with_an_error(self) -> None:
        write_error(self.begin(), BadRequest("no"))
        self.assert_told("1 answered")

    def test_refused(self) -> None:
        self.begin().refuse(BadRequest("no"))
        self.assert_told("1 answered")

    def test_before_the_request_is_complete(self) -> None:
        self.answer(self.begin(post(b"body")[:-1]))
        self.assert_told("1 answered")

    def test_resource_fails(self) -> None:
        self.begin().processingFailed(Failure(RuntimeError("broken")))
        self.assert_told("1 answered")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_refused_afterwards(self) -> None:
        """That comes too late."""
        request = self.begin()
        self.answer(request)
        request.refuse(BadRequest("no"))
        self.assert_told("1 answered")

    def test_finished_twice(self) -> None:
        """A fault in a resource, of which Twisted warns."""
        request = self.begin()
        request.finish()
        request.finish()
        self.assertEqual(len(self.flushWarnings()), 1)
        self.assert_told("1 answered")

    def test_who_waits_is_told_as_well(self) -> None:
        request = self.begin()
        waiting = request.notifyFinish()
        self.answer(request)
        self.assertIsNone(self.successResultOf(waiting))
        self.assert_told("1 answered")


class GoneTests(Case):
    """The client has left."""

    def test_before_the_answer(self) -> None:
        self.begin()
        self.leave()
        self.assert_told("1 gone")

    def test_in_the_answer(self) -> None:
        out = answering(self.begin())
        out.head(200, (), 4)
        out.write(b"so")
        self.leave()
        self.assert_told("1 gone")

    def test_in_its_request(self) -> None:
        self.begin(post(b"body")[:-1])
        self.leave()
        self.assert_told("1 gone")

    def test_in_an_answer_through_twisted(self) -> None:
        self.begin().write(b"so")
        self.leave()
        self.assert_told("1 gone")

    def test_who_waits_is_told_as_well(self) -> None:
        waiting = self.begin().notifyFinish()
        self.leave()
        self.failureResultOf(waiting)
        self.assert_told("1 gone")

    def test_answer_is_broken_off(self) -> None:
        """It is over when the connection is."""
        for begin in (
            lambda request: answering(request).head(200, (), 4),
            lambda request: request.write(b"so"),
        ):
            self.root.notes.clear()
            self.root.begun = 0
            request = self.begin()
            begin(request)
            break_off(request)
            self.assertEqual(self.root.notes, ["1 begun"])
            self.assert_told("1 gone")

    def test_resource_fails_in_its_answer(self) -> None:
        request = self.begin()
        request.write(b"so")
        request.processingFailed(Failure(RuntimeError("broken")))
        self.assert_told("1 gone")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_gateway_closes(self) -> None:
        self.begin()
        self.serving.site.abort()
        self.assert_told("1 gone")


class NextTests(Case):
    """Several requests of one connection."""

    def test_each_has_its_own(self) -> None:
        """The first is over before the second is begun."""
        self.answer(self.begin(GET * 2))
        self.leave()
        self.assertEqual(self.root.notes, ["1 begun", "1 answered", "2 begun", "2 gone"])

    def test_none_for_what_was_not_begun(self) -> None:
        self.begin(GET * 3)
        self.leave()
        self.assertEqual(self.root.notes, ["1 begun", "1 gone"])

    def test_without_owner(self) -> None:
        """Most resources have no interest in it."""
        for end in (lambda request: request.finish(), lambda request: self.leave()):
            request = self.begin()
            request.owner = None
            end(request)
            self.serving.run()
        self.assertEqual(self.root.notes, ["1 begun", "2 begun"])
