"""Tests for `jairouter.telemetry.audit.opening`: what settings come to."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auditing import Event
from jairouter.telemetry.audit.opening import Auditing, audit_on, begin_auditing, place_of
from jairouter.telemetry.audit.verifying import verify
from jairouter.telemetry.audit.writer import AuditUnusable
from tests.config.reading import faults_of, read
from tests.telemetry.audit.recording import LOGIN, NOW, Threads


class OpeningTests(SynchronousTestCase):
    """What is configured is done."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.path = self.folder / "audit.log"
        self.clock = Clock()
        self.clock.advance(NOW)
        self.registry = CollectorRegistry()

    def begin(self, text: str = "") -> Auditing:
        settings = read(f"logging.audit: {{enabled: true, file: {self.path}}}\n{text}").settings
        return self.begin_with(settings)

    def begin_with(self, settings: Any) -> Auditing:
        auditing = begin_auditing(
            settings, self.clock, Threads().run, self.clock.seconds, Random(1), self.registry
        )
        self.addCleanup(auditing.close)
        return auditing

    def lines(self, auditing: Auditing) -> list[Any]:
        self.successResultOf(auditing.close())
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def test_either_of_two_switches_is_enough(self) -> None:
        for text, expected in (
            ("", False),
            ("logging.audit.enabled: true", True),
            ("security.audit.enabled: true", True),
            ("logging.audit.enabled: false\nsecurity.audit.enabled: true", True),
            ("logging.audit.enabled: true\nsecurity.audit.enabled: false", True),
        ):
            self.assertEqual(audit_on(read(text).settings), expected)

    def test_without_a_record_events_are_counted_all_the_same(self) -> None:
        auditing = self.begin_with(read("").settings)
        auditing.audit.record(LOGIN)
        self.assertIsNone(auditing.log)
        self.assertEqual(auditing.standing().status, "UP")
        name = "jairouter_security_events_total"
        self.assertEqual(self.registry.get_sample_value(name, {"result": "denied"}), 1)
        self.assertFalse(self.folder.exists())

    def test_the_guides_form(self) -> None:
        auditing = self.begin("logging.audit.fields: {timestamp: '@timestamp', user: who}")
        auditing.audit.record(LOGIN)
        (line,) = self.lines(auditing)
        self.assertEqual((line["@timestamp"], line["who"]), ("2026-01-01T00:00:00.000Z", "alice"))

    def test_the_file_of_the_other_place(self) -> None:
        text = f"security.audit: {{enabled: true, storage: {{file-path: {self.path}}}}}"
        self.assertEqual(place_of(read(text).settings).files.path, self.path)

    def test_a_link_is_followed(self) -> None:
        """So that the old files are where the file is."""
        self.folder.mkdir()
        self.path.symlink_to(self.folder / "elsewhere" / "real.log")
        self.begin()
        self.assertTrue((self.folder / "elsewhere" / "real.log.head").exists())

    def test_kinds_that_are_not_wanted(self) -> None:
        auditing = self.begin("security.audit.event-types: {authentication-failure: false}")
        for each in (LOGIN, Event("GATEWAY_STARTED")):
            auditing.audit.record(each)
        self.assertEqual([each["event"] for each in self.lines(auditing)], ["GATEWAY_STARTED"])

    def test_levels(self) -> None:
        for level, kinds in (
            ("WARN", {LOGIN.kind}),
            ("OFF", set()),
            ("INFO", {LOGIN.kind, "GATEWAY_STARTED"}),
        ):
            self.setUp()
            auditing = self.begin(f"security.audit.log-level: {level}")
            for each in (LOGIN, Event("GATEWAY_STARTED")):
                auditing.audit.record(each)
            self.assertEqual({each["event"] for each in self.lines(auditing)}, kinds)

    def test_the_key_is_in_no_file(self) -> None:
        auditing = self.begin("security.audit.chain-key: 'planted-chain-key-0123'")
        auditing.audit.record(LOGIN)
        self.successResultOf(auditing.close())
        for each in self.folder.iterdir():
            self.assertNotIn(b"planted", each.read_bytes())
        self.assertIn('"hash":"hmac:', self.path.read_text())

    def test_alerts_are_recorded_and_counted(self) -> None:
        auditing = self.begin(
            "security.audit: {alert-enabled: true, alert-thresholds.auth-failures-per-minute: 2}"
        )
        auditing.audit.often(LOGIN)
        auditing.audit.often(LOGIN)
        kinds = [each["event"] for each in self.lines(auditing)]
        self.assertEqual(sorted(kinds), [LOGIN.kind, LOGIN.kind, "SECURITY_ALERT"])
        name = "jairouter_security_violations_total"
        labels = {"violation_type": "alert", "severity": "high"}
        self.assertEqual(self.registry.get_sample_value(name, labels), 1)

    def test_what_cannot_be_written_is_known_at_once(self) -> None:
        self.path.mkdir(parents=True)
        with self.assertRaises(AuditUnusable) as caught:
            self.begin()
        self.assertIn(str(self.path), str(caught.exception))

    def test_text(self) -> None:
        auditing = self.begin("logging.audit.format: text")
        auditing.audit.record(LOGIN)
        self.successResultOf(auditing.close())
        self.assertTrue(
            self.path.read_text().startswith("2026-01-01T00:00:00.000Z WARN AUTHENTICATION_FAILURE")
        )
        settings = read(f"logging.audit: {{file: {self.path}, format: text}}").settings
        self.assertEqual(verify(place_of(settings))[4], "")


class SettingsTests(SynchronousTestCase):
    """What is refused."""

    def test_faults(self) -> None:
        for text, part in (
            ("logging.audit.fields: {usr: x}", "did you mean user?"),
            ("logging.audit.fields: {user: 'a b'}", "expected a name"),
            ("logging.audit.fields: {user: ''}", "expected a name"),
            ("logging.audit.fields: {user: ip}", "the name of another member"),
            ("logging.audit.fields: {user: hash}", "the name of another member"),
            ("security.audit.chain-key: short", "at least 16 characters"),
            ("security.audit.fsync: sometimes", "one of always, interval, never"),
        ):
            (fault,) = faults_of(text)
            self.assertIn(part, fault)
            self.assertNotIn("short", fault)

    def test_names_may_be_exchanged(self) -> None:
        self.assertEqual(
            read("logging.audit.fields: {user: ip, ip: user}").settings.logging.audit.fields["user"], "ip"
        )
