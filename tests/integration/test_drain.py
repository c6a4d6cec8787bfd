"""Stopping a gateway: nothing is broken off that can be finished in time."""

from __future__ import annotations

import json
import signal

from tests.integration.processes import Gateway, wait_until
from tests.integration.test_operations import CHAT, DONE, EVENT, OperationsTestCase
from tests.integration.wire import Peer, post, sse_events


class DrainTests(OperationsTestCase):
    """SIGTERM: nothing is broken off that can be finished in time."""

    def test_drains(self) -> None:
        """Readiness says 503 first, new requests are still answered, the open stream comes to its end."""
        gateway = self.start(server={"drain": {"delay": "2s", "timeout": "10s"}})
        client, backend = self.open_stream(gateway)
        gateway.send_signal(signal.SIGTERM)
        wait_until(lambda: gateway.get("/actuator/health/readiness")[0] == 503, "not ready", 1)
        self.assertEqual(gateway.get("/actuator/health")[0], 503)
        self.assertEqual(gateway.get("/actuator/health/liveness")[0], 200)
        late = self.client(gateway, post(CHAT))
        other = self.backend.accept()
        other.message()
        other.answer(b'{"late":1}')
        self.assertEqual(late.message()[1], b'{"late":1}')
        backend.chunk(EVENT)
        client.until(EVENT + b"\r\n")
        wait_until(lambda: not self.listens(gateway), "listens no more", 5)
        self.assertTrue(gateway.running)
        backend.chunk(EVENT + DONE)
        backend.chunk(b"")
        self.assertTrue(client.rest().endswith(EVENT + DONE + b"\r\n0\r\n\r\n"))
        self.assert_clean_exit(gateway, 2)

    def listens(self, gateway: Gateway) -> bool:
        try:
            Peer.to(gateway.port).close()
        except ConnectionRefusedError:
            return False
        return True

    def test_limit(self) -> None:
        """A stream that goes on for too long is told so in-band; its backend is told as well."""
        gateway = self.start(server={"drain": {"delay": "0s", "timeout": "1s"}})
        client, backend = self.open_stream(gateway)
        gateway.send_signal(signal.SIGTERM)
        rest = client.rest()
        events = sse_events(rest)
        self.assertEqual([each["error"]["code"] for each in events], ["shutting_down"])
        self.assertNotIn(b"[DONE]", rest)
        self.assertTrue(rest.endswith(b"0\r\n\r\n"))
        backend.seconds_until_closed(1)
        self.assert_clean_exit(gateway)

    def test_limit_before_an_answer(self) -> None:
        """A request that has no answer yet gets a 503, and when to try again."""
        gateway = self.start(server={"drain": {"delay": "0s", "timeout": "1s"}})
        client = self.client(gateway, post(CHAT))
        backend = self.backend.accept()
        gateway.send_signal(signal.SIGTERM)
        head, body = client.message()
        self.assertEqual(head.split()[1], b"503")
        self.assertIn(b"Retry-After: 1\r\n", head)
        self.assertEqual(json.loads(body)["error"]["code"], "shutting_down")
        backend.message()
        backend.seconds_until_closed(1)
        self.assert_clean_exit(gateway)

    def test_second_sigterm_hurries(self) -> None:
        """The first one would wait for minutes: for load balancers, then for the open stream."""
        gateway = self.start(server={"drain": {"delay": "60s", "timeout": "60s"}})
        client, _ = self.open_stream(gateway)
        gateway.send_signal(signal.SIGTERM)
        gateway.wait_for("draining: 1 requests are open")
        gateway.send_signal(signal.SIGTERM)
        self.assertEqual(sse_events(client.rest())[-1]["error"]["code"], "shutting_down")
        self.assert_clean_exit(gateway)

    def test_sigint(self) -> None:
        """Ctrl-C skips the delay, and lets open requests finish."""
        gateway = self.start(server={"drain": {"delay": "60s", "timeout": "60s"}})
        client, backend = self.open_stream(gateway)
        gateway.send_signal(signal.SIGINT)
        wait_until(lambda: not self.listens(gateway), "listens no more", 2)
        backend.chunk(DONE)
        backend.chunk(b"")
        self.assertTrue(client.rest().endswith(DONE + b"\r\n0\r\n\r\n"))
        self.assert_clean_exit(gateway)

    def test_idle(self) -> None:
        """With nothing to finish, and a kept-alive connection open, it ends at once."""
        gateway = self.start()
        client = self.client(gateway, b"GET /actuator/info HTTP/1.1\r\nHost: x\r\n\r\n")
        client.message()
        gateway.send_signal(signal.SIGTERM)
        self.assertEqual(client.rest(), b"")
        self.assert_clean_exit(gateway, 2)

    def test_idle_backend_connection(self) -> None:
        """A connection kept alive to a backend does not hold it up."""
        gateway = self.start()
        client = self.client(gateway, post(CHAT))
        backend = self.backend.accept()
        backend.message()
        backend.answer(b"{}")
        client.message()
        gateway.send_signal(signal.SIGTERM)
        self.assert_clean_exit(gateway, 2)
