"""After a mixed load, metrics are what clients and backends have counted, to the last one."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.http import SERVICES
from tests.integration.counted_load import CHAT, KEY, LEFT, PLAIN, TOKENS, Counts, asked, total
from tests.integration.processes import Gateway, Server, Shared, configuration

JOBS: Final = {
    "chat": 120,
    "completion": 60,
    "stream": 60,
    "unknown_model": 20,
    "wrong_key": 20,
    "refused_by_backend": 20,
    "failed": 15,
    "limited": 40,
    "leave": 15,
}
THRESHOLD: Final = 3
LIMIT: Final = 10


def _backend(*options: str) -> Server:
    """One that prints a line for each request."""
    command = (sys.executable, "-m", "jairouter.simulator", "--port", "0", "--latency", "0")
    return Server([*command, "--tokens-per-second", "0", "--tokens", str(TOKENS), *options])


def _configuration(good: Server, bad: Server) -> dict[str, Any]:
    tree = configuration(good.url)
    services = tree["model"]["services"]
    services["chat"] = {
        "instances": [{"name": "m", "base-url": each.url} for each in (good, bad)],
        "load-balance": "round-robin",
        "retry": {"delay": 0, "budget": {"min-per-second": 1000}},
        "circuit-breaker": {"enabled": True, "failure-threshold": 100000},
    }
    services["embedding"]["rate-limit"] = {
        "enabled": True,
        "algorithm": "token-bucket",
        "capacity": LIMIT,
        "rate": 0.0001,
    }
    services["tts"]["circuit-breaker"] = {
        "enabled": True,
        "failure-threshold": THRESHOLD,
        "recovery-timeout": 600000,
    }
    front = {"name": "front", "value": KEY, "permissions": ["read"]}
    tree["security"] = {"api-key": {"enabled": True, "keys": [front]}}
    return tree


class Run:
    """The load, done.

    Attributes:
        counts: What clients have counted.
        good: What the backend that is well was asked, by path and answer.
        bad: The same of the one that fails on a path.
        broken: How many attempts it took to open a breaker.
        samples: The page of metrics after it.
    """

    def __init__(self) -> None:
        self._started: list[Server] = []
        try:
            self._go()
        finally:
            for each in reversed(self._started):
                each.stop()

    def _go(self) -> None:
        good, bad = _backend(), _backend("--fault", f"error;only={PLAIN}")
        self._started += [good, bad]
        gateway = Gateway(_configuration(good, bad))
        self._started.append(gateway)
        self.counts = Counts(gateway)
        self.counts.run(JOBS)
        self.broken = self.counts.break_it()
        gateway.wait_at_rest()
        self.good, self.bad = asked(good), asked(bad)
        self.urls = {good.url: self.good, bad.url: self.bad}
        page = gateway.get("/actuator/prometheus")[1].decode()
        self._samples = [
            sample for family in text_string_to_metric_families(page) for sample in family.samples
        ]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of this name that have these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Sums of all series of this name by these labels, without those that are 0."""
        sums: Counter[tuple[str, ...]] = Counter()
        for sample in self._samples:
            if sample.name == name:
                sums[tuple(sample.labels[label] for label in labels)] += int(sample.value)
        return {key: value for key, value in sums.items() if value}


RUN = Shared(Run, lambda run: None)


class CounterTests(SynchronousTestCase):
    """Hundreds of requests of all kinds, eight at a time."""

    def setUp(self) -> None:
        self.run_ = RUN.get()
        self.counts = self.run_.counts

    def test_load(self) -> None:
        """It was what it should be."""
        self.assertEqual(self.counts.unexpected, [])
        self.assertEqual(sum(self.counts.answered.values()), sum(JOBS.values()) + self.run_.broken + 1)
        self.assertEqual(self.counts.answered["/v1/embeddings", 200], LIMIT)
        self.assertGreater(self.run_.bad[PLAIN, 500], 0)

    def test_requests(self) -> None:
        """By path and status, in all three counters and in the histogram."""
        answered = {(path, str(status)): number for (path, status), number in self.counts.answered.items()}
        for name in ("http_server_requests_total", "http_server_requests_seconds_count"):
            found = self.run_.by(name, "uri", "status")
            self.assertEqual({key: value for key, value in found.items() if "/v1/" in key[0]}, answered)
        services: Counter[tuple[str, str]] = Counter()
        for (path, status), number in self.counts.answered.items():
            services[SERVICES[path], str(status)] += number
        for name in ("jairouter_requests_total", "jairouter_model_requests_total"):
            self.assertEqual(self.run_.by(name, "service", "status"), services)

    def test_models(self) -> None:
        """Requests that came to none count under none."""
        none = JOBS["unknown_model"] + JOBS["wrong_key"]
        self.assertEqual(self.run_.metric("jairouter_model_requests_total", model="", service="chat"), none)
        self.assertEqual(self.run_.metric("jairouter_model_requests_total", model="made-up"), 0)

    def test_limits(self) -> None:
        refused = self.counts.answered["/v1/embeddings", 429]
        self.assertEqual(refused, JOBS["limited"] - LIMIT)
        metric = self.run_.metric
        self.assertEqual(metric("jairouter_ratelimit_requests_total", service="embedding"), JOBS["limited"])
        self.assertEqual(metric("jairouter_ratelimit_rejected_total"), refused)
        events = self.run_.by("jairouter_rate_limit_events_total", "service", "result")
        self.assertEqual(events, {("embedding", "allowed"): LIMIT, ("embedding", "rejected"): refused})

    def test_attempts(self) -> None:
        """By backend and outcome, as the backends have counted them."""
        left = 0
        for url, seen in self.run_.urls.items():
            calls = self.run_.by("jairouter_backend_calls_total", "backend", "outcome")
            found = {outcome: number for (backend, outcome), number in calls.items() if backend == url}
            left += int(found.pop("abandoned", 0))
            self.assertEqual(found.pop("failed", 0), total(seen, lambda _, status: status >= 500))
            self.assertEqual(found.pop("neutral", 0), total(seen, lambda _, status: 400 <= status < 500))
            well = total(seen, lambda _, status: status < 400)
            # (Which of these its client has left, a backend does not print)
            self.assertEqual(found.pop("succeeded") + calls.get((url, "abandoned"), 0), well)
            self.assertEqual(found, {})
            name = "jairouter_backend_call_duration_seconds_count"
            self.assertEqual(self.run_.metric(name, backend=url), sum(seen.values()))
            name = "jairouter_loadbalancer_selections_total"
            self.assertEqual(self.run_.metric(name, backend=url), sum(seen.values()))
        self.assertEqual(left, JOBS["leave"])

    def test_further_attempts(self) -> None:
        """One for each failure after which there was another backend."""
        retries = self.run_.by("jairouter_retries_total", "service", "reason")
        expected = {("chat", "500"): self.run_.bad[PLAIN, 500], ("chat", "503"): JOBS["failed"]}
        self.assertEqual(retries, expected)
        both = self.run_.good[CHAT, 503] + self.run_.bad[CHAT, 503]
        self.assertEqual(both, 2 * JOBS["failed"])

    def test_tokens(self) -> None:
        """As clients were told them; those who left were not told."""
        found = self.run_.by("jairouter_tokens_total", "kind", "source")
        for kind, number in self.counts.tokens.items():
            self.assertEqual(found[kind, "reported"], number, kind)

    def test_first_tokens(self) -> None:
        """All streams that began."""
        name = "jairouter_time_to_first_token_seconds_count"
        self.assertEqual(self.run_.metric(name), JOBS["stream"] + JOBS["leave"])

    def test_streams_that_broke(self) -> None:
        found = self.run_.by("jairouter_streams_interrupted_total", "service", "reason")
        self.assertEqual(found, {("chat", "client_gone"): JOBS["leave"]})
        self.assertEqual(self.counts.answered[CHAT, LEFT], JOBS["leave"])

    def test_breakers(self) -> None:
        self.assertEqual(self.run_.broken, THRESHOLD)
        events = self.run_.by("jairouter_circuit_breaker_events_total", "service", "event")
        calls = self.run_.by("jairouter_backend_calls_total", "service", "outcome")
        expected = {
            ("chat", "success"): calls["chat", "succeeded"],
            ("chat", "failure"): calls["chat", "failed"],
            ("tts", "failure"): THRESHOLD,
            ("tts", "state_change"): 1,
        }
        self.assertEqual(events, expected)
        self.assertEqual(self.run_.by("jairouter_circuitbreaker_opened_total", "service"), {("tts",): 1})
        self.assertEqual(self.run_.by("jairouter_circuitbreaker_state", "service"), {("tts",): 1})

    def test_refusals(self) -> None:
        name = "jairouter_security_events_total"
        self.assertEqual(self.run_.metric(name, result="denied"), JOBS["wrong_key"])

    def test_nothing_under_way(self) -> None:
        for name in ("requests_in_flight", "streams_open", "backend_in_flight", "ledger_outstanding"):
            self.assertEqual(self.run_.metric(f"jairouter_{name}"), 0, name)
