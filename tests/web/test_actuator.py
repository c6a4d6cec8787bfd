"""Tests for `jairouter.web.actuator`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.web.actuator import Component, Health, Info
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
