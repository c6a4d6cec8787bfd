"""Tests for `jairouter.telemetry.audit.alerts` and `jairouter.telemetry.audit.several`."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.auditing import Event, IAudit
from jairouter.config.settings.auditing import AlertThresholdSettings
from jairouter.telemetry.audit.alerts import COOL_DOWN, Alerts, thresholds
from jairouter.telemetry.audit.several import AuditTo
from tests.telemetry.audit.recording import LOGIN


@implementer(IAudit)
class Kept:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.many: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def often(self, event: Event) -> None:
        self.many.append(event)


class AlertTests(SynchronousTestCase):
    """Ten refused credentials a minute are too many."""

    def setUp(self) -> None:
        self.clock, self.kept = Clock(), Kept()
        limits = thresholds(AlertThresholdSettings())
        self.alerts = Alerts(limits, self.kept, self.clock.seconds, lambda: 1e9 + self.clock.seconds())
        self.logged: list[str] = []
        observer: Any = self.logged_event
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def logged_event(self, event: dict[str, object]) -> None:
        if str(event.get("log_namespace", "")).startswith("jairouter"):
            self.logged.append(str(event["log_level"]))

    def fail_logins(self, number: int, pause: float = 0.0) -> None:
        for _ in range(number):
            self.alerts.often(LOGIN)
            self.clock.advance(pause)

    def test_interfaces(self) -> None:
        for each in (self.alerts, AuditTo(self.kept), self.kept):
            verifyObject(IAudit, each)

    def test_one_less_is_no_reason(self) -> None:
        self.fail_logins(9)
        self.assertEqual((self.kept.events, self.logged), ([], []))

    def test_too_many(self) -> None:
        self.fail_logins(10)
        (event,) = self.kept.events
        self.assertEqual(
            (event.kind, event.resource, event.result), ("SECURITY_ALERT", "auth-failures", "denied")
        )
        self.assertEqual(event.details["events"], 10)
        self.assertEqual(len(self.logged), 1)

    def test_within_a_minute(self) -> None:
        self.fail_logins(100, pause=7)
        self.assertEqual(self.kept.events, [])
        self.fail_logins(12, pause=6)
        self.assertEqual(len(self.kept.events), 1)

    def test_not_again_for_a_while(self) -> None:
        self.fail_logins(1000)
        self.clock.advance(COOL_DOWN - 1)
        self.fail_logins(20)
        self.assertEqual(len(self.kept.events), 1)
        self.clock.advance(1)
        self.fail_logins(20)
        self.assertEqual(len(self.kept.events), 2)

    def test_each_by_itself(self) -> None:
        self.fail_logins(10)
        for _ in range(20):
            self.alerts.record(Event("AUTHORIZATION_FAILURE", result="denied"))
        self.assertEqual(
            [each.resource for each in self.kept.events], ["auth-failures", "suspicious-requests"]
        )

    def test_masking_is_allowed_and_counts(self) -> None:
        for _ in range(100):
            self.alerts.often(Event("REQUEST_SANITIZATION"))
        self.assertEqual(len(self.kept.events), 1)

    def test_other_events_do_not_count(self) -> None:
        for _ in range(1000):
            self.alerts.often(Event("AUTHENTICATION_SUCCESS"))
        self.assertEqual(self.alerts.statistics()["auth-failures"]["count"], 0)

    def test_statistics(self) -> None:
        self.fail_logins(10)
        self.clock.advance(30)
        said = self.alerts.statistics()["auth-failures"]
        expected = {"count": 10, "threshold": 10, "raised": 1, "lastRaised": "2001-09-09T01:46:40.000Z"}
        self.assertEqual(said, {**expected, "coolDownSeconds": COOL_DOWN - 30})

    def test_reset(self) -> None:
        self.fail_logins(10)
        self.alerts.reset()
        self.assertEqual(self.alerts.statistics()["auth-failures"]["count"], 0)
        self.fail_logins(10)
        self.assertEqual(len(self.kept.events), 2)

    def test_told_to_several(self) -> None:
        other = Kept()
        both = AuditTo(self.kept, other)
        both.record(LOGIN)
        both.often(LOGIN)
        self.assertEqual([(each.events, each.many) for each in (self.kept, other)], [([LOGIN], [LOGIN])] * 2)
