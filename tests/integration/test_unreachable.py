"""Backends that are not there, not what they should be, or too slow; each with a gateway of its own."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.faulty import PLAIN, STREAM
from tests.integration.processes import Gateway, configuration, simulator
from tests.integration.wire import Listening, Peer, post, sse_events


class UnreachableTests(SynchronousTestCase):
    """A backend that is not there at all."""

    def ask(self, backend: str, **sections: Any) -> tuple[int, Any]:
        gateway = Gateway(configuration(backend, **sections))
        self.addCleanup(gateway.stop)
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(post(PLAIN))
        head, body = client.message()
        gateway.wait_at_rest()
        self.assertEqual(gateway.metric("jairouter_backend_calls_total", outcome="failed"), 1)
        return int(head.split()[1]), json.loads(body)["error"]

    def test_nobody_listens(self) -> None:
        """The port is closed."""
        gone = simulator("--fault", "refuse")
        self.addCleanup(gone.stop)
        status, error = self.ask(gone.url)
        self.assertEqual((status, error["code"]), (502, "upstream_error"))
        self.assertNotIn(str(gone.port), error["message"])

    def test_unknown_name(self) -> None:
        """A name that does not exist."""
        status, error = self.ask("http://backend.invalid:1")
        self.assertEqual((status, error["code"]), (502, "upstream_error"))
        self.assertNotIn("invalid", error["message"])

    def test_not_tls(self) -> None:
        """Something listens that does not speak TLS."""
        backend = Listening()
        self.addCleanup(backend.close)
        gateway = Gateway(configuration(backend.url.replace("http:", "https:")))
        self.addCleanup(gateway.stop)
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(post(PLAIN))
        peer = backend.accept()
        peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        head, body = client.message()
        self.assertEqual(head.split()[1], b"502")
        self.assertEqual(json.loads(body)["error"]["code"], "upstream_error")
        gateway.wait_at_rest()

    def test_ends_in_the_middle_of_an_event(self) -> None:
        """A stream that ends well for HTTP, but inside an event: the error is an event of its own."""
        backend = Listening()
        self.addCleanup(backend.close)
        gateway = Gateway(configuration(backend.url))
        self.addCleanup(gateway.stop)
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(post(STREAM))
        peer = backend.accept()
        peer.message()
        whole = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
        peer.begin_stream(whole)
        client.until(whole)
        peer.chunk(whole[:20])
        peer.chunk(b"")
        rest = client.until(b"0\r\n\r\n")
        lines = [line for line in rest.split(b"\n") if line.startswith(b"data: ")]
        self.assertEqual(json.loads(lines[-1].removeprefix(b"data: "))["error"]["code"], "stream_interrupted")
        # A client that reads half an event as JSON would fail on it instead of on the error
        self.assertEqual(len(lines), 1, rest)
        gateway.wait_at_rest()

    def test_total_timeout(self) -> None:
        """An answer that flows, but for too long."""
        backend = simulator("--tokens", "1000", "--tokens-per-second", "20")
        self.addCleanup(backend.stop)
        gateway = Gateway(configuration(backend.url, webclient={"total-timeout": "1s"}))
        self.addCleanup(gateway.stop)
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(post(STREAM))
        _, body = client.message()
        *_, last = sse_events(body)
        self.assertEqual(last["error"]["code"], "upstream_timeout")
        gateway.wait_at_rest()

    def test_queue_timeout(self) -> None:
        """No connection becomes free in time: 503, told when to come back, and the instance is not blamed."""
        backend = Listening()
        self.addCleanup(backend.close)
        pool = {"max-connections": 1, "pending-acquire-timeout": "500ms"}
        gateway = Gateway(configuration(backend.url, webclient={"connection-pool": pool}))
        self.addCleanup(gateway.stop)
        first, second = Peer.to(gateway.port), Peer.to(gateway.port)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        first.say(post(PLAIN))
        peer = backend.accept()
        second.say(post(PLAIN))
        head, body = second.message()
        self.assertEqual(head.split()[1], b"503")
        self.assertIn(b"\r\nRetry-After: 1\r\n", head)
        self.assertEqual(json.loads(body)["error"]["code"], "upstream_busy")
        peer.message()
        peer.answer(b"{}")
        self.assertEqual(first.message()[1], b"{}")
        gateway.wait_at_rest()
        self.assertEqual(gateway.metric("jairouter_backend_calls_total", outcome="failed"), 0)
