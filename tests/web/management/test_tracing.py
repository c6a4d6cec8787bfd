"""Tests of jairouter.web.management.tracing, trace_answers and trace_sampling."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from random import Random
from typing import Any

from twisted.internet.task import Clock

from jairouter.config.loader import Loaded
from jairouter.refusals import NotFound
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.tracing.span import Kind, Span
from jairouter.telemetry.tracing.tracing import Tracing
from jairouter.timers import TimerWheel
from jairouter.web.management import trace_sampling, tracing
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import TODAY, YAML, Asking


def span(number: int, name: str = "POST /v1/chat/completions", took: float = 0.5, error: str = "") -> Span:
    """The span of a request; each begins a minute after the one before."""
    start = TODAY + 60 * number
    of = {
        "ai.service.type": "embedding" if "embeddings" in name else "chat",
        "http.response.status_code": 200,
    }
    return Span(f"{number:032x}", f"{number:016x}", "", name, Kind.SERVER, start, start + took, of, (), error)


class TracingTests(Asking):
    """What can be asked about traces."""

    text = YAML + "tracing: {enabled: true, exporter: {type: none}, sampling: {ratio: 0.5}}\n"

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        self.tracing = Tracing(
            Random(0),
            TimerWheel(Clock()),
            parts.today,
            lambda *_: self.fail("nothing is to be sent"),
            Families(),
        )
        self.configuration.in_force = self.apply
        self.apply(self.configuration.loaded)
        query = tracing.endpoints(self.tracing, lambda: TODAY + 86400)
        return (*query, *trace_sampling.endpoints(parts, self.tracing))

    def apply(self, loaded: Loaded) -> None:
        """Settings come into force."""
        self.tracing.configure(loaded.settings.tracing, loaded.settings.monitoring)

    def keep(self, *spans: Span) -> None:
        """Keep each as a trace of its own."""
        for each in spans:
            self.tracing.ring.add([each])

    def found(self, **query: Any) -> list[int]:
        """The numbers of the traces that a search finds."""
        return [int(each["traceId"], 16) for each in self.ask("searchTraces", **query).data["traces"]]

    def test_a_trace_is_shown_with_its_spans(self) -> None:
        child = span(1)._replace(span_id="c" * 16, parent_id=span(1).span_id, name="chat m", kind=Kind.CLIENT)
        self.tracing.ring.add([span(1), child])
        shown = self.ask("getTrace", f"{1:032x}").data
        self.assertEqual(
            ["POST /v1/chat/completions", "chat m"], [each["operationName"] for each in shown["spans"]]
        )
        self.assertEqual((2, 500.0, ["chat"]), (shown["spanCount"], shown["duration"], shown["services"]))

    def test_one_that_is_not_kept_is_not_found(self) -> None:
        self.assertIsInstance(self.refusal("getTrace", "0" * 32), NotFound)

    def test_the_latest_come_first(self) -> None:
        self.keep(*map(span, range(1, 5)))
        recent = self.ask("getRecentTraces", limit=3).data
        self.assertEqual([4, 3, 2], [int(each["traceId"], 16) for each in recent["traces"]])
        self.assertEqual(4, recent["kept"])

    def test_they_are_found_by_what_they_are(self) -> None:
        slow, bad, other = span(2, took=3), span(3, error="HTTP 503"), span(4, "POST /v1/embeddings")
        self.keep(span(1), slow, bad, other)
        self.assertEqual([2], self.found(minDuration=1000))
        self.assertEqual([4, 3, 1], self.found(maxDuration=1000))
        self.assertEqual([3], self.found(hasError=True))
        self.assertEqual([4, 2, 1], self.found(hasError=False))
        self.assertEqual([4], self.found(serviceName="Embeddings"))
        self.assertEqual([4], self.found(operationName="POST /v1/embeddings"))
        self.assertEqual([4, 3, 2, 1], self.found(serviceName="jairouter"))
        self.assertEqual([], self.found(serviceName="nothing"))

    def test_they_are_found_by_their_time(self) -> None:
        self.keep(*map(span, range(1, 5)))
        self.assertEqual([3, 2], self.found(startTime="2026-01-01T00:02:00Z", endTime="2026-01-01T00:03:00Z"))

    def test_times_the_wrong_way_round_are_refused(self) -> None:
        self.assertIn(
            "later", self.refusal("searchTraces", startTime="2026-02-01", endTime="2026-01-01").message
        )

    def test_statistics(self) -> None:
        self.keep(span(1, took=1), span(2, took=2), span(3, took=3, error="x"))
        data = self.ask("getTraceStatistics").data
        self.assertEqual((3, 3, 1), (data["totalTraces"], data["totalSpans"], data["errorTraces"]))
        self.assertEqual(
            (2000, 2000, 3000), (data["averageDuration"], data["p50Duration"], data["p99Duration"])
        )
        self.assertEqual([(3, 1)], [(each["count"], each["errors"]) for each in data["operations"]])

    def test_statistics_of_nothing(self) -> None:
        self.assertEqual(0, self.ask("getTraceStatistics").data["p99Duration"])

    def test_services_and_operations(self) -> None:
        self.keep(span(1), span(2, "POST /v1/embeddings"))
        self.assertEqual(["chat", "embedding"], self.ask("getTracedServices").data)
        self.assertEqual(
            ["POST /v1/embeddings"], self.ask("getTracedOperations", serviceName="embedding").data
        )

    def test_health(self) -> None:
        self.keep(span(1))
        data = self.ask("getTracingHealth").data
        self.assertEqual(("UP", 1, 1), (data["status"], data["traces"], data["spans"]))

    def test_taken_along_as_json_and_as_csv(self) -> None:
        self.keep(span(1), span(2))
        self.assertEqual(2, len(self.ask("exportTraces").data["traces"]))
        text = self.ask("exportTraces", body={"format": "csv", "maxRecords": 1}).data["csv"]
        self.assertEqual([f"{2:032x}"], [row["traceId"] for row in csv.DictReader(io.StringIO(text))])

    def test_old_ones_are_forgotten(self) -> None:
        self.keep(span(1), span(1439))
        self.assertEqual(1, self.ask("cleanUpTraces", retentionHours=1).data["deletedTraces"])
        self.assertEqual([1439], self.found())

    def test_sampling_is_changed_by_a_version_and_at_once(self) -> None:
        self.assertEqual("0.5", self.ask("getSampling").data["ratio"])
        self.keep(span(1))
        self.ask("updateSampling", body={"ratio": 0.25, "rules": [{"condition": "service=chat", "ratio": 1}]})
        self.assertEqual(1, self.configuration.version)
        self.assertEqual(0.25, self.ask("getSamplingStatistics").data["ratio"])
        self.assertEqual([1], self.found())

    def test_sampling_that_cannot_be_is_refused(self) -> None:
        for body in ({"ratio": 2}, {"rules": [{"condition": "weather=fine"}]}, {"strategy": "never"}):
            self.assertEqual("INVALID_CONFIGURATION", self.refusal("updateSampling", body=body).code)
