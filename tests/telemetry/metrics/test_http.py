"""Tests for `jairouter.telemetry.metrics.http`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.histogram import DURATIONS
from jairouter.telemetry.metrics.http import HttpMetrics
from tests.telemetry.metrics.shown import Values

HTTP = ("method", "uri", "status")


class HttpTests(SynchronousTestCase):
    """Answers by path and status."""

    def setUp(self) -> None:
        self.value = Values()
        self.metrics = HttpMetrics(Families())
        self.value.registry.register(self.metrics)

    def test_counted(self) -> None:
        """Under the names that the guide's rules use."""
        for status in (200, 200, 404):
            self.metrics.answered("POST", "/v1/chat/completions", status, 3.0)
        found = {"uri": "/v1/chat/completions", "method": "POST"}
        self.assertEqual(self.value("http_server_requests_total", status="200", **found), 2)
        self.assertEqual(self.value("http_server_requests_total", status="404", **found), 1)
        self.assertEqual(self.value("http_server_requests_seconds_sum", status="200", **found), 6.0)
        self.assertEqual(self.value("http_server_requests_seconds_bucket", le="2.5", **found), 0)
        self.assertEqual(self.value("http_server_requests_seconds_bucket", le="5.0", **found), 3)

    def test_services(self) -> None:
        """All paths of a service together, by whichever prefix; other pages have none."""
        for uri in ("/v1/chat/completions", "/api/v1/completions", "/v1/models", "/v1/embeddings"):
            self.metrics.answered("POST", uri, 200, 0.5)
        self.metrics.answered("POST", "/v1/chat/completions", 500, 0.5)
        chat = {"service": "chat", "method": "POST"}
        self.assertEqual(self.value("jairouter_requests_total", status="200", **chat), 2)
        self.assertEqual(self.value("jairouter_requests_total"), 4)
        self.assertEqual(self.value("jairouter_request_duration_seconds_count", **chat), 3)
        self.assertEqual(self.value("jairouter_request_duration_seconds_sum", **chat), 1.5)
        self.assertEqual(self.value("jairouter_request_duration_seconds_bucket", le="0.5", **chat), 3)

    def test_what_is_shown_does_not_change_any_more(self) -> None:
        """It is put together in another thread, while requests go on."""
        self.metrics.answered("GET", "/", 200, 0.5)
        shown = self.metrics.look()
        self.metrics.answered("GET", "/", 200, 0.5)
        self.metrics.answered("GET", "/", 404, 0.5)
        self.assertEqual([each.value for each in next(iter(shown())).samples], [1])

    def test_as_prometheus_counts(self) -> None:
        """What takes exactly as long as a bound is below it; clocks may be set back, and last for days."""
        self.compare([bound + by for bound in DURATIONS for by in (-1e-9, 0.0, 1e-9)])
        self.compare([-0.001, 0.0, 601.0, 1e9])

    @settings(max_examples=10)
    @given(st.lists(st.floats(0, 1000), max_size=30))
    def test_any_durations(self, durations: list[float]) -> None:
        self.compare(durations)

    def compare(self, durations: list[float]) -> None:
        """The same page as of prometheus-client's own metrics, but for when they were made."""
        ours, theirs = Values().registry, CollectorRegistry()
        metrics = HttpMetrics(Families())
        ours.register(metrics)
        about = "From a request's head to the last byte of its answer."
        count = Counter("http_server_requests", "Requests answered.", HTTP, registry=theirs)
        histogram = Histogram("http_server_requests_seconds", about, HTTP, registry=theirs, buckets=DURATIONS)
        for seconds in durations:
            metrics.answered("GET", "/", 200, seconds)
            count.labels("GET", "/", "200").inc()
            histogram.labels("GET", "/", "200").observe(seconds)
        expected = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
        found = generate_latest(ours).splitlines()
        self.assertEqual(found[: len(expected)], expected)
