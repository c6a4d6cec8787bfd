"""Each way in which a backend misbehaves, and what the client is told of it."""

from __future__ import annotations

import json
import time

from jairouter.simulator.text import reply_text
from tests.integration.faulty import PACED, PLAIN, STREAM, TOKENS, FaultTestCase, Reply, text_of
from tests.integration.wire import sse_events


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
        """Headers, then nothing: nothing has gone out yet either, so the client is told properly."""
        self.assert_fails("stall-after-headers", 504, "upstream_timeout")

    def test_reset_after_headers(self) -> None:
        """The same when the connection breaks there."""
        self.assert_fails("reset-mid-body;after=0", 502, "stream_interrupted")

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
        began = time.monotonic()
        self.assert_error(self.ask("slow-reading;every=0", payload), 504, "upstream_timeout")
        self.assertLess(time.monotonic() - began, 5)

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
        """The length ends in the middle of the first event, so there was none."""
        reply = self.ask("wrong-length", STREAM)
        self.assert_error(reply, 502, json.loads(reply.body)["error"]["code"])

    def test_error_event_first(self) -> None:
        """An error under 200 becomes an answer with a status."""
        error = self.assert_error(self.ask("error-event;after=0;message=oh", STREAM), 502, "simulated")
        self.assertEqual(error["message"], "oh")

    def test_error_event_later(self) -> None:
        """It is passed on as it is, and is the end."""
        self.assert_broken_stream(self.ask(f"{PACED},error-event;after=4", STREAM), "simulated", 3)

    def test_done_after_error(self) -> None:
        """[DONE] after an error would make it look like a success."""
        self.assert_broken_stream(self.ask(f"{PACED},done-after-error;after=4", STREAM), "simulated", 3)

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
