"""Tests for `jairouter.assembly`: settings become a gateway that does what they say."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter import assembly
from jairouter.assembly import Gateway, assemble, make_services
from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.config.settings.root import Settings
from jairouter.interfaces import IResponder
from tests.fakes import Network
from tests.web.serving import Received, answers, post
from tests.world import World

INSTANCES = """
model:
  services:
    chat:
      instances:
        - {name: m, base-url: "http://10.0.0.1:9000/", weight: 3, headers: {Authorization: "Bearer k"}}
        - {name: m, base-url: "http://10.0.0.2:9000", path: /api/chat}
        - {name: off, base-url: "http://10.0.0.3:9000", enabled: false}
        - {name: idle, base-url: "http://10.0.0.4:9000", status: inactive}
    embedding:
      instances: [{name: e, base-url: "http://10.0.0.5:9000"}]
"""


def settings(text: str) -> Settings:
    """Settings from YAML."""
    return load([Text("test.yml", text.encode())], (), {}).settings


class ServicesTests(SynchronousTestCase):
    """The instances that may get traffic."""

    def setUp(self) -> None:
        self.services = make_services(settings(INSTANCES))

    def test_by_service_and_model(self) -> None:
        """In the order of the configuration."""
        chat = self.services["chat"]["m"]
        self.assertEqual([each.base_url for each in chat], ["http://10.0.0.1:9000", "http://10.0.0.2:9000"])
        self.assertEqual([(each.weight, each.path) for each in chat], [(3, None), (1, "/api/chat")])
        self.assertEqual(chat[0].headers, ((b"Authorization", b"Bearer k"),))
        self.assertEqual([each.service for each in self.services["embedding"]["e"]], ["embedding"])

    def test_switched_off(self) -> None:
        """They are not there at all."""
        self.assertEqual(set(self.services["chat"]), {"m"})

    def test_nothing_configured(self) -> None:
        self.assertEqual(make_services(settings("{}")), {})


class Case(SynchronousTestCase):
    """A gateway in memory."""

    def gateway(self, text: str) -> Gateway:
        self.network = Network()
        gateway = assemble(settings(text), self.network, random.Random(0), self.network.run_in_thread)
        gateway.listener.privilegedStartService()
        gateway.listener.startService()
        self.addCleanup(self.close, gateway)
        return gateway

    def close(self, gateway: Gateway) -> None:
        stopped = gateway.listener.stopService()
        self.network.run(10)
        gateway.agent.close()
        self.network.run()
        self.successResultOf(stopped)
        self.assertEqual(self.network.getDelayedCalls(), [])
        self.assertTrue(gateway.ledger.at_rest, gateway.ledger)

    def ask(self, request: bytes, port: int = 8080) -> Received:
        client = self.network.connect("127.0.0.1", port)
        client.send(request)
        self.network.run()
        return answers(client.received)[0]

    def get(self, path: str) -> Received:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


class GatewayTests(Case):
    """What is switched on."""

    def test_address(self) -> None:
        gateway = self.gateway("server: {address: 127.0.0.1, port: 8080}")
        self.assertEqual(gateway.listener.port, 8080)
        self.assertEqual(self.get("/actuator/health").status, 200)

    def test_health_while_draining(self) -> None:
        gateway = self.gateway("server: {address: 127.0.0.1, port: 8080, drain: {delay: 5s}}")
        gateway.listener.drain()
        self.assertEqual(self.get("/actuator/health/readiness").status, 503)
        self.assertEqual(self.get("/actuator/health/liveness").status, 200)

    def test_prometheus(self) -> None:
        """Requests, what is lent out, and the process itself."""
        self.gateway("server: {address: 127.0.0.1, port: 8080}")
        self.get("/v1/models")
        body = self.get("/actuator/prometheus").body
        for name in (b'http_server_requests_total{method="GET",status="200",uri="/v1/models"} 1.0',):
            self.assertIn(name, body)
        for name in (
            b'jairouter_ledger_outstanding{kind="request"} 0.0',
            b"process_open_fds ",
            b"python_gc_",
        ):
            self.assertIn(name, body)

    def test_exposure(self) -> None:
        """Pages that are not exposed do not exist."""
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\n"
            "management: {endpoints: {web: {base-path: /manage, exposure: {include: [health]}}}}"
        )
        self.assertEqual(self.get("/manage/health").status, 200)
        self.assertEqual(self.get("/manage/info").status, 404)
        self.assertEqual(self.get("/actuator/health").status, 404)

    def test_hidden(self) -> None:
        """What is excluded is not there, whatever is included."""
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\n"
            'management: {endpoints: {web: {exposure: {include: "*", exclude: [info]}}}}'
        )
        self.assertEqual(self.get("/actuator/health").status, 200)
        self.assertEqual(self.get("/actuator/info").status, 404)

    def test_tags_of_the_production_guide(self) -> None:
        """It tags every metric with `instance`, a name that metrics like to use themselves."""
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\n"
            "management: {metrics: {tags: {application: jairouter, environment: production, instance: 1}}}"
        )
        self.get("/actuator/health")
        page = self.get("/actuator/prometheus").body.decode()
        self.assertIn('environment="production",instance="1",kind="request"', page)

    def test_info(self) -> None:
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\n"
            'management: {endpoints: {web: {exposure: {include: "*"}}}}'
        )
        self.assertEqual(json.loads(self.get("/actuator/info").body)["app"]["name"], "jairouter")

    def test_connection_limits(self) -> None:
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080, max-connections: 1, header-timeout: 3s, "
            "keep-alive-timeout: 7s}"
        )
        first = self.network.connect("127.0.0.1", 8080)
        first.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.network.run()
        second = self.network.connect("127.0.0.1", 8080)
        self.network.run()
        self.assertIsNotNone(second.closed)
        self.network.run(6.5)
        self.assertIsNone(first.closed)
        self.network.run(1)
        self.assertIsNotNone(first.closed)

    def test_models(self) -> None:
        self.gateway("server: {address: 127.0.0.1, port: 8080}" + INSTANCES)
        self.assertEqual([each["id"] for each in json.loads(self.get("/v1/models").body)["data"]], ["m", "e"])

    def test_request_size(self) -> None:
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\nwebclient: {max-in-memory-size: 1KB}" + INSTANCES
        )
        request = post(b"x" * 2000, b"/v1/chat/completions", b"Content-Type: application/json")
        self.assertEqual(self.ask(request).status, 413)

    def test_spooled_size(self) -> None:
        """The disk has room for the first of two forms that do not say their model."""
        self.patch(assembly, "SPOOL_IN_MEMORY", 100)
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080, max-spooled-size: 5KB}\n"
            "security: {validation: {max-request-size: 4KB}}" + INSTANCES
        )
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 3000
        kind = b"Content-Type: multipart/form-data; boundary=b"
        half = post(form + b"y" * 500, b"/v1/audio/transcriptions", kind)[:-500]
        clients = [self.network.connect("127.0.0.1", 8080) for _ in range(2)]
        for client in clients:
            client.send(half)
            self.network.run()
        self.assertEqual(clients[0].received, b"")
        [answer] = answers(clients[1].received)
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "1"))
        self.assertEqual(json.loads(answer.body)["error"]["code"], "gateway_busy")
        clients[0].leave()

    def test_service_without_instances(self) -> None:
        """It starts, and says so per request."""
        self.gateway("server: {address: 127.0.0.1, port: 8080}")
        request = post(b'{"model":"m"}', b"/v1/chat/completions", b"Content-Type: application/json")
        self.assertEqual(self.ask(request).status, 404)


class WholeTests(SynchronousTestCase):
    """One request through everything."""

    def test_pipeline(self) -> None:
        world = World()
        client = world.ask({"model": "m"})
        world.backend.last.answer(b'{"id":1}')
        world.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.body), (200, b'{"id":1}'))
        labels = {"service": "chat", "model": "m", "outcome": "succeeded"}
        self.assertEqual(world.metric("jairouter_backend_calls_total", **labels), 1)
        self.assertEqual(world.close(), [])

    def test_responder(self) -> None:
        """What stands outermost is a responder like the rest."""
        world: Any = World()
        root = world.gateway.site.resource
        operation = root.children[b"v1"].children[b"embeddings"]
        verifyObject(IResponder, operation._data_plane._pipeline)
        self.assertEqual(world.close(), [])
