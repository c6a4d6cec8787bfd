"""Tests for `jairouter.actuator_pages`: what a gateway shows of itself, and to whom."""

from __future__ import annotations

import json
from typing import Any

from jairouter.auditing import Event
from tests import test_control_plane
from tests.web.serving import Received, answers

ALL = 'management: {endpoints: {web: {exposure: {include: "*"}}}}\n'
PLANTED = "sk-planted-secret-0123456789"


class ActuatorCase(test_control_plane.TreeCase):
    """A gateway in memory."""

    def send(self, method: str, path: str, body: Any = None, *headers: str) -> Received:
        """Ask for something, with a body."""
        data = b"" if body is None else json.dumps(body).encode()
        client = self.network.connect("127.0.0.1", 8080)
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(data)}",
            "Content-Type: application/json",
            *headers,
        ]
        client.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        self.network.run()
        return answers(client.received)[0]


class LoggerTests(ActuatorCase):
    """``/actuator/loggers``."""

    def test_not_exposed_by_default(self) -> None:
        self.start()
        for name in ("loggers", "configprops"):
            self.assertEqual(self.ask(f"/actuator/{name}").status, 404)

    def test_all(self) -> None:
        self.start(ALL + "logging: {access: {enabled: false}, level: {root: WARN, jairouter.web: DEBUG}}")
        page = self.json("/actuator/loggers")
        self.assertEqual(page["levels"], ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"])
        self.assertEqual(page["loggers"]["ROOT"], {"configuredLevel": "WARN", "effectiveLevel": "WARN"})
        self.assertEqual(
            page["loggers"]["jairouter.web"], {"configuredLevel": "DEBUG", "effectiveLevel": "DEBUG"}
        )

    def test_one_that_goes_by_the_one_above(self) -> None:
        self.start(ALL)
        self.assertEqual(self.json("/actuator/loggers/jairouter.web"), {"effectiveLevel": "INFO"})

    def test_changed(self) -> None:
        self.start(ALL)
        path = "/actuator/loggers/jairouter.web"
        kept: list[Event] = []
        self.patch(self.gateway.security.audit, "record", kept.append)
        done = self.send("POST", path, {"configuredLevel": "DEBUG"})
        self.assertEqual((done.status, done.body), (204, b""))
        self.assertTrue(self.gateway.observing.levels.is_on("jairouter.web.relay", "DEBUG"))
        self.assertEqual(self.json(path), {"configuredLevel": "DEBUG", "effectiveLevel": "DEBUG"})
        [event] = kept
        self.assertEqual((event.kind, event.details), ("LOG_LEVEL_CHANGED", {"name": "jairouter.web"}))
        self.send("POST", path, {"configuredLevel": None})
        self.assertEqual(self.json(path), {"effectiveLevel": "INFO"})

    def test_wrong_level(self) -> None:
        self.start(ALL)
        done = self.send("POST", "/actuator/loggers/jairouter", {"configuredLevel": "LOUD"})
        self.assertEqual(done.status, 400)
        self.assertIn("OFF", json.loads(done.body)["message"])

    def test_not_for_everybody(self) -> None:
        """With security off, for those who may use the management API."""
        self.start(ALL + "security: {enabled: false}")
        answer = self.send("GET", "/actuator/loggers", None, "X-Forwarded-For: 192.0.2.7")
        self.assertEqual(answer.status, 403)

    def test_counted_under_their_own_names(self) -> None:
        self.start(ALL)
        for path in ("/actuator/loggers", "/actuator/loggers/a", "/actuator/loggers/a/b"):
            self.ask(path)
        counted = self.ask("/actuator/prometheus").body.decode()
        for uri in ("/actuator/loggers", "/actuator/loggers/{name}", "UNKNOWN"):
            self.assertIn(f'uri="{uri}"', counted)


class PropertiesTests(ActuatorCase):
    """``/actuator/configprops``."""

    def test_secrets_are_masked(self) -> None:
        instance = f"headers: {{Authorization: Bearer {PLANTED}}}"
        self.start(ALL + "server.port: 8080", instance)
        answer = self.ask("/actuator/configprops")
        beans = json.loads(answer.body)["contexts"]["jairouter"]["beans"]
        self.assertEqual(beans["jairouter.server"]["prefix"], "server")
        self.assertEqual(beans["jairouter.server"]["properties"]["port"], 8080)
        self.assertIn("Authorization", str(beans["jairouter.model"]))
        self.assertNotIn(PLANTED.encode(), answer.body)


class HealthTests(ActuatorCase):
    """``/actuator/health``."""

    def health(self, *, details: str = "never", components: str = "never", more: str = "") -> Any:
        self.start(
            "management: {endpoint: {health: "
            f"{{show-details: {details}, show-components: {components}}}}}}}\n{more}"
        )
        return self.json("/actuator/health")

    def test_nothing_but_the_state(self) -> None:
        self.assertEqual(self.health(), {"status": "UP", "groups": ["liveness", "readiness"]})
        self.assertEqual(self.ask("/actuator/health/backends").status, 404)

    def test_components(self) -> None:
        """As the production guide has it."""
        components = self.health(components="always")["components"]
        self.assertEqual(
            set(components),
            {
                "ping",
                "livenessState",
                "readinessState",
                "configuration",
                "audit",
                "backends",
                "eventLoop",
                "store",
                "diskSpace",
            },
        )
        self.assertEqual(components["backends"], {"status": "UP"})
        self.assertEqual(self.json("/actuator/health/backends"), {"status": "UP"})
        self.assertEqual(self.ask("/actuator/health/backends/more").status, 404)

    def test_details(self) -> None:
        """They say which parts there are, so these are shown too."""
        components = self.health(details="always")["components"]
        self.assertEqual(components["backends"]["details"], {"chat": {"m": {"instances": 1, "usable": 1}}})
        self.assertGreater(components["diskSpace"]["details"]["free"], 0)
        self.assertEqual(components["store"], {"status": "UP", "details": {"type": "memory"}})

    def test_when_authorized(self) -> None:
        """With security off, whoever may use the management API is."""
        page = self.health(details="when-authorized", components="when-authorized")
        self.assertIn("details", page["components"]["backends"])
        answer = self.send("GET", "/actuator/health", None, "X-Forwarded-For: 192.0.2.7")
        self.assertNotIn("components", json.loads(answer.body))

    def test_a_model_without_an_instance(self) -> None:
        """Somebody else's gateway has the same instances, so requests go on coming here."""
        self.start("management: {endpoint: {health: {show-details: always}}}")
        self.gateway.services["chat"]["m"].instances[0].live.eject(1000.0, 0.0)
        page = self.json("/actuator/health")
        self.assertEqual(page["status"], "UP")
        self.assertEqual(page["components"]["backends"]["status"], "DEGRADED")

    def test_no_probes(self) -> None:
        page = self.health(more="management.endpoint.health.probes.enabled: false")
        self.assertEqual(page, {"status": "UP"})
        self.assertEqual(self.ask("/actuator/health/liveness").status, 404)


class ElsewhereTests(ActuatorCase):
    """Another base path."""

    def test_base_path(self) -> None:
        for base in ("/monitor", "/monitor/", "/a/b"):
            self.start(
                f'management: {{endpoints: {{web: {{base-path: {base}, exposure: {{include: "*"}}}}}}}}'
            )
            for name in ("health", "loggers", "loggers/ROOT", "configprops", "metrics", "prometheus"):
                self.assertEqual(self.ask(f"{base.rstrip('/')}/{name}").status, 200, (base, name))
            self.assertEqual(self.ask("/actuator/loggers").status, 404)
