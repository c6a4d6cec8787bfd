"""Starting and watching a gateway, as operators and orchestrators do."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import (
    BIN,
    TWISTD,
    Gateway,
    Process,
    Shared,
    configuration,
    write_configuration,
)
from tests.integration.wire import Listening, Peer, post

TWIST = (BIN / "twist", "--log-format=text", "jairouter")
CHAT = {"model": "org/chat", "messages": []}
STREAM = {**CHAT, "stream": True}
EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


class OperationsTestCase(SynchronousTestCase):
    """A backend played by hand, and gateways that end with the test."""

    def setUp(self) -> None:
        self.backend = Listening()
        self.addCleanup(self.backend.close)

    def start(self, **sections: Any) -> Gateway:
        gateway = Gateway(configuration(self.backend.url, **sections))
        self.addCleanup(gateway.stop)
        return gateway

    def client(self, gateway: Gateway, request: bytes = b"") -> Peer:
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(request)
        return client

    def open_stream(self, gateway: Gateway) -> tuple[Peer, Peer]:
        """Begin a stream. Returns both of its ends after the first event."""
        client = self.client(gateway, post(STREAM))
        backend = self.backend.accept()
        backend.message()
        backend.begin_stream(EVENT)
        client.until(EVENT + b"\r\n")
        return client, backend

    def assert_clean_exit(self, gateway: Gateway, seconds: float = 5.0) -> None:
        self.assertEqual(gateway.wait(seconds), 0, gateway)
        self.assertNotIn("Traceback", gateway.output)
        self.assertNotIn("Unhandled", gateway.output)


class StartTests(OperationsTestCase):
    """What keeps a gateway from starting is said in words, and is the exit status."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="jairouter-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_to_its_end(self, text: Any, *command: str | Path) -> Process:
        command = command or TWISTD
        process = Process([*command, "--config", write_configuration(text, self.folder)])
        self.addCleanup(process.stop)
        process.wait()
        return process

    def test_port_in_use(self) -> None:
        """The port and the reason in one line, and no traceback."""
        self.assert_port_in_use_is_told(*TWISTD)

    def test_port_in_use_under_twist(self) -> None:
        """The same."""
        self.assert_port_in_use_is_told(*TWIST)

    def assert_port_in_use_is_told(self, *command: str | Path) -> None:
        port = self.backend.port
        process = self.run_to_its_end(configuration("http://x", server={"port": port}), *command)
        self.assertEqual(process.wait(), 1, process)
        self.assertNotIn("Traceback", process.output)
        told = [line for line in process.output.splitlines() if f"127.0.0.1:{port}" in line]
        self.assertEqual(len(told), 1, process)
        self.assertIn("Address already in use", told[0])

    def test_configuration_faults(self) -> None:
        """All faults at once, each with file and line, and nothing of a secret."""
        text = (
            "server:\n"
            "  prot: 8080\n"
            "model:\n"
            "  services:\n"
            "    chat:\n"
            "      instances:\n"
            "        - name: m\n"
            "          base-url: not an address\n"
            "          weight: heavy\n"
            "          headers: {Authorization: Bearer sk-very-secret}\n"
            "webclient:\n"
            "  read-timeout: soon\n"
        )
        process = self.run_to_its_end(text)
        self.assertEqual(process.wait(), 1, process)
        for line in (2, 8, 9, 12):
            self.assertIn(f"jairouter.yml:{line}: ", process.output)
        self.assertIn("did you mean port?", process.output)
        self.assertNotIn("Traceback", process.output)
        self.assertNotIn("sk-very-secret", process.output)

    def test_no_such_file(self) -> None:
        """A file that does not exist is a fault as well."""
        process = Process(
            [BIN / "twistd", "-n", "--pidfile=", "jairouter", "--config", self.folder / "none.yml"]
        )
        self.addCleanup(process.stop)
        self.assertEqual(process.wait(), 1, process)
        self.assertIn("none.yml", process.output)
        self.assertNotIn("Traceback", process.output)

    def test_check_config(self) -> None:
        """The same faults can be had without starting; secrets are masked."""
        good = configuration("http://x")
        good["model"]["services"]["chat"]["instances"][0]["headers"] = {"Authorization": "Bearer sk-secret"}
        path = write_configuration(good, self.folder)
        command = Process([BIN / "jairouter", "check-config", path])
        self.addCleanup(command.stop)
        self.assertEqual(command.wait(), 0, command)
        self.assertIn("org/chat", command.output)
        self.assertNotIn("sk-secret", command.output)
        path.write_text("server: {port: many}\n")
        command = Process([BIN / "jairouter", "check-config", path])
        self.addCleanup(command.stop)
        self.assertEqual(command.wait(), 1, command)
        self.assertIn("jairouter.yml:1: server.port", command.output)

    def test_twist(self) -> None:
        """`twist jairouter` serves and drains as twistd does."""
        gateway = Gateway(configuration(self.backend.url), TWIST)
        self.addCleanup(gateway.stop)
        client, backend = self.open_stream(gateway)
        gateway.send_signal(signal.SIGTERM)
        gateway.wait_for("draining: 1 requests are open")
        backend.chunk(DONE)
        backend.chunk(b"")
        self.assertTrue(client.rest().endswith(DONE + b"\r\n0\r\n\r\n"))
        self.assert_clean_exit(gateway)


class Running:
    """A gateway with a secret header for its backend."""

    def __init__(self) -> None:
        self.backend = Listening()
        tree = configuration(self.backend.url)
        tree["model"]["services"]["chat"]["instances"][0]["headers"] = {"Authorization": "Bearer sk-backend"}
        self.gateway = Gateway(tree)

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.backend.close()


RUNNING: Shared[Running] = Shared(Running, Running.stop)


class WatchingTests(SynchronousTestCase):
    """Health, info, metrics and the log."""

    def setUp(self) -> None:
        self.gateway = RUNNING.get().gateway
        self.backend = RUNNING.get().backend

    def chat(self, *headers: str, path: str = "/v1/chat/completions") -> bytes:
        """One complete exchange. Returns the head that the backend got."""
        client = Peer.to(self.gateway.port)
        self.addCleanup(client.close)
        self.addCleanup(self.backend.close_connections)
        client.say(post(CHAT, path, *headers))
        backend = self.backend.accept()
        head, _ = backend.message()
        backend.answer(b"{}", "Connection: close")
        self.assertEqual(client.message()[1], b"{}")
        return head

    def test_health(self) -> None:
        """UP on every page that is asked for it."""
        for path in (
            "/actuator/health",
            "/actuator/health/liveness",
            "/actuator/health/readiness",
            "/health",
        ):
            status, body = self.gateway.get(path)
            self.assertEqual((status, json.loads(body)["status"]), (200, "UP"), path)

    def test_health_does_not_depend_on_backends(self) -> None:
        """Nobody has asked this backend anything, and health asks it neither."""
        self.gateway.get("/actuator/health")
        self.assertTrue(self.backend.idle(0.05))

    def test_info(self) -> None:
        """Name and version."""
        status, body = self.gateway.get("/actuator/info")
        self.assertEqual((status, json.loads(body)["app"]["name"]), (200, "jairouter"))

    def test_prometheus(self) -> None:
        """Counts and durations by method, route and status, whatever prefix was used."""
        labels = {"method": "POST", "uri": "/v1/chat/completions", "status": "200"}
        before = self.gateway.metric("http_server_requests_total", **labels)
        self.chat()
        self.chat(path="/api/v1/chat/completions")
        self.assertEqual(self.gateway.metric("http_server_requests_total", **labels), before + 2)
        self.assertEqual(self.gateway.metric("http_server_requests_seconds_count", **labels), before + 2)
        self.assertGreater(self.gateway.metric("process_resident_memory_bytes"), 1_000_000)

    def test_unknown_paths_make_one_series(self) -> None:
        """What a client invents is no label."""
        for number in range(3):
            self.assertEqual(self.gateway.get(f"/invented/{number}")[0], 404)
        page = self.gateway.get("/actuator/prometheus")[1]
        self.assertNotIn(b"invented", page)

    def test_access_log(self) -> None:
        """One line with who, what, how it ended and the id; no header's value."""
        client, backend = "Bearer sk-client-secret", b"Bearer sk-backend"
        head = self.chat(f"Authorization: {client}", "X-Request-Id: seen-in-the-log")
        self.assertIn(b"Authorization: " + backend, head)
        self.assertNotIn(b"sk-client-secret", head)
        line = self.gateway.wait_for("[^\n]*id=seen-in-the-log[^\n]*", 5)[0]
        for part in ("127.0.0.1 POST /v1/chat/completions 200 2B", "model=org/chat", "outcome=succeeded"):
            self.assertIn(part, line)
        self.assertNotIn("sk-client-secret", self.gateway.output)
        self.assertNotIn("sk-backend", self.gateway.output)

    def test_no_log_line_can_be_forged(self) -> None:
        """A model's name with a line end in it does not begin a new line."""
        client = Peer.to(self.gateway.port)
        self.addCleanup(client.close)
        client.say(post(b'{"model":"x\\n2026-01-01 forged","messages":[]}'))
        status = int(client.message()[0].split()[1])
        self.assertIn(status, (400, 404))
        time.sleep(0.1)
        self.assertFalse([line for line in self.gateway.output.splitlines() if line.startswith("2026-01-01")])

    def test_errors_of_the_web_layer(self) -> None:
        """Wrong path, wrong method, no HTTP at all: JSON in OpenAI's shape each time."""
        for request, status in (
            (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            (b"GET /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            (b"nonsense\r\n\r\n", 400),
            (post(b"[1]"), 400),
            (post(b"{}"), 400),
            (post(b"{"), 400),
        ):
            client = Peer.to(self.gateway.port)
            self.addCleanup(client.close)
            client.say(request)
            head, body = client.message()
            self.assertEqual(int(head.split()[1]), status, request)
            self.assertEqual(set(json.loads(body)["error"]), {"message", "type", "param", "code"})
        self.assertNotIn("Traceback", self.gateway.output)

    def test_every_answer_of_the_api_has_an_id(self) -> None:
        """SDKs show it in their exceptions; a sane one that came in is kept."""
        for path in ("/v1/models", "/v1/models/none", "/v1/nowhere"):
            client = Peer.to(self.gateway.port)
            self.addCleanup(client.close)
            client.say(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n".encode())
            self.assertIn(b"\r\nX-Request-Id: mine\r\n", client.message()[0], path)
