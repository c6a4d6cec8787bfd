"""Tests for `jairouter.web.actuator`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.web.actuator import Component, Health, Info, Prometheus
from tests.web.serving import Received, Serving, answers


def ask(page: Resource, path: str = "", method: str = "GET") -> Received:
    """Ask for a page that lies at ``/page``."""
    root = Resource()
    root.putChild(b"page", page)
    client = Serving(root).ask(f"{method} /page{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    if method == "HEAD":
        client.received = client.received.replace(b"HTTP/1.1 200 OK", b"HTTP/1.1 204 OK")  # for the reader
    return answers(client.received)[0]


class HealthTests(SynchronousTestCase):
    """What load balancers and orchestrators ask."""

    def states(self, *, ready: bool) -> dict[str, tuple[int, str]]:
        states = {}
        for path in ("", "/", "/readiness", "/liveness", "/liveness/"):
            answer = ask(Health(lambda: ready), path)
            states[path] = (answer.status, json.loads(answer.body)["status"])
        return states

    def test_ready(self) -> None:
        self.assertEqual(set(self.states(ready=True).values()), {(200, "UP")})

    def test_draining(self) -> None:
        """Not ready for more, but alive: nobody shall restart it."""
        states = self.states(ready=False)
        for path in ("", "/", "/readiness"):
            self.assertEqual(states[path], (503, "OUT_OF_SERVICE"), path)
        for path in ("/liveness", "/liveness/"):
            self.assertEqual(states[path], (200, "UP"), path)

    def test_changes(self) -> None:
        """It is asked anew each time."""
        ready = [True]
        page = Health(lambda: ready[0])
        self.assertEqual(ask(page).status, 200)
        ready[0] = False
        self.assertEqual(ask(page).status, 503)

    def test_components(self) -> None:
        page = json.loads(ask(Health(lambda: False)).body)
        self.assertEqual(page["components"]["livenessState"], {"status": "UP"})
        self.assertEqual(page["components"]["readinessState"], {"status": "OUT_OF_SERVICE"})

    def test_other_components(self) -> None:
        """They say how they are; whether requests are served is another matter."""
        health = Health(lambda: True)
        health.components["configuration"] = lambda: Component("DEGRADED", {"reason": "port: a number"})
        page = json.loads(ask(health).body)
        self.assertEqual(page["status"], "UP")
        self.assertEqual(page["components"]["configuration"], {"status": "DEGRADED"})

    def test_details(self) -> None:
        """Only those see them who may."""
        health = Health(lambda: True)
        health.components["configuration"] = lambda: Component("UP", {"version": 7})
        health.shows_details = lambda request: True
        page = json.loads(ask(health).body)
        self.assertEqual(page["components"]["configuration"], {"status": "UP", "details": {"version": 7}})
        self.assertEqual(page["groups"], ["liveness", "readiness"])

    def test_head(self) -> None:
        answer = ask(Health(lambda: True), method="HEAD")
        self.assertGreater(int(answer.headers["content-length"]), 0)

    def test_below(self) -> None:
        for path in ("/other", "/liveness/other", "/readiness/other"):
            self.assertEqual(ask(Health(lambda: True), path).status, 404, path)


class InfoTests(SynchronousTestCase):
    """What runs here."""

    def test_page(self) -> None:
        answer = ask(Info("1.2.3"))
        self.assertEqual(json.loads(answer.body)["app"], {"name": "jairouter", "version": "1.2.3"})
        self.assertEqual(answer.headers["content-type"], "application/json")


class CountedCollector(Collector):
    """A metric that says how often it was collected."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told
        self._times = 0

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("made", "Times.")]

    def collect(self) -> Iterable[Metric]:
        self._times += 1
        self._told(self._times)
        return [GaugeMetricFamily("made", "Times.", value=self._times)]


class PrometheusTests(SynchronousTestCase):
    """The metrics page."""

    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        Counter("things", "Things.", registry=self.registry).inc(3)

    def test_page(self) -> None:
        answer = ask(Prometheus(self.registry))
        self.assertEqual((answer.status, b"things_total 3.0\n" in answer.body), (200, True))
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version="))

    def test_many_at_once(self) -> None:
        """Who asks in the same turn of the reactor gets the same page; it is up to date in each turn."""
        made: list[int] = []
        self.registry.register(CountedCollector(made.append))
        serving = Serving(Prometheus(self.registry))
        made.clear()
        for turn in range(1, 4):
            clients = [serving.ask() for _ in range(20)]
            for client in clients:
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            serving.run()
            self.assertEqual(len(made), turn)
            pages = {answers(client.received)[0].body for client in clients}
            self.assertEqual(len(pages), 1)
            self.assertIn(b"made %d.0\n" % turn, pages.pop())
        self.assertEqual(serving.close(), [])

    def test_head(self) -> None:
        self.assertEqual(ask(Prometheus(self.registry), method="HEAD").body, b"")

    def test_below(self) -> None:
        self.assertEqual(ask(Prometheus(self.registry), "/other").status, 404)
