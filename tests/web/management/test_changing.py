"""Tests for `jairouter.web.management.changing`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.state import ConfigUndoSettings
from jairouter.control import UndoRule
from jairouter.refusals import InvalidRequest
from jairouter.web.management.changing import CHANGING, undisturbed, undo_of
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import Call


def call(**query: Any) -> Call:
    """A call with this in its query."""
    return Call({}, {**{each.name: each.default for each in CHANGING}, **query}, None, None, "tester")


class Undo(SynchronousTestCase):
    """When a change is to be taken back."""

    def test_nothing_said_means_what_is_configured(self) -> None:
        self.assertIsNone(undo_of(call()))

    def test_a_number_is_seconds(self) -> None:
        self.assertEqual(UndoRule(90.0), undo_of(call(undoWithin="90")))

    def test_there_may_be_a_unit(self) -> None:
        self.assertEqual(UndoRule(300.0, 0.1), undo_of(call(undoWithin="5m", undoMargin=0.1)))

    def test_what_is_not_said_is_as_configured(self) -> None:
        configured = ConfigUndoSettings(margin=0.2, min_requests=5)
        self.assertEqual(UndoRule(60.0, 0.2, 5), undo_of(call(undoWithin="60s"), configured))

    def test_zero_is_not_at_all(self) -> None:
        self.assertEqual(UndoRule(0.0), undo_of(call(undoWithin="0")))

    def test_a_margin_alone_is_refused(self) -> None:
        self.assertRaises(InvalidRequest, undo_of, call(undoMargin=0.1))

    def test_what_is_no_time_is_refused(self) -> None:
        self.assertRaises(InvalidRequest, undo_of, call(undoWithin="soon"))

    def test_the_schema_takes_what_is_understood(self) -> None:
        schema = CHANGING[0].schema
        for text in ("0", "60", "60s", "1.5m", "500ms", "2h"):
            self.assertEqual([], check(text, schema))
            self.assertIsNotNone(undo_of(call(undoWithin=text)))
        self.assertNotEqual([], check("soon", schema))


class Undisturbed(SynchronousTestCase):
    """Work whose end matters more than who waits for it."""

    def setUp(self) -> None:
        self.cancelled: list[object] = []
        self.working: Deferred[int] = Deferred(self.cancelled.append)
        self.waiting = undisturbed(self.working)

    def test_what_comes_of_it_is_passed_on(self) -> None:
        self.working.callback(7)
        self.assertEqual(7, self.successResultOf(self.waiting))

    def test_why_it_failed_is_passed_on(self) -> None:
        self.working.errback(Failure(InvalidRequest("no")))
        self.failureResultOf(self.waiting, InvalidRequest)

    def test_it_goes_on_when_nobody_waits_any_more(self) -> None:
        self.waiting.cancel()
        self.failureResultOf(self.waiting, CancelledError)
        self.assertEqual([], self.cancelled)
        self.working.callback(7)
        self.assertIsNone(self.successResultOf(self.working))

    def test_that_it_failed_is_nobodys_business_then(self) -> None:
        self.waiting.cancel()
        self.failureResultOf(self.waiting, CancelledError)
        self.working.errback(Failure(InvalidRequest("no")))
        self.assertIsNone(self.successResultOf(self.working))
