"""Tests for `jairouter.telemetry.metrics.requests`."""

from __future__ import annotations

import gc

from prometheus_client import CollectorRegistry, generate_latest
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.exchange import Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.requests import RequestMetrics
from tests.filters.inner import attempted, exchange

CHAT = {"method": "POST", "uri": "/v1/chat/completions"}
CALLS = "jairouter_backend_calls_total"


class RequestMetricsTests(SynchronousTestCase):
    """Requests and their durations."""

    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = RequestMetrics(self.registry, lambda: 3.0, Families())

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def test_interface(self) -> None:
        verifyClass(IRecorder, RequestMetrics)
        verifyObject(IRecorder, self.metrics)

    def test_counted(self) -> None:
        """Under the names that dashboards use."""
        for status in (200, 200, 404):
            self.metrics.record(exchange(), status, 0, None)
        self.assertEqual(self.value("http_server_requests_total", status="200", **CHAT), 2)
        self.assertEqual(self.value("http_server_requests_total", status="404", **CHAT), 1)

    def test_duration(self) -> None:
        self.metrics.record(exchange(), 200, 0, None)
        name = "http_server_requests_seconds"
        self.assertEqual(self.value(f"{name}_sum", status="200", **CHAT), 3.0)
        self.assertEqual(self.value(f"{name}_bucket", status="200", le="2.5", **CHAT), 0)
        self.assertEqual(self.value(f"{name}_bucket", status="200", le="5.0", **CHAT), 1)

    def test_attempts(self) -> None:
        """By instance and by how they ended."""
        for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.FAILED, None):
            what = attempted()
            what.attempt.outcome = outcome
            self.metrics.record(what, 200, 0, None)
        labels = {"service": "chat", "model": "m", "backend": "http://10.0.0.1:9000"}
        self.assertEqual(self.value(CALLS, outcome="succeeded", **labels), 1)
        self.assertEqual(self.value(CALLS, outcome="failed", **labels), 2)
        self.assertEqual(self.value(CALLS, outcome="unsettled", **labels), 1)

    def test_instances_are_let_go(self) -> None:
        """They come and go with the settings; what was counted stays."""
        for _ in range(2):
            what = attempted()
            what.attempt.outcome = Outcome.SUCCEEDED
            self.metrics.record(what, 200, 0, None)
            self.metrics.sum_up()
            self.assertFalse(
                [each for each in gc.get_referrers(what.attempt.instance) if isinstance(each, tuple)]
            )
        self.assertEqual(
            self.value(CALLS, outcome="succeeded", service="chat", model="m", backend="http://10.0.0.1:9000"),
            2,
        )

    def test_instances_at_one_address_are_one_series(self) -> None:
        """As with two keys for one backend; Prometheus refuses a page that has a series twice."""
        for key in (b"one", b"two"):
            what = attempted(headers=((b"Authorization", key),))
            what.attempt.outcome = Outcome.SUCCEEDED
            self.metrics.record(what, 200, 0, None)
        lines = [
            line for line in generate_latest(self.registry).splitlines() if line.startswith(b"jairouter_")
        ]
        self.assertEqual([line.rpartition(b" ")[2] for line in lines], [b"2.0"])

    def test_labels_come_from_the_configuration(self) -> None:
        """Whatever models clients ask for, there are no more series."""
        sizes = set()
        for number in range(50):
            self.metrics.record(exchange(model=f"made-up-{number}"), 404, 0, None)
            sizes.add(generate_latest(self.registry).count(b"\n"))
        self.assertEqual(len(sizes), 1)
        self.assertNotIn(b"made-up", generate_latest(self.registry))

    def test_other_answers(self) -> None:
        self.metrics.answered("GET", "/v1/models", 200, 0.001)
        labels = {"method": "GET", "uri": "/v1/models", "status": "200"}
        self.assertEqual(self.value("http_server_requests_total", **labels), 1)

    def test_tags(self) -> None:
        """Every series of ours carries them."""
        registry = CollectorRegistry()
        metrics = RequestMetrics(registry, lambda: 0.0, Families({"environment": "test", "instance": "1"}))
        metrics.record(attempted(), 200, 0, None)
        tags = {"environment": "test", "instance": "1"}
        self.assertEqual(
            registry.get_sample_value("http_server_requests_total", {**CHAT, "status": "200", **tags}), 1
        )
        calls = {"service": "chat", "model": "m", "backend": "http://10.0.0.1:9000", "outcome": "unsettled"}
        self.assertEqual(registry.get_sample_value(CALLS, {**calls, **tags}), 1)
