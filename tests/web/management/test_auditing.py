"""Tests for `jairouter.web.management.auditing`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry

from jairouter.auditing import Event
from jairouter.dates import DAY
from jairouter.telemetry.audit.opening import begin_auditing
from jairouter.web.management import auditing
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.config.reading import read
from tests.telemetry.audit.recording import LOGIN, Threads
from tests.web.management.in_memory import TODAY, Asking

MADE = Event("API_KEY_CREATED", "ann", "10.0.0.2", "key-1", details={"permissions": ["chat:read"]})


class AuditTestCase(Asking):
    """Has a record of security events."""

    more = ""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.now = TODAY
        super().setUp()

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        text = f"logging.audit: {{enabled: true, file: {self.folder}/audit.log}}\n{self.more}"
        threads = Threads()
        self.auditing = begin_auditing(
            read(text).settings, self.clock, threads.run, self.today, Random(0), CollectorRegistry()
        )
        self.addCleanup(self.auditing.close)
        return auditing.endpoints(self.auditing, threads.run, self.today)

    def today(self) -> float:
        return self.now


class LogsTests(AuditTestCase):
    """What was recorded."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(30):
            self.auditing.audit.record(LOGIN._replace(resource=f"/{number}"))
        self.auditing.audit.record(MADE)

    def test_what_was_recorded_just_now_is_there(self) -> None:
        data = self.ask("getAuditLogs").data
        self.assertEqual((data["totalElements"], len(data["events"]), data["partial"]), (31, 20, False))
        self.assertEqual(
            (data["startTime"], data["endTime"]), ("2025-12-25T00:00:00.000Z", "2026-01-01T00:00:00.000Z")
        )
        event = data["events"][0]
        self.assertEqual((event["eventType"], event["userId"], event["seq"]), (MADE.kind, "ann", 31))
        self.assertEqual(event["additionalData"], {"permissions": ["chat:read"]})

    def test_pages(self) -> None:
        data = self.ask("getAuditLogs", page=3, size=10).data
        self.assertEqual((len(data["events"]), data["totalElements"]), (1, 31))
        self.assertEqual(self.refusal("getAuditLogs", page=1000, size=100).status, 400)

    def test_filters(self) -> None:
        for query, number in (
            ({"eventType": "api-key-created"}, 1),
            ({"userId": "alice"}, 30),
            ({"clientIp": "10.0.0.2"}, 1),
            ({"success": True}, 1),
            ({"success": False, "userId": "ann"}, 0),
            ({"startTime": "2026-01-01T00:00:00Z"}, 31),
            ({"startTime": "2026-01-01T00:00:01Z", "endTime": "2026-01-02T00:00:00Z"}, 0),
            ({"startTime": "2026-01-01T08:00:00 08:00"}, 31),
            ({"endTime": "2025-12-31"}, 0),
        ):
            self.assertEqual(self.ask("getAuditLogs", **query).data["totalElements"], number, query)

    def test_times_that_are_none(self) -> None:
        query: Any
        for query in (
            {"startTime": "yesterday"},
            {"endTime": "99999-01-01"},
            {"startTime": "2027-01-01T00:00:00Z"},
        ):
            self.assertEqual(self.refusal("getAuditLogs", **query).status, 400)

    def test_times_of_which_no_date_can_be_made(self) -> None:
        """They were answered with 500."""
        queries: tuple[dict[str, Any], ...] = (
            {"startTime": "0001-01-01T00:00:00+14:00"},
            {"endTime": "9999-12-31T23:59:59-14:00"},
            {"endTime": "9999-12-31T23:59:59.9999999"},
        )
        for query in queries:
            self.assertEqual(self.refusal("getAuditLogs", **query).status, 400, query)
        self.assertEqual(self.ask("getAuditLogs", endTime="0001-01-03").data["totalElements"], 0)

    def test_all_filters_at_the_root(self) -> None:
        """`GET /api/security/audit` takes what `.../logs/query` does."""
        data = self.ask("getAudit", resource="/2", clientIp=LOGIN.ip, action=LOGIN.action, size=5).data
        self.assertEqual((data["totalElements"], len(data["events"])), (11, 5))

    def test_a_query_with_more_filters(self) -> None:
        for body, number in (
            ({"action": "POST", "resource": "/2"}, 11),
            ({"failureReason": "invalid"}, 30),
            ({"failureReason": "expired"}, 0),
            ({}, 31),
            (None, 31),
        ):
            self.assertEqual(self.ask("queryAuditLogs", body=body).data["totalElements"], number, body)

    def test_of_one_user_or_address(self) -> None:
        self.assertEqual(self.ask("getAuditEventsOfUser", "ann").data["totalElements"], 1)
        self.assertEqual(self.ask("getAuditEventsOfAddress", "10.0.0.1").data["totalElements"], 30)

    def test_statistics(self) -> None:
        for _ in range(5):
            self.auditing.audit.often(Event("AUTHENTICATION_SUCCESS", "bob"))
        data = self.ask("getAuditStatistics").data["auditStatistics"]
        self.assertEqual(data["totalEvents"], 32)
        self.assertEqual(data["eventTypeStatistics"][LOGIN.kind], 30)
        self.assertEqual(data["successFailureStatistics"], {"success": 2, "failure": 30})
        self.assertEqual(data["authenticationStatistics"], {"success": 1, "failure": 30})

    def test_it_cannot_be_read(self) -> None:
        self.ask("getAuditLogs")
        (self.folder / "audit.log").unlink()
        (self.folder / "audit.log").mkdir()
        self.assertEqual(self.refusal("getAuditLogs").code, "STORE_UNAVAILABLE")
        self.assertEqual(self.refusal("getAuditStatistics").code, "STORE_UNAVAILABLE")

    def test_what_cannot_be_written_now_is_missed(self) -> None:
        self.assertFalse(self.ask("getAudit").data["partial"])
        self.folder.rename(self.folder.with_name("gone"))
        self.auditing.audit.record(MADE)
        self.assertTrue(self.ask("getAudit").data["partial"])
        self.assertTrue(self.ask("getAuditStatistics").data["partial"])

    def test_permissions(self) -> None:
        """Reading is one thing, deleting another."""
        made = {each.name: each.permission for each in self._endpoints.values()}
        deleting = {name for name, permission in made.items() if permission == "audit:delete"}
        self.assertEqual(deleting, {"resetAuditAlerts", "cleanUpAuditLogs"})
        self.assertEqual(set(made.values()), {"audit:read", "audit:delete"})


class AlertTests(AuditTestCase):
    """What there is too much of."""

    more = "security.audit.alert-enabled: true"

    def test_check(self) -> None:
        for _ in range(10):
            self.auditing.audit.record(LOGIN)
        data = self.ask("checkAuditAlert", eventType=LOGIN.kind).data
        self.assertEqual((data["eventCount"], data["shouldTriggerAlert"]), (10, True))
        data = self.ask("checkAuditAlert", eventType=LOGIN.kind, threshold=11).data
        self.assertFalse(data["shouldTriggerAlert"])
        self.now += 301
        self.assertEqual(self.ask("checkAuditAlert", eventType=LOGIN.kind).data["eventCount"], 0)

    def test_statistics_and_reset(self) -> None:
        for _ in range(10):
            self.auditing.audit.record(LOGIN)
        data = self.ask("getAuditAlertStatistics").data
        self.assertEqual((data["enabled"], data["alerts"]["auth-failures"]["raised"]), (True, 1))
        data = self.ask("resetAuditAlerts").data
        self.assertEqual(data["alerts"]["auth-failures"]["raised"], 0)


class KeepingTests(AuditTestCase):
    """Whether all is there."""

    def test_intact(self) -> None:
        self.auditing.audit.record(LOGIN)
        self.ask("getAuditLogs")
        self.clock.advance(1)
        data = self.ask("verifyAuditLog").data
        self.assertEqual((data["intact"], data["lines"], data["fault"]), (True, 1, ""))

    def test_not_intact(self) -> None:
        self.auditing.audit.record(LOGIN)
        self.ask("getAuditLogs")
        path = self.folder / "audit.log"
        path.write_bytes(path.read_bytes().replace(b"alice", b"mallo"))
        data = self.ask("verifyAuditLog").data
        self.assertEqual(data["intact"], False)
        self.assertIn("line 1: is not as it was written", data["fault"])

    def test_cleaning_up(self) -> None:
        log = self.auditing.log
        assert log is not None
        self.auditing.audit.record(LOGIN)
        self.ask("getAuditLogs")
        log.place.files.put_aside(1, self.now)
        self.assertEqual(self.ask("cleanUpAuditLogs", retentionDays=1).data["deletedCount"], 0)
        self.now += 2 * DAY
        data = self.ask("cleanUpAuditLogs", retentionDays=1).data
        self.assertEqual((data["deletedCount"], data["deletedThrough"]), (1, 1))
        last = self.ask("getAuditLogs").data["events"][0]
        self.assertEqual((last["eventType"], last["userId"]), ("AUDIT_FILES_DELETED", "tester"))


class OffTests(AuditTestCase):
    """Nothing is recorded."""

    more = "---\nlogging.audit.enabled: false"

    def test_nothing_is_found(self) -> None:
        reply = self.ask("getAuditLogs")
        self.assertEqual((reply.data["recorded"], reply.data["events"]), (False, []))
        self.assertIn("logging.audit.enabled", reply.message)
        self.assertEqual(self.ask("getAuditStatistics").data["auditStatistics"]["totalEvents"], 0)
        self.assertEqual(self.ask("checkAuditAlert", eventType="X").data["eventCount"], 0)
        self.assertFalse(self.ask("getAuditAlertStatistics").data["enabled"])

    def test_there_is_nothing_to_check_or_delete(self) -> None:
        for name in ("verifyAuditLog", "cleanUpAuditLogs"):
            self.assertEqual(self.refusal(name).code, "NOT_POSSIBLE")
