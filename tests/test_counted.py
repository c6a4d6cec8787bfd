"""Metrics of a whole gateway: what was asked and answered is what is counted, to the last one."""

from __future__ import annotations

from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import Cluster, answer_of
from tests.fakes import Client
from tests.web.serving import answers
from tests.world import World

CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080}
logging: {access: {enabled: false}}
monitoring: {metrics: {enabled: ENABLED, prefix: gate, custom-tags: {team: a}}}
management: {metrics: {tags: {environment: test}}}
model:
  retry: {delay: 0}
  circuit-breaker: {enabled: true, failure-threshold: 2}
  services:
    chat:
      rate-limit: {enabled: true, algorithm: token-bucket, capacity: 6, rate: 0.001}
      load-balance: {type: round-robin}
      instances: [{name: m, base-url: "http://10.0.0.1:9000"}]
    tts: {instances: [{name: t, base-url: "http://10.0.0.1:9000"}]}
"""


def world(*, enabled: bool = True) -> World:
    """A gateway with one backend."""
    return World(CONFIGURATION.replace("ENABLED", str(enabled).lower()))


class Case(SynchronousTestCase):
    """Asks a gateway."""

    def setUp(self) -> None:
        self.use(world())

    def tearDown(self) -> None:
        self.world.run()
        self.assertTrue(self.world.at_rest)
        self.assertEqual(self.world.close(), [])

    def use(self, made: World) -> None:
        self.world = made

    def answer(self, status: str = "200 OK", **payload: Any) -> int:
        """Ask for a chat, and have the backend answer, if it is asked. Returns the status."""
        before = self.requests
        client = self.world.ask({"model": "m", **payload})
        if self.requests > before:
            self.world.backend.last.answer(b"{}", status=status)
            self.world.run()
        return answer_of(client)[0]

    @property
    def requests(self) -> int:
        return sum(bytes(each.received).count(b"POST /") for each in self.world.backend.connections)

    def page(self, path: str = "/actuator/prometheus") -> str:
        """What Prometheus would read."""
        client: Client = self.world.client()
        client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.world.run()
        return answers(client.received)[0].body.decode()


class CountedTests(Case):
    """A mixed load."""

    def test_requests(self) -> None:
        statuses = [self.answer() for _ in range(3)]
        statuses += [self.answer("400 Bad Request"), self.answer("503 Service Unavailable")]
        statuses += [self.answer(), self.answer(), self.answer()]
        self.assertEqual(statuses, [200, 200, 200, 400, 503, 200, 429, 429])
        metric, found = self.world.metric, {}
        for status in (200, 400, 429, 503):
            found[status] = metric("http_server_requests_total", status=str(status))
            self.assertEqual(metric("gate_requests_total", service="chat", status=str(status)), found[status])
            self.assertEqual(
                metric("gate_model_requests_total", model="m", status=str(status)), found[status]
            )
        self.assertEqual(found, {200: 4, 400: 1, 429: 2, 503: 1})
        self.assertEqual(metric("gate_ratelimit_requests_total", service="chat"), 8)
        self.assertEqual(metric("gate_ratelimit_rejected_total", service="chat"), 2)
        limit = {"scope": "service", "algorithm": "token-bucket", "service": "chat"}
        self.assertEqual(metric("gate_rate_limit_events_total", result="allowed", **limit), 6)
        self.assertEqual(metric("gate_rate_limit_events_total", result="rejected", **limit), 2)
        calls = {word: metric("gate_backend_calls_total", outcome=word) for word in ("succeeded", "failed")}
        self.assertEqual(calls, {"succeeded": 4, "failed": 1})
        self.assertEqual(metric("gate_loadbalancer_selections_total", strategy="round_robin"), 6)
        self.assertEqual(metric("gate_circuit_breaker_events_total", event="success"), 4)
        self.assertEqual(metric("gate_circuit_breaker_events_total", event="failure"), 1)
        self.assertEqual(metric("gate_gateway_overhead_seconds_count", service="chat"), 8)
        self.assertEqual(metric("gate_request_size_bytes_count"), 8)

    def test_openmetrics(self) -> None:
        """All of it can be read by somebody strict, and no series is there twice."""
        self.answer()
        self.answer("503 Service Unavailable")
        client = self.world.client()
        accept = "Accept: application/openmetrics-text; version=1.0.0\r\n"
        client.send(f"GET /actuator/prometheus HTTP/1.1\r\nHost: x\r\n{accept}\r\n".encode())
        self.world.run()
        families = list(text_string_to_metric_families(answers(client.received)[0].body.decode()))
        self.assertIn("gate_backend_calls", [family.name for family in families])
        series = [(each.name, *each.labels.items()) for family in families for each in family.samples]
        self.assertEqual(len(series), len(set(series)))

    def test_breaker(self) -> None:
        self.assertIn("gate_circuitbreaker_opened_total{", self.page())
        self.assertEqual(self.world.metric("gate_circuitbreaker_opened_total"), 0)
        for _ in range(2):
            self.answer("500 Internal Server Error")
        self.assertEqual(self.world.metric("gate_circuitbreaker_opened_total", model="m", service="chat"), 1)
        self.assertEqual(self.world.metric("gate_circuit_breaker_events_total", event="state_change"), 1)

    def test_connections(self) -> None:
        """The first request waits until there is one."""
        self.world.run(1)  # (at 0 nothing can begin to wait)
        self.answer()
        self.answer()
        self.assertEqual(self.world.metric("gate_queue_wait_seconds_count", where="connection"), 1)

    def test_body_that_is_slow(self) -> None:
        """Its time is not the gateway's."""
        client, body = self.world.client(), b'{"model": "m"}'
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        self.world.run(5)
        client.send(body)
        self.world.run()
        self.world.backend.last.answer(b"{}")
        self.world.run()
        self.assertEqual(answer_of(client)[0], 200)
        self.assertEqual(self.world.metric("gate_gateway_overhead_seconds_count"), 1)
        self.assertLess(self.world.metric("gate_gateway_overhead_seconds_sum"), 1)

    def test_from_the_start(self) -> None:
        """What the guide's rules take the rate of."""
        for service in ("chat", "tts"):
            for name in ("requests", "rejected"):
                line = f'gate_ratelimit_{name}_total{{environment="test",service="{service}",team="a"}} 0.0\n'
                self.assertIn(line, self.page())

    def test_tags(self) -> None:
        """Every series has those that all have, and ours have ours besides."""
        self.answer()
        for line in self.page().splitlines():
            if not line.startswith("#"):
                self.assertIn('environment="test"', line)
                self.assertEqual('team="a"' in line, line.startswith("gate_"), line)

    def test_other_settings(self) -> None:
        """Nothing is lost by a reload."""
        self.answer()
        self.world.gateway.reload(self.world.settings)
        self.answer()
        self.assertEqual(self.world.metric("gate_backend_calls_total"), 2)
        self.assertEqual(self.world.metric("gate_requests_total"), 2)


class SwitchedOffTests(Case):
    """`monitoring.metrics.enabled: false`."""

    def use(self, made: World) -> None:
        super().use(world(enabled=False))
        made.close()

    def test_nothing_is_counted(self) -> None:
        self.assertEqual(self.answer(), 200)
        page = self.page()
        self.assertNotIn("gate_", page)
        self.assertNotIn("http_server", page)
        self.assertIn("process_resident_memory_bytes", page)

    def test_no_recorder(self) -> None:
        """What is not there takes no time."""
        data_plane: Any = next(each for each in self.world.gateway.tree.children[b"v1"].children.values())
        record: Any = data_plane.children[b"completions"]._data_plane.pipeline
        modules = [type(each.__self__).__module__ for each in record._records]
        self.assertNotEqual(modules, [])
        self.assertEqual([each for each in modules if "telemetry.metrics" in each], [])


class FurtherTests(SynchronousTestCase):
    """Further attempts, and streams."""

    def cluster(self, **retry: Any) -> Cluster:
        self.world = Cluster(2, **retry)
        self.addCleanup(lambda: self.assertEqual(self.world.close(), []))
        return self.world

    def test_retries(self) -> None:
        """As many as were made, by what went wrong; and why there was no other one."""
        made = self.cluster(max_retries=1)
        statuses = ("503 Service Unavailable", "200 OK")
        for backend, status in zip(made.backends, statuses, strict=True):
            backend.status = status
        self.assertEqual(answer_of(made.ask({"model": "m"}))[0], 200)
        self.assertEqual(made.metric("jairouter_retries_total", service="chat", reason="503"), 1)
        self.assertEqual(made.metric("jairouter_retries_denied_total"), 0)
        made.refuse(1)
        made.backends[1].connections[-1].wire.loseConnection()
        made.run()
        self.assertNotEqual(answer_of(made.ask({"model": "m"}))[0], 200)
        self.assertEqual(made.metric("jairouter_retries_total", service="chat", reason="503"), 2)
        self.assertEqual(made.metric("jairouter_retries_denied_total", reason="max-retries"), 1)

    def test_nobody_is_left(self) -> None:
        """An attempt that was to be made, and could not be, is none."""
        made = self.cluster()
        for backend in made.backends:
            backend.status = "503 Service Unavailable"
        made.ask({"model": "m"})
        attempts = made.metric("jairouter_backend_calls_total")
        self.assertEqual(made.metric("jairouter_retries_total"), attempts - 1)

    def test_a_client_that_leaves_between_two_attempts(self) -> None:
        """The further one was not made."""
        made = self.cluster(delay="1s", max_delay="10s")
        made.backends[0].status = "503 Service Unavailable"
        client = made.ask({"model": "m"})
        client.leave()
        made.run(30)
        self.assertEqual(made.metric("jairouter_backend_calls_total"), 1)
        self.assertEqual(made.metric("jairouter_retries_total"), 0)

    def test_a_stream_that_is_cut(self) -> None:
        made = self.cluster()
        client = made.ask({"model": "m", "stream": True})
        connection = made.backends[0].connections[-1]
        connection.begin_stream()
        connection.chunk(b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n')
        made.run()
        connection.wire.abortConnection()
        made.run()
        self.assertIn(b"hello", bytes(client.received))
        self.assertEqual(made.metric("jairouter_streams_interrupted_total", service="chat", reason="cut"), 1)
