"""Each way in which a backend misbehaves, and what the client is told of it."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import reply_text
from tests.integration.processes import Gateway, configuration, shared_pair, simulator, wait_until
from tests.integration.wire import Listening, Peer, post, sse_events

TOKENS = 8
PAIR = shared_pair(
    *("--tokens", str(TOKENS)),
    webclient={
        "connection-timeout": "1s",
        "first-byte-timeout": "1s",
        "read-timeout": "1s",
        "write-timeout": "1s",
    },
)
PLAIN = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True}


class Reply(NamedTuple):
    """What the client got.

    Attributes:
        status: Of the answer.
        headers: Of the answer.
        body: As far as it came.
        complete: Whether the connection says that it is all.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    complete: bool


class FaultTestCase(SynchronousTestCase):
    """Asks through the gateway; nothing may be lent out when the test is over."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.addCleanup(self.gateway.wait_at_rest)

    def ask(self, fault: str, payload: object = PLAIN) -> Reply:
        client = self.gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "X-Simulate": fault}
        client.request("POST", "/v1/chat/completions", json.dumps(payload), headers)
        response = client.getresponse()
        try:
            body, complete = response.read(), True
        except (http.client.IncompleteRead, ConnectionError) as error:
            body, complete = getattr(error, "partial", b""), False
        return Reply(response.status, response.headers, body, complete)

    def outcomes(self, outcome: str) -> float:
        return self.gateway.metric("jairouter_backend_calls_total", outcome=outcome)

    def assert_error(self, reply: Reply, status: int, code: str | None) -> dict[str, Any]:
        """The reply is a complete error in OpenAI's shape, of this status and code."""
        self.assertEqual((reply.status, reply.complete), (status, True), reply)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertTrue(reply.headers["X-Request-Id"])
        error = json.loads(reply.body)["error"]
        self.assert_shape(error)
        self.assertEqual(error["code"], code)
        return dict(error)

    def assert_shape(self, error: dict[str, Any]) -> None:
        """All four members are there, and no address is told."""
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertIsInstance(error["message"], str)
        self.assertIsInstance(error["type"], str)
        self.assertNotIn("127.0.0.1", error["message"])

    def assert_plain_answer(self, reply: Reply) -> None:
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        text = json.loads(reply.body)["choices"][0]["message"]["content"]
        self.assertEqual(text, reply_text("hi", TOKENS))

    def assert_stream(self, reply: Reply) -> None:
        """A complete stream, with every token once."""
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        events = sse_events(reply.body)
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(text_of(events), reply_text("hi", TOKENS))

    def assert_broken_stream(self, reply: Reply, code: str, tokens: int | None = None) -> None:
        """Some events, then one error event, no [DONE], and a connection that ended in good order."""
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        *events, last = sse_events(reply.body)
        self.assertNotIn("[DONE]", [*events, last])
        self.assertTrue(reply.body.endswith(b"\n\n"))
        self.assert_shape(last["error"])
        self.assertEqual(last["error"]["code"], code)
        self.assertFalse([event for event in events if "error" in event])
        text = text_of(events)
        self.assertTrue(reply_text("hi", TOKENS).startswith(text))
        if tokens is not None:
            self.assertEqual(len(text.split()), tokens)


def text_of(events: list[Any]) -> str:
    """The text in the chunks of a chat stream."""
    deltas = [choice["delta"] for each in events if each != "[DONE]" for choice in each["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


class PlainAnswerTests(FaultTestCase):
    """No stream was asked for."""

    def assert_fails(self, fault: str, status: int, code: str) -> None:
        before = self.outcomes("failed")
        self.assert_error(self.ask(fault), status, code)
        self.assertEqual(self.outcomes("failed") - before, 1)

    def assert_breaks_off(self, fault: str) -> None:
        """The status has gone out: the connection must not look as if the body were complete."""
        before = self.outcomes("failed")
        reply = self.ask(fault)
        self.assertEqual((reply.status, reply.complete), (200, False), reply)
        self.assertEqual(self.outcomes("failed") - before, 1)

    def test_refuse(self) -> None:
        """The backend closes without an answer."""
        self.assert_fails("refuse", 502, "upstream_error")

    def test_reset(self) -> None:
        """The backend resets the connection."""
        self.assert_fails("reset", 502, "upstream_error")

    def test_stall_before_headers(self) -> None:
        """No first byte in time."""
        self.assert_fails("stall-before-headers", 504, "upstream_timeout")

    def test_slow_headers(self) -> None:
        """A head that comes byte by byte is a first byte too, and as long as it flows it is waited for."""
        self.assert_plain_answer(self.ask("slow-headers;every=0.005"))

    def test_garbage(self) -> None:
        """What comes is no HTTP."""
        self.assert_fails("garbage", 502, "upstream_error")

    def test_stall_after_headers(self) -> None:
        """Headers, then nothing."""
        self.assert_breaks_off("stall-after-headers")

    def test_stall_mid_body(self) -> None:
        """Half a body, then nothing."""
        self.assert_breaks_off("stall-mid-body")

    def test_truncate(self) -> None:
        """Less than was promised."""
        self.assert_breaks_off("truncate")

    def test_truncate_chunked(self) -> None:
        """No last chunk."""
        self.assert_breaks_off("truncate-chunked")

    def test_reset_mid_body(self) -> None:
        """A reset in the middle."""
        self.assert_breaks_off("reset-mid-body")

    def test_wrong_length(self) -> None:
        """More than was promised: what was promised is passed on, and the rest spoils no other answer."""
        reply = self.ask("wrong-length")
        self.assertEqual(reply.status, 200)
        self.assertEqual(len(reply.body), int(reply.headers["Content-Length"]))
        for _ in range(3):
            self.assert_plain_answer(self.ask(""))

    def test_garbage_body(self) -> None:
        """A body that is no JSON is not ours to judge: it comes as it is."""
        reply = self.ask("garbage-body")
        self.assertEqual((reply.status, reply.complete), (200, True))
        self.assertEqual(reply.body, b'{"id": "chatcmpl-1", "choices": [,')

    def test_throttled(self) -> None:
        """429 with its Retry-After."""
        before = self.outcomes("throttled")
        reply = self.ask("429;retry-after=9")
        self.assertEqual(reply.headers["Retry-After"], "9")
        self.assert_error(reply, 429, "simulated")
        self.assertEqual(self.outcomes("throttled") - before, 1)

    def test_error_500(self) -> None:
        """An error in JSON keeps its body."""
        self.assert_fails("error;status=500", 500, "simulated")

    def test_error_503_with_retry_after(self) -> None:
        """And its Retry-After."""
        reply = self.ask("error;status=503;retry-after=4")
        self.assertEqual(reply.headers["Retry-After"], "4")
        self.assert_error(reply, 503, "simulated")

    def test_error_400(self) -> None:
        """The caller's own fault says nothing about the instance."""
        before = self.outcomes("neutral")
        self.assert_error(self.ask("error;status=422"), 422, "simulated")
        self.assertEqual(self.outcomes("neutral") - before, 1)

    def test_redirect(self) -> None:
        """A redirect is not followed: it could carry credentials elsewhere."""
        self.assert_fails("error;status=307", 502, "upstream_error")

    def test_interim(self) -> None:
        """100 and 103 before the answer are no answer."""
        self.assert_plain_answer(self.ask("interim"))

    def test_close_delimited(self) -> None:
        """HTTP/1.0: the end of the connection is the end of the body."""
        self.assert_plain_answer(self.ask("close-delimited"))

    def test_keep_alive_drop(self) -> None:
        """The backend closes a kept connection just as it is used again: asked once more, unnoticed."""
        before = self.outcomes("failed")
        self.assert_plain_answer(self.ask("keep-alive-drop"))
        self.assert_plain_answer(self.ask(""))
        self.assertEqual(self.outcomes("failed"), before)

    def test_slow_reading(self) -> None:
        """The backend takes the request slowly, but takes it."""
        payload = {**PLAIN, "padding": "x" * 20_000}
        self.assert_plain_answer(self.ask("slow-reading;bytes=4096;every=0.05", payload))

    def test_not_reading(self) -> None:
        """The backend takes nothing of a large request."""
        payload = {**PLAIN, "padding": "x" * 9_000_000}
        began = time.monotonic()  # noqa: TID251 - real processes run in real time
        self.assert_error(self.ask("slow-reading;every=0", payload), 504, "upstream_timeout")
        self.assertLess(time.monotonic() - began, 5)  # noqa: TID251

    def test_early_error(self) -> None:
        """An answer before the request was read is the answer."""
        self.assert_error(
            self.ask("early-error;status=413", {**PLAIN, "padding": "x" * 99_000}), 413, "simulated"
        )

    def test_early_reset(self) -> None:
        """A reset before the request was read."""
        self.assert_fails("early-reset", 502, "upstream_error")


class StreamTests(FaultTestCase):
    """A stream was asked for."""

    def test_no_answer(self) -> None:
        """Before the first event every failure has a status."""
        for fault, status, code in (
            ("refuse", 502, "upstream_error"),
            ("reset", 502, "upstream_error"),
            ("garbage", 502, "upstream_error"),
            ("stall-before-headers", 504, "upstream_timeout"),
            ("stall-after-headers", 504, "upstream_timeout"),
            ("reset-mid-body;after=0", 502, "stream_interrupted"),
            ("truncate-chunked;after=0", 502, "stream_interrupted"),
            ("error;status=500", 500, "simulated"),
            ("429", 429, "simulated"),
        ):
            self.assert_error(self.ask(fault, STREAM), status, code)

    def test_stall_mid_body(self) -> None:
        """The stream falls silent."""
        self.assert_broken_stream(self.ask("stall-mid-body;after=4", STREAM), "upstream_timeout", 3)

    def test_reset_mid_body(self) -> None:
        """The connection breaks."""
        self.assert_broken_stream(self.ask("reset-mid-body;after=4", STREAM), "stream_interrupted", 3)

    def test_truncate(self) -> None:
        """Less than was promised."""
        self.assert_broken_stream(self.ask("truncate;after=4", STREAM), "stream_interrupted", 3)

    def test_truncate_chunked(self) -> None:
        """No last chunk."""
        self.assert_broken_stream(self.ask("truncate-chunked;after=4", STREAM), "stream_interrupted", 3)

    def test_wrong_length(self) -> None:
        """The length ends in the middle of an event."""
        self.assert_error(self.ask("wrong-length", STREAM), 502, "upstream_error")

    def test_error_event_first(self) -> None:
        """An error under 200 becomes an answer with a status."""
        error = self.assert_error(self.ask("error-event;after=0;message=oh", STREAM), 502, "simulated")
        self.assertEqual(error["message"], "oh")

    def test_error_event_later(self) -> None:
        """It is passed on as it is, and is the end."""
        self.assert_broken_stream(self.ask("error-event;after=4", STREAM), "simulated", 3)

    def test_done_after_error(self) -> None:
        """[DONE] after an error would make it look like a success."""
        self.assert_broken_stream(self.ask("done-after-error;after=4", STREAM), "simulated", 3)

    def test_no_done(self) -> None:
        """The bytes end without a finish_reason and without [DONE]."""
        self.assert_broken_stream(self.ask("no-done", STREAM), "stream_interrupted", TOKENS)

    def test_huge_event(self) -> None:
        """An event larger than what is held back goes through as well."""
        reply = self.ask("huge-event;size=3000000", STREAM)
        self.assertEqual((reply.status, reply.complete), (200, True))
        events = sse_events(reply.body)
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(len(text_of(events)), 3_000_000 + len(reply_text("hi", TOKENS)))

    def test_interim(self) -> None:
        """100 and 103 before the answer."""
        self.assert_stream(self.ask("interim", STREAM))

    def test_close_delimited(self) -> None:
        """The stream ends with the connection, complete."""
        self.assert_stream(self.ask("close-delimited", STREAM))

    def test_pace(self) -> None:
        """A slow stream is no stalled one: each event is in time."""
        self.assert_stream(self.ask("pace;tokens=8;tokens-per-second=4", STREAM))

    def test_every_byte_for_itself(self) -> None:
        """However small the pieces are."""
        client = self.gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "X-Simulate-Pieces": "1*"}
        client.request("POST", "/v1/chat/completions", json.dumps(STREAM), headers)
        response = client.getresponse()
        self.assert_stream(Reply(response.status, response.headers, response.read(), True))


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
        wait_until(lambda: gateway.running, "the gateway goes on")
