"""Tests for `jairouter.web.metrics_page` and `jairouter.web.metric_pages`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.errors import PermissionDenied
from jairouter.refusals import Forbidden
from jairouter.telemetry.metrics.exposition import Exposition, Sources
from jairouter.telemetry.metrics.families import Families
from jairouter.web import metric_pages
from jairouter.web.metric_pages import MetricNames
from jairouter.web.metrics_page import Prometheus
from tests.fakes import Client
from tests.telemetry.metrics.test_exposition import Threads
from tests.web.serving import Received, Serving, answers


class Pages(SynchronousTestCase):
    """Asks for pages about a few things."""

    def setUp(self) -> None:
        self.sources, self.threads = Sources(), Threads()
        Counter("things", "Things.", ["kind"], registry=self.sources).labels("good").inc(3)
        Gauge("memory_used_bytes", "Memory.", registry=self.sources).set(7)
        later = partial(Clock().callLater, 0)
        exposition = Exposition(self.sources, self.threads.run, lambda: 0.0, Families(), later)
        self.admit: Callable[[Any], Any] = lambda request: None
        root = Resource()
        root.putChild(b"prometheus", Prometheus(exposition))
        root.putChild(b"metrics", MetricNames(exposition, self.let_in))
        self.serving = Serving(root)

    def let_in(self, request: Any) -> Any:
        """As the test says now."""
        return self.admit(request)

    def begin(self, path: str, *headers: str, method: str = "GET") -> Client:
        """Ask; the answer waits for a thread."""
        lines = (f"{method} {path} HTTP/1.1", "Host: x", *headers)
        return self.serving.ask("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    def ask(self, path: str, *headers: str, method: str = "GET") -> Received:
        """Ask, and get the answer."""
        client = self.begin(path, *headers, method=method)
        self.threads.work()
        self.serving.run()
        if method == "HEAD":
            client.received = client.received.replace(b"200 OK", b"204 OK")  # for the reader
        return answers(client.received)[0]


class PrometheusTests(Pages):
    """The page that Prometheus reads."""

    def test_text(self) -> None:
        answer = self.ask("/prometheus")
        self.assertEqual((answer.status, b'things_total{kind="good"} 3.0\n' in answer.body), (200, True))
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(answer.headers["vary"], "Accept, Accept-Encoding")
        self.assertNotIn("content-encoding", answer.headers)

    def test_openmetrics(self) -> None:
        answer = self.ask("/prometheus", "Accept: application/openmetrics-text;version=1.0.0")
        self.assertTrue(answer.body.endswith(b"# EOF\n"))
        expected = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        self.assertEqual(answer.headers["content-type"], expected)

    def test_compressed(self) -> None:
        answer = self.ask("/prometheus", "Accept-Encoding: gzip")
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(answer.body), self.ask("/prometheus").body)

    def test_head(self) -> None:
        answer = self.ask("/prometheus", method="HEAD")
        self.assertEqual(answer.body, b"")
        self.assertEqual(int(answer.headers["content-length"]), len(self.ask("/prometheus").body))

    def test_methods(self) -> None:
        answer = self.ask("/prometheus", "Content-Length: 0", method="POST")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))

    def test_below(self) -> None:
        self.assertEqual(self.ask("/prometheus/").status, 200)
        self.assertEqual(self.ask("/prometheus/other").status, 404)

    def test_many_at_once(self) -> None:
        """They get the same page."""
        clients = [self.begin("/prometheus") for _ in range(20)]
        self.assertEqual(len(self.threads.waiting), 1)
        self.threads.work()
        self.serving.run()
        self.assertEqual({answers(client.received)[0].status for client in clients}, {200})

    def test_clients_that_leave(self) -> None:
        leaving, staying = self.begin("/prometheus"), self.begin("/prometheus")
        leaving.leave()
        self.serving.run()
        self.threads.work()
        self.serving.run()
        self.assertEqual(answers(staying.received)[0].status, 200)
        self.assertEqual(self.serving.close(), [])

    def test_nothing_can_be_shown(self) -> None:
        """The log says why, and the answer does not."""
        client = self.begin("/prometheus")
        done, _ = self.threads.waiting.pop()
        done.errback(ValueError("planted"))
        self.serving.run()
        answer = answers(client.received)[0]
        self.assertEqual((answer.status, b"planted" in answer.body), (500, False))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class MetricTests(Pages):
    """Metrics one by one."""

    def test_names(self) -> None:
        answer = self.ask("/metrics")
        names = json.loads(answer.body)["names"]
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(names, sorted(names))
        self.assertLessEqual({"things", "memory.used", "jairouter.metrics.errors"}, set(names))

    def test_one(self) -> None:
        page = json.loads(self.ask("/metrics/memory.used").body)
        expected = {
            "name": "memory.used",
            "description": "Memory.",
            "baseUnit": "bytes",
            "measurements": [{"statistic": "VALUE", "value": 7.0}],
            "availableTags": [],
        }
        self.assertEqual(page, expected)

    def test_every_name(self) -> None:
        for name in json.loads(self.ask("/metrics/").body)["names"]:
            self.assertEqual(self.ask(f"/metrics/{name}").status, 200, name)

    def test_tags(self) -> None:
        good = self.ask("/metrics/things_total?tag=kind:good")
        self.assertEqual(json.loads(good.body)["measurements"], [{"statistic": "COUNT", "value": 3.0}])
        self.assertEqual(self.ask("/metrics/things?tag=kind:bad").status, 404)
        for wrong in ("kind", ":good"):
            self.assertEqual(self.ask(f"/metrics/things?tag={wrong}").status, 400)

    def test_no_such_metric(self) -> None:
        for path in ("/metrics/made.up", "/metrics/things/more", "/metrics/%ff"):
            self.assertEqual(self.ask(path).status, 404, path)

    def test_methods(self) -> None:
        self.assertEqual(self.ask("/metrics/things", "Content-Length: 0", method="POST").status, 405)
        self.assertEqual(self.ask("/metrics", method="HEAD").body, b"")

    def test_not_for_everybody(self) -> None:
        """At once, or when somebody else was asked."""
        for path in ("/metrics", "/metrics/things"):
            self.admit = self.refuse
            self.assertEqual(self.ask(path).status, 403)
            self.admit = lambda request: fail(PermissionDenied("no"))
            self.assertEqual(self.ask(path).status, 403)
        self.assertEqual(self.threads.waiting, [])

    def test_not_from_everywhere(self) -> None:
        """What says who may use the management API at all is no `GatewayError`."""
        self.admit = lambda request: fail(Forbidden("only from this machine"))
        answer = self.ask("/metrics")
        self.assertEqual((answer.status, b"only from this machine" in answer.body), (403, True))

    def test_it_cannot_be_made(self) -> None:
        """The log says why, as the answer says that it does."""
        self.patch(metric_pages, "_names", lambda families: 1 / 0)
        self.assertEqual(self.ask("/metrics").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_admitted_later(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.admit = lambda request: waiting
        client = self.begin("/metrics/things")
        self.assertEqual(self.threads.waiting, [])
        waiting.callback(None)
        self.threads.work()
        self.serving.run()
        self.assertEqual(answers(client.received)[0].status, 200)

    def refuse(self, request: Any) -> None:
        raise PermissionDenied("no")
