"""Tests for `jairouter.telemetry.metrics`: the page is what prometheus-client itself would show."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.requests import RequestMetrics
from tests.codec.properties import PROPERTY
from tests.filters.inner import attempted

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Dashboards and alerts name them."""
TAGS = {"environment": "test", "instance": "1"}


class Reference:
    """The same metrics, made of prometheus-client's own."""

    def __init__(self, registry: CollectorRegistry, tags: Mapping[str, str]) -> None:
        self._tags = tuple(tags.values())
        names = (*tags, "method", "uri", "status")
        self._count = Counter("http_server_requests_total", "Requests answered.", names, registry=registry)
        self._duration = Histogram(
            "http_server_requests_seconds",
            "From a request's head to the last byte of its answer.",
            names,
            registry=registry,
            buckets=BUCKETS,
        )
        self._calls = Counter(
            "jairouter_backend_calls_total",
            "Attempts at instances by how they ended.",
            (*tags, "service", "model", "backend", "outcome"),
            registry=registry,
        )

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """See `RequestMetrics.answered`."""
        labels = (*self._tags, method, uri, str(status))
        self._count.labels(*labels).inc()
        self._duration.labels(*labels).observe(seconds)

    def called(self, outcome: str) -> None:
        """One attempt at the usual instance."""
        self._calls.labels(*self._tags, "chat", "m", "http://10.0.0.1:9000", outcome).inc()


def page(registry: CollectorRegistry) -> list[str]:
    """What Prometheus reads; without the time at which each series was made, which nobody asked for."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


class PageTests(SynchronousTestCase):
    """Names, types, labels, buckets, values: to the letter."""

    maxDiff = None

    def setUp(self) -> None:
        self.make({})

    def make(self, tags: Mapping[str, str]) -> None:
        ours, theirs = CollectorRegistry(), CollectorRegistry()
        self.registries = ours, theirs
        self.now = 0.0
        self.metrics = RequestMetrics(ours, lambda: self.now, Families(tags))
        self.reference = Reference(theirs, tags)

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        self.metrics.answered(method, uri, status, seconds)
        self.reference.answered(method, uri, status, seconds)

    def attempt(self, outcome: Outcome | None, seconds: float) -> None:
        """One exchange with one attempt that ended like this."""
        self.now = seconds
        what = attempted()
        what.attempt.outcome = outcome
        self.metrics.record(what, 200, 0, None)
        self.reference.answered("POST", "/v1/chat/completions", 200, seconds)
        self.reference.called(outcome.value if outcome else "unsettled")

    def assert_same(self) -> None:
        ours, theirs = (page(registry) for registry in self.registries)
        self.assertEqual(ours, theirs)

    def test_nothing_happened_yet(self) -> None:
        """All is announced, so that a dashboard knows it."""
        self.assert_same()
        self.assertIn("# TYPE http_server_requests_seconds histogram", page(self.registries[0]))

    def test_answers(self) -> None:
        for method, uri, status, seconds in (
            ("GET", "/v1/models", 200, 0.003),
            ("GET", "/v1/models", 200, 0.2),
            ("POST", "/v1/embeddings", 200, 0.002),
            ("GET", "/v1/models", 404, 1.0),
            ("GET", "/v1/models", 200, 1 / 3),
        ):
            self.answered(method, uri, status, seconds)
        self.assert_same()

    def test_bounds(self) -> None:
        """What takes exactly as long as a bound is below it."""
        for bound in BUCKETS:
            for seconds in (bound - 1e-9, bound, bound + 1e-9):
                self.answered("GET", "/", 200, seconds)
        self.assert_same()

    def test_extremes(self) -> None:
        for seconds in (0.0, -0.001, 601.0, 1e9):  # the clock may be set back
            self.answered("GET", "/", 200, seconds)
        self.assert_same()

    def test_attempts(self) -> None:
        for outcome in (*Outcome, Outcome.FAILED, None):
            self.attempt(outcome, 0.5)
        self.assert_same()

    def test_tags(self) -> None:
        self.make(TAGS)
        self.assert_same()
        self.attempt(Outcome.SUCCEEDED, 3.0)
        self.answered("GET", "/v1/models", 200, 0.01)
        self.assert_same()

    def test_letters_that_the_format_escapes(self) -> None:
        self.make({"team": 'a "b" \\ c\nd'})
        self.answered("GET", '/"\\', 200, 0.01)
        self.assert_same()

    def test_read_twice(self) -> None:
        """Reading changes nothing, and what comes between is there."""
        self.attempt(Outcome.SUCCEEDED, 0.5)
        self.assert_same()
        self.assert_same()
        self.attempt(Outcome.SUCCEEDED, 7.0)
        self.assert_same()

    @PROPERTY
    @given(st.lists(st.floats(0, 1000), max_size=30))
    def test_any_durations(self, durations: list[float]) -> None:
        self.setUp()
        for seconds in durations:
            self.answered("GET", "/", 200, seconds)
        self.assert_same()
