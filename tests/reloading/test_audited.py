"""Tests for `jairouter.reloading.audited`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.config.loader import Loaded
from jairouter.control import ASKED_FOR, Difference, Entry, Standing, Told, Version
from jairouter.refusals import VersionNotFound
from jairouter.reloading.audited import MOST, Audited, Changing, audited, change_event
from jairouter.reloading.difference import differences
from tests.config.reading import read

BEFORE = "model.services.chat.instances: [{name: a, base-url: 'http://a', headers: {X-Key: planted}}]"
AFTER = (
    "model.services.chat.instances: [{name: a, base-url: 'http://a', headers: {X-Key: planted-2}, weight: 3}]"
)
TOLD = Told("ann", "update-instance", "a heavier one")


@implementer(IAudit)
class Kept:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def often(self, event: Event) -> None:
        raise NotImplementedError


class FakeConfiguration:
    """What `audited` looks at of a configuration."""

    def __init__(self) -> None:
        self.loaded, self.version = read(BEFORE), 0
        self.standing = Standing(0.0, "start")
        self.store = self
        self.asking: Told | None = None
        self.calls: list[Any] = []

    def call_on_change(self, call: Any) -> None:
        self.calls.append(call)

    def read(self, number: int) -> Deferred[Version]:
        if number == 404:
            return fail(VersionNotFound("it was deleted"))
        return succeed(Version(Entry(number, 0.0, 0, TOLD), {}))

    def becomes(self, text: str, version: int, cause: str = "") -> None:
        self.loaded, self.version = read(text), version
        for call in self.calls:
            call()
        self.standing = Standing(1.0, cause)


class AuditedTests(SynchronousTestCase):
    """One event for each change."""

    def setUp(self) -> None:
        self.configuration, self.kept = FakeConfiguration(), Kept()
        self.waiting: list[Deferred[None]] = []
        self.made: Audited = audited(self.configuration, self.compare, self.kept)

    def compare(self, before: Loaded, after: Loaded) -> Deferred[Sequence[Difference]]:
        waiting: Deferred[Any] = Deferred()
        self.waiting.append(waiting)
        return waiting.addCallback(lambda _: differences(before, after))

    def compared(self) -> None:
        """The thread is done."""
        self.waiting.pop(0).callback(None)

    def test_a_version(self) -> None:
        self.configuration.becomes(AFTER, 1)
        self.compared()
        (event,) = self.kept.events
        self.assertEqual((event.kind, event.user), ("CONFIGURATION_CHANGED", "ann"))
        self.assertEqual(
            (event.action, event.resource, event.result), ("update-instance", "version 1", "allowed")
        )
        self.assertEqual(event.details["description"], "a heavier one")
        changes = {each["path"].rpartition(".")[2]: each for each in event.details["differences"]}
        self.assertEqual((changes["weight"]["before"], changes["weight"]["after"]), (1, 3))

    def test_from_where_it_was_asked_for(self) -> None:
        """Which is not kept with the version, and not said of one that undoes it."""
        asked = replace(TOLD, address="10.0.0.9", request_id="r-1")
        for asking, ip in ((asked, "10.0.0.9"), (Told("x", "y", "", "10.0.0.8"), "")):
            self.configuration.asking = asking
            self.configuration.becomes(AFTER, self.configuration.version + 1)
            self.configuration.asking = None
            self.compared()
            self.assertEqual((self.kept.events[-1].ip, self.kept.events[-1].user), (ip, "ann"))
        self.assertEqual(self.kept.events[0].request_id, "r-1")

    def test_secrets_are_masked(self) -> None:
        self.configuration.becomes(AFTER, 1)
        self.compared()
        self.assertNotIn("planted", repr(self.kept.events))
        self.assertIn("X-Key", repr(self.kept.events))

    def test_files_that_are_read_again(self) -> None:
        self.configuration.becomes(AFTER, 0, "SIGHUP")
        self.compared()
        (event,) = self.kept.events
        self.assertEqual((event.user, event.action, event.resource), ("jairouter", "reload", "files"))
        self.assertEqual(event.details["cause"], "SIGHUP")

    def test_somebody_who_asks_for_that(self) -> None:
        self.configuration.becomes(AFTER, 0, f"{ASKED_FOR} ann")
        self.compared()
        self.assertEqual(self.kept.events[0].user, "ann")

    def test_nothing_is_different(self) -> None:
        self.configuration.becomes(BEFORE, 0, "SIGHUP")
        self.compared()
        self.assertEqual(self.kept.events, [])

    def test_one_after_the_other(self) -> None:
        self.configuration.becomes(AFTER, 1)
        self.configuration.becomes(BEFORE, 2)
        self.assertEqual(len(self.waiting), 1)
        self.compared()
        self.compared()
        self.assertEqual([each.resource for each in self.kept.events], ["version 1", "version 2"])
        self.assertEqual([each.details["previousVersion"] for each in self.kept.events], [0, 1])

    def test_a_version_that_is_gone(self) -> None:
        self.configuration.becomes(AFTER, 404, "store changed")
        self.compared()
        self.assertEqual(self.kept.events[0].details["cause"], "store changed")

    def test_a_comparison_that_fails(self) -> None:
        self.configuration.becomes(AFTER, 1)
        self.waiting.pop(0).errback(RuntimeError("a fault"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.configuration.becomes(BEFORE, 2)
        self.compared()
        self.assertEqual(len(self.kept.events), 1)

    def test_a_change_of_very_much(self) -> None:
        found = [Difference("added", f"path {each}", None, each, "") for each in range(MOST + 7)]
        details = change_event(Changing(3, 2, "", TOLD), found).details
        self.assertEqual((len(details["differences"]), details["moreDifferences"]), (MOST, 7))
