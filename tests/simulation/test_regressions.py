"""What random schedules have found in the gateway, each as the shortest sequence of events that shows it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.world import World, post

CHAT = {"model": "m", "messages": []}


def form(size: int) -> bytes:
    """A transcription request whose model comes first."""
    body = (
        b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nw\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        + b"x" * size
        + b"\r\n--B--\r\n"
    )
    head = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: gateway\r\n"
        b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    return head + body


class RegressionTests(SynchronousTestCase):
    """Each test names the seed that found it."""

    def setUp(self) -> None:
        self.world = World()
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        self.assertEqual(self.world.close(), [])
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger)

    def test_a_request_that_shutting_down_cuts_is_counted_as_what_its_client_was_told(self) -> None:
        """Seed 101: the client reads 503, the metrics said 499, as if it had left."""
        client = self.world.ask(CHAT)
        self.world.gateway.listener.drain(at_once=True)
        self.world.gateway.listener.drain(at_once=True)  # in a hurry: do not wait for open requests
        self.world.run()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 503 "), client.received)
        counted = {
            status: self.world.metric(
                "http_server_requests_total", method="POST", uri="/v1/chat/completions", status=status
            )
            for status in ("499", "503")
        }
        self.assertEqual(counted, {"499": 0, "503": 1})

    def test_a_client_that_stops_in_its_upload_is_not_the_fault_of_the_backend(self) -> None:
        """Requests that schedules call slow: the backend waits for the client and was counted as failed."""
        request = form(2000)
        client = self.world.client()
        client.send(request[:1000])
        self.world.run(45)  # write-timeout is 10 s, a body may pause for 30 s
        failed = self.world.metric(
            "jairouter_backend_calls_total", service="stt", model="w", outcome="failed"
        )
        self.assertEqual(failed, 0)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 408 "), bytes(client.received[:200]))

    def test_an_answer_that_breaks_off_does_not_take_the_one_before_it_along(self) -> None:
        """Seeds 1606 and 2116: the abort drops what a slow reader has yet to read of the first one."""
        client = self.world.client()
        client.send(post(CHAT) + post(CHAT))
        client.transport.pauseProducing()  # type: ignore[union-attr]
        self.world.run()
        # More than the network takes of somebody who does not read, and less than what makes the gateway wait
        first = b"y" * 60_000
        self.world.backend.last.answer(first)
        self.world.run()
        self.assertEqual(self.world.backend.last.received.count(b"POST "), 2, "the second has not begun")
        self.world.backend.last.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.world.backend.last.wire.loseConnection()
        self.world.run()
        client.transport.resumeProducing()  # type: ignore[union-attr]
        self.world.run()
        self.assertTrue(first in client.received, f"{len(client.received)} bytes came")
        self.assertIsNotNone(client.closed)
