"""Tests for `jairouter.telemetry.security_metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.auditing import Event, IAudit
from jairouter.errors import Reason
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.security_metrics import SecurityMetrics

FAILED = Event("AUTHENTICATION_FAILURE", result="denied")


class SecurityMetricsTests(SynchronousTestCase):
    """What Prometheus reads."""

    def setUp(self) -> None:
        self.lost = 0
        self.metrics = SecurityMetrics(Families({"environment": "test"}), lambda: self.lost)
        self.registry = CollectorRegistry()
        self.registry.register(self.metrics)

    def value(self, name: str, **labels: str) -> float | None:
        labels["environment"] = "test"
        return self.registry.get_sample_value(f"jairouter_security_{name}_total", labels)

    def test_interface(self) -> None:
        verifyObject(IAudit, self.metrics)

    def test_all_results_are_there_from_the_start(self) -> None:
        """The guide's alert takes a rate, which needs a value before the first event."""
        for result in ("allowed", "denied", "failed"):
            self.assertEqual(self.value("events", result=result), 0)

    def test_results(self) -> None:
        self.metrics.record(FAILED)
        self.metrics.often(FAILED)
        self.metrics.record(Event("GATEWAY_STARTED"))
        self.metrics.record(Event("X", result="strange"))
        values = [self.value("events", result=each) for each in ("allowed", "denied", "failed")]
        self.assertEqual(values, [1, 2, 1])

    def test_authentications(self) -> None:
        self.metrics.often(Event("AUTHENTICATION_SUCCESS", details={"authType": "jwt"}))
        self.metrics.often(Event("AUTHENTICATION_SUCCESS"))
        self.metrics.often(FAILED._replace(reason="EXPIRED_JWT_TOKEN"))
        self.assertEqual(self.value("authentication_attempts"), 3)
        self.assertEqual(self.value("authentication_successes", auth_type="jwt"), 1)
        self.assertEqual(self.value("authentication_successes", auth_type="unknown"), 1)
        self.assertEqual(self.value("authentication_failures", auth_type="jwt", failure_reason="expired"), 1)

    def test_what_reasons_come_to(self) -> None:
        expected = {
            Reason.MISSING: ("api-key", "missing"),
            Reason.UNKNOWN_KEY: ("api-key", "invalid"),
            Reason.EXPIRED_KEY: ("api-key", "expired"),
            Reason.UNKNOWN_TOKEN: ("jwt", "invalid"),
            Reason.EXPIRED_TOKEN: ("jwt", "expired"),
            Reason.REVOKED_TOKEN: ("jwt", "blocked"),
            Reason.LOGIN: ("password", "invalid"),
        }
        self.assertEqual(set(expected), set(Reason))
        for reason, (auth_type, why) in expected.items():
            self.setUp()
            self.metrics.record(FAILED._replace(reason=reason.value))
            self.assertEqual(
                self.value("authentication_failures", auth_type=auth_type, failure_reason=why), 1, reason
            )

    def test_reasons_from_outside_make_no_series(self) -> None:
        before = len(list(self.registry.collect()))
        for each in range(3000):
            self.metrics.often(FAILED._replace(reason=f"odd {each}", details={"authType": f"odd {each}"}))
        self.assertEqual(len(list(self.registry.collect())), before)
        odd = self.value("authentication_failures", auth_type="unknown", failure_reason="other")
        self.assertEqual(odd, 3000)

    def test_violations(self) -> None:
        self.metrics.record(Event("JWT_TOKEN_REUSED", result="denied"))
        self.assertEqual(self.value("violations", violation_type="token_reuse", severity="high"), 1)
        self.assertEqual(self.value("violations", violation_type="brute_force", severity="high"), 0)

    def test_tokens(self) -> None:
        for kind in ("ISSUED", "ISSUED", "REFRESHED", "REVOKED"):
            self.metrics.record(Event(f"JWT_TOKEN_{kind}"))
        values = [self.value(f"jwt_tokens_{each}") for each in ("issued", "refreshed", "revoked")]
        self.assertEqual(values, [2, 1, 1])

    def test_lost_events(self) -> None:
        self.lost = 7
        self.assertEqual(self.value("audit_events_lost"), 7)
