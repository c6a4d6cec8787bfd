"""Tests for `jairouter.assembly`: settings become a gateway that does what they say."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter import assembly
from jairouter.assembly import Gateway, assemble
from jairouter.config.faults import ConfigurationFaults
from jairouter.interfaces import IResponder
from jairouter.upstream.tls_settings import ReadTls
from tests.fakes import Network
from tests.test_policies import INSTANCES, settings
from tests.upstream.names_rig import Resolver
from tests.web.serving import Received, answers, post
from tests.world import CONFIGURATION, World


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
        gateway.close()
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

    def test_limits_of_a_request(self) -> None:
        self.gateway(
            "server: {address: 127.0.0.1, port: 8080, max-request-line: 50, max-http-header-size: 60, "
            "max-headers: 3}"
        )
        self.assertEqual(self.get("/actuator/health").status, 200)
        self.assertEqual(self.get("/" + "x" * 50).status, 414)
        head = "GET /actuator/health HTTP/1.1\r\nHost: x\r\n"
        for more in ("A: " + "x" * 60 + "\r\n", "A: x\r\n" * 3):
            self.assertEqual(self.ask(f"{head}{more}\r\n".encode()).status, 431)

    def test_requests_of_a_connection(self) -> None:
        self.gateway("server: {address: 127.0.0.1, port: 8080, max-requests-per-connection: 2}")
        client = self.network.connect("127.0.0.1", 8080)
        for _ in range(2):
            self.assertIsNone(client.closed)
            client.send(b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
            self.network.run()
        self.assertIsNotNone(client.closed)

    def lines_of_the_access_log(self, *, enabled: bool) -> int:
        """How many there are after one request, when the gateway closes."""
        gateway = self.gateway(
            "server: {address: 127.0.0.1, port: 8080}\n"
            f"logging: {{access: {{enabled: {str(enabled).lower()}}}}}"
        )
        request = post(b'{"model":"m"}', b"/v1/chat/completions", b"Content-Type: application/json")
        with capturedLogs() as events:
            self.assertEqual(self.ask(request).status, 404)
            self.assertEqual(events, [])
            gateway.close()
        return "".join(map(formatEvent, events)).count(" POST /v1/chat/completions 404 ")

    def test_access_log(self) -> None:
        """At the end no line is kept back."""
        self.assertEqual(self.lines_of_the_access_log(enabled=True), 1)

    def test_no_access_log(self) -> None:
        self.assertEqual(self.lines_of_the_access_log(enabled=False), 0)

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

    def test_head_of_an_answer(self) -> None:
        """A backend's head may be so large."""
        world = World(CONFIGURATION.replace("webclient:", "webclient:\n  max-response-header-size: 100"))
        client = world.ask({"model": "m"})
        world.backend.last.say(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
        world.run()
        self.assertEqual([answer.status for answer in answers(client.received)], [502])
        self.assertEqual(world.close(), [])

    def test_names(self) -> None:
        """Looked up by the reactor's resolver, and kept for as long as is configured."""
        network: Any = Network()
        resolver = network.nameResolver = Resolver()
        text = CONFIGURATION.replace("webclient:", "webclient:\n  dns: {cache-ttl: 7s}")
        world = World(text.replace("10.0.0.1:9000", "models.test:9000"), network=network)
        for asked in (1, 1, 2):
            client = world.ask({"model": "m"})
            if resolver.open:
                resolver.answer("10.0.0.1")
                world.run()
            world.backend.last.answer(b"{}")
            world.run()
            self.assertEqual([answer.status for answer in answers(client.received)], [200])
            self.assertEqual(len(resolver.asked), asked)
            world.backend.last.wire.abortConnection()
            world.run(4)
        self.assertEqual(world.close(), [])

    def test_tls(self) -> None:
        """What the settings say of it is read, unless it was read already."""
        text = (
            'model.services.chat.instances: [{name: m, base-url: "https://10.0.0.1", tls: {ca-file: /none}}]'
        )
        assemble_with = (settings(text), Network(), random.Random(0), Network.run_in_thread)
        self.assertRaises(ConfigurationFaults, assemble, *assemble_with)
        mine: Any = object()
        gateway = assemble(*assemble_with, ReadTls({("chat", 0): mine}, ()))
        self.assertIs(gateway.services["chat"]["m"].instances[0].tls, mine)

    def test_responder(self) -> None:
        """What stands outermost is a responder like the rest."""
        world: Any = World()
        root = world.gateway.site.resource
        operation = root.children[b"v1"].children[b"embeddings"]
        verifyObject(IResponder, operation._data_plane.pipeline)
        self.assertEqual(world.close(), [])


class ReloadTests(Case):
    """Other settings come into force while requests are under way."""

    def test_requests_under_way_end_as_they_began(self) -> None:
        world = World()
        client = world.ask({"model": "m"})
        world.gateway.reload(settings(CONFIGURATION.replace("name: m,", "name: other,")))
        self.assertIn(b" 404 ", world.ask({"model": "m"}).received)
        world.backend.last.answer(b"{}")
        world.run()
        self.assertIn(b" 200 ", client.received)
        other = world.ask({"model": "other"})
        world.backend.last.answer(b"{}")
        world.run()
        self.assertIn(b" 200 ", other.received)
        self.assertEqual(world.close(), [])
        self.assertTrue(world.at_rest)

    def test_what_is_known_goes_on(self) -> None:
        """An instance that stays is the same one, with other settings."""
        world = World()
        world.ask({"model": "m"})
        before = world.gateway.services["chat"]["m"].instances[0]
        world.gateway.reload(settings(CONFIGURATION.replace("name: m,", "name: m, weight: 7,")))
        after = world.gateway.services["chat"]["m"].instances[0]
        self.assertEqual((after.in_flight, after.weight, after.live.share), (1, 7, 7.0))
        self.assertIs(after.live, before.live)
        world.backend.last.answer(b"{}")
        world.run()
        self.assertEqual(after.in_flight, 0)
        self.assertEqual(world.close(), [])

    def test_models(self) -> None:
        gateway = self.gateway(CONFIGURATION)
        gateway.reload(settings(CONFIGURATION.replace("name: m,", "name: other,")))
        listed = [each["id"] for each in json.loads(self.get("/v1/models").body)["data"]]
        self.assertEqual(sorted(listed), ["e", "other", "t", "w"])

    def test_what_leads_nowhere_is_forgotten(self) -> None:
        """Settings may be read a thousand times, and each time make TLS anew, which is large."""
        world = World()
        for _ in range(3):
            world.gateway.reload(settings(CONFIGURATION.replace("http:", "https:")))
            world.ask({"model": "m"}).leave()
            world.run()
        agent: Any = world.gateway.agent
        self.assertEqual((len(agent._pools), len(agent._addresses)), (1, 1))
        self.assertEqual(world.close(), [])

    def test_calls_are_counted_on(self) -> None:
        world = World()
        for _ in range(2):
            world.ask({"model": "m"})
            world.backend.last.answer(b"{}")
            world.run()
            world.gateway.reload(settings(CONFIGURATION))
        self.assertEqual(world.metric("jairouter_backend_calls_total", model="m"), 2)
        self.assertEqual(world.close(), [])

    def test_settings_that_cannot_be_used(self) -> None:
        """Then everything goes on as before."""
        gateway = self.gateway(CONFIGURATION)
        before = gateway.policies
        text = 'model.services.chat.instances: [{name: m, base-url: "https://h", tls: {ca-file: /none}}]'
        self.assertRaises(ConfigurationFaults, gateway.reload, settings(text))
        self.assertIs(gateway.policies, before)

    def test_decisions(self) -> None:
        """Recent ones are remembered, unless that is switched off."""
        world = World("loadbalancer.routing-monitor.sample-rate: 1\n" + CONFIGURATION)
        world.ask({"model": "m"})
        world.backend.last.answer(b"{}")
        world.run()
        assert world.gateway.observing.decisions is not None
        [decision] = world.gateway.observing.decisions.recent()
        self.assertEqual((decision.model, decision.status, len(decision.attempts)), ("m", 200, 1))
        self.assertEqual(world.close(), [])
        off = self.gateway("loadbalancer.routing-monitor.enabled: false\n" + CONFIGURATION)
        self.assertIsNone(off.observing.decisions)
