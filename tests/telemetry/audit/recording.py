"""What the tests of the audit log share: a record in a directory of its own, and a day that does not pass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auditing import Event
from jairouter.telemetry.audit.chain import Chain
from jairouter.telemetry.audit.files import Files
from jairouter.telemetry.audit.line import Entry, Form
from jairouter.telemetry.audit.place import Place
from jairouter.telemetry.audit.verifying import Verified, verify
from jairouter.telemetry.audit.writer import Rules, Writer

NOW = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
KEY = b"a key of at least sixteen characters"
LOGIN = Event("AUTHENTICATION_FAILURE", "alice", "10.0.0.1", "/v1/chat", "denied", "POST", "INVALID_API_KEY")


class Threads:
    """Runs at once what would run in a thread, or when it is told to."""

    def __init__(self) -> None:
        self.held: list[Callable[[], object]] | None = None
        self.fault: Exception | None = None

    def run(self, function: Any, *arguments: Any) -> Deferred[Any]:
        """See `AuditLog`."""
        if self.fault is not None:
            return fail(self.fault)
        if self.held is None:
            return maybeDeferred(function, *arguments)
        done: Deferred[Any] = Deferred()
        self.held.append(lambda: maybeDeferred(function, *arguments).chainDeferred(done))
        return done

    def hold(self) -> None:
        """Begin nothing until `let_go`."""
        self.held = []

    def let_go(self) -> None:
        """Do what was held back, and the rest at once."""
        held, self.held = self.held or [], None
        for each in held:
            each()


class RecordTestCase(SynchronousTestCase):
    """Has a directory for a record."""

    key: bytes | None = None
    rules = Rules()
    form = Form()

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.path = self.folder / "audit.log"
        self.place = Place(Files(self.path), self.form, Chain(self.key))
        self.clock = Clock()
        self.clock.advance(NOW)
        self.made = 0

    def entry(self, event: Event) -> Entry:
        """An entry that happens now."""
        self.made += 1
        return Entry(self.clock.seconds(), f"id-{self.made}", event)

    def writer(self, rules: Rules | None = None, place: Place | None = None) -> Writer:
        """One that is open, and closed at the end of the test."""
        writer = Writer(place or self.place, rules or self.rules, self.entry, self.clock.seconds)
        writer.open()
        self.addCleanup(writer.close)
        return writer

    def wrote(self, number: int, rules: Rules | None = None) -> None:
        """A gateway wrote so many lines and stopped."""
        writer = self.writer(rules)
        written = writer.write([self.entry(LOGIN._replace(resource=f"/{each}")) for each in range(number)])
        self.assertEqual((written.number, written.why), (number, ""))
        self.assertEqual(writer.sync(), "")
        writer.close()

    def lines(self) -> list[Any]:
        """What is in the file that is written."""
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def kinds(self) -> list[str]:
        """The kinds of events in it."""
        return [each["event"] for each in self.lines()]

    def names(self) -> list[str]:
        """The files that there are."""
        return sorted(os.listdir(self.folder))

    def verified(self) -> Verified:
        """What came of checking the record."""
        return verify(self.place)

    def assert_intact(self, lines: int) -> None:
        """All of it is there."""
        verified = self.verified()
        self.assertEqual((verified.fault, verified.lines), ("", lines))

    def assert_fault(self, part: str) -> None:
        """It is not, and this is said about it."""
        self.assertIn(part, self.verified().fault)
