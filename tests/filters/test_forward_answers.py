"""Tests for `jairouter.filters.forward`: an answer came."""

from __future__ import annotations

import json

from twisted.internet.defer import CancelledError

from jairouter.errors import UpstreamError
from jairouter.interfaces import Quota
from tests.filters.inner import Sink
from tests.filters.test_forward import JSON, Arriving, Case

EVENT = b'data: {"choices":[]}\n\n'
SSE = (b"Content-Type", b"text/event-stream")


class AnswerTests(Case):
    """Answers that are no event streams."""

    def test_passed_on(self) -> None:
        response = self.answered(201, JSON, (b"X-A", b"1"))
        answer = self.successResultOf(self.work)
        self.assertEqual(
            (answer.status, answer.headers, answer.event_stream), (201, (JSON, (b"X-A", b"1")), False)
        )
        sink = Sink()
        answer.body.deliver(sink)
        response.send(b"{}")
        response.end()
        self.assertEqual((sink.data, sink.ends), (b"{}", ["end"]))
        self.assertEqual(self.exchange.attempt.status, 201)

    def test_headers_of_the_connection_stop(self) -> None:
        """And so do those that are about the backend's address, or made anew."""
        self.answered(
            200,
            JSON,
            (b"Connection", b"close, X-Hop"),
            (b"X-Hop", b"1"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Date", b"today"),
            (b"X-Request-Id", b"theirs"),
            (b"Alt-Svc", b"h3"),
            (b"Strict-Transport-Security", b"max-age=1"),
            (b"Server", b"backend-7"),
            (b"Set-Cookie", b"session=1"),
            (b"Retry-After", b"1"),
        )
        self.assertEqual(self.successResultOf(self.work).headers, (JSON, (b"Retry-After", b"1")))

    def test_limits_of_the_backend(self) -> None:
        """They stop where the gateway's own are told in their place."""
        theirs = ((b"X-RateLimit-Limit-Requests", b"1"), (b"x-ratelimit-remaining-requests", b"0"))
        for quota, kept in ((None, (JSON, *theirs)), (Quota(5, 4, 1.0), (JSON,))):
            self.setUp()
            work = self.send()
            self.exchange.quota = quota
            self.agent.answer.callback(Arriving(200, (JSON, *theirs)).response)
            self.assertEqual(self.successResultOf(work).headers, kept)

    def test_connection_of_several_lines(self) -> None:
        """What any of them names stops."""
        hops = (
            (b"Connection", b"close, X-Hop"),
            (b"X-Hop", b"1"),
            (b"connection", b"x-two"),
            (b"X-Two", b"2"),
        )
        self.answered(200, JSON, *hops)
        self.assertEqual(self.successResultOf(self.work).headers, (JSON,))

    def test_whole(self) -> None:
        """All of it came with the head: nothing is left to be steered."""
        arriving = self.answered(201, JSON, (b"Content-Length", b"2"), (b"X-A", b"1"), whole=b"{}")
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.status, answer.headers), (201, (JSON, (b"X-A", b"1"))))
        self.assertEqual((answer.event_stream, answer.length), (False, None))
        self.assertEqual((answer.body.whole, answer.body.take()), (True, b"{}"))
        self.assertEqual(arriving.transport.calls, [])

    def test_whole_and_empty(self) -> None:
        self.answered(200, JSON, (b"Content-Length", b"0"), whole=b"")
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.body.whole, answer.body.take()), (True, b""))

    def test_whole_errors(self) -> None:
        """They are passed on or replaced as those that arrive."""
        self.answered(429, JSON, whole=b"{}")
        self.assertEqual(self.successResultOf(self.work).body.take(), b"{}")
        self.setUp()
        self.answered(502, (b"Content-Type", b"text/html"), whole=b"<html>secret-host")
        self.assertNotIn(b"secret-host", self.successResultOf(self.work).body.take())

    def test_length(self) -> None:
        """Of a body that arrives it is told beside the headers, if it was announced."""
        self.answered(200, JSON, (b"Content-Length", b"5"))
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.length, answer.headers, answer.body.whole), (5, (JSON,), False))
        self.setUp()
        self.answered(200, JSON, (b"Transfer-Encoding", b"chunked"))
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.length, answer.headers, answer.body.whole), (None, (JSON,), False))

    def test_client_errors_are_passed_on(self) -> None:
        """With their body, whatever it is: it is about the request."""
        for code, pair in ((400, JSON), (404, (b"Content-Type", b"text/html")), (429, JSON)):
            self.setUp()
            self.answered(code, pair)
            answer = self.successResultOf(self.work)
            self.assertEqual((answer.status, answer.headers), (code, (pair,)))

    def test_server_errors_in_json_are_passed_on(self) -> None:
        self.answered(500, (b"Content-Type", b"Application/Problem+JSON; x"))
        self.assertEqual(self.successResultOf(self.work).status, 500)

    def test_other_server_errors_are_replaced(self) -> None:
        """No client could read them, and they may name hosts; their status is kept."""
        response = self.answered(503, (b"Content-Type", b"text/html"), (b"Server", b"secret-host"))
        answer = self.successResultOf(self.work)
        sink = Sink()
        answer.body.deliver(sink)
        self.assertEqual((answer.status, answer.headers), (503, (JSON,)))
        self.assertEqual(json.loads(sink.data)["error"]["code"], "upstream_error")
        self.assertIn("abort", response.transport.calls)

    def test_when_to_come_back_is_kept(self) -> None:
        """A proxy in front of an overloaded backend says so in a page that is not passed on."""
        wait = ((b"retry-after", b"7"), (b"Retry-After-Ms", b"6500"))
        self.answered(503, (b"Content-Type", b"text/html"), *wait)
        self.assertEqual(self.successResultOf(self.work).headers, (JSON, *wait))

    def test_no_content(self) -> None:
        """RFC 9110, sections 8.6 and 15.3.6; a body, if there is one, would be the next answer's head."""
        for code in (204, 205):
            self.setUp()
            response = self.answered(code, (b"Content-Length", b"5"), (b"X-A", b"1"))
            answer = self.successResultOf(self.work)
            self.assertEqual((answer.status, answer.headers), (code, ((b"X-A", b"1"),)))
            self.assertEqual((answer.body.whole, answer.body.take()), (True, b""))
            self.assertIn("abort", response.transport.calls)

    def test_redirect(self) -> None:
        """It is not followed: that would carry credentials elsewhere."""
        response = self.answered(307, (b"Location", b"http://evil/"))
        error = self.failureResultOf(self.work, UpstreamError).value
        assert isinstance(error, UpstreamError)
        self.assertEqual(error.status, 502)
        self.assertNotIn("evil", error.message)
        self.assertIn("abort", response.transport.calls)


class StreamTests(Case):
    """Event streams."""

    def test_waits_for_the_first_event(self) -> None:
        """Until then the status is not certain."""
        response = self.answered(
            200, SSE, (b"Content-Length", b"9"), (b"Cache-Control", b"public"), stream=True
        )
        self.assertNoResult(self.work)
        response.send(EVENT)
        answer = self.successResultOf(self.work)
        self.assertTrue(answer.event_stream)
        self.assertEqual(
            answer.headers,
            (SSE, (b"Cache-Control", b"no-cache, no-transform"), (b"X-Accel-Buffering", b"no")),
        )

    def test_error_as_first_event(self) -> None:
        """As vLLM and SGLang do it, under a status 200: the client gets the status that was meant."""
        response = self.answered(200, SSE, stream=True)
        response.send(b'data: {"error": {"message": "too long", "code": 400}}\n\n')
        error = self.failureResultOf(self.work, UpstreamError).value
        assert isinstance(error, UpstreamError)
        self.assertEqual((error.status, error.message), (400, "too long"))

    def test_no_event(self) -> None:
        response = self.answered(200, SSE, stream=True)
        response.end()
        self.failureResultOf(self.work, UpstreamError)

    def test_client_leaves_before_it(self) -> None:
        response = self.answered(200, SSE, stream=True)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertIn("abort", response.transport.calls)

    def test_compressed(self) -> None:
        """It can only be passed on as it is."""
        self.answered(200, SSE, (b"Content-Encoding", b"gzip"), stream=True)
        answer = self.successResultOf(self.work)
        self.assertFalse(answer.event_stream)
        self.assertIn((b"Content-Encoding", b"gzip"), answer.headers)

    def test_compressed_says_one_line_of_two(self) -> None:
        self.answered(
            200, SSE, (b"Content-Encoding", b"identity"), (b"content-encoding", b"gzip"), stream=True
        )
        self.assertFalse(self.successResultOf(self.work).event_stream)

    def test_not_compressed_at_all(self) -> None:
        response = self.answered(200, SSE, (b"Content-Encoding", b"Identity"), stream=True)
        response.send(EVENT)
        self.assertTrue(self.successResultOf(self.work).event_stream)

    def test_whole(self) -> None:
        """Its events are looked at all the same: it may be an error, or no complete stream."""
        self.answered(200, SSE, stream=True, whole=EVENT + b"data: [DONE]\n\n")
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.event_stream, answer.length, answer.body.whole), (True, None, True))
        self.setUp()
        self.answered(200, SSE, stream=True, whole=b'data: {"error": {"message": "no", "code": 400}}\n\n')
        self.failureResultOf(self.work, UpstreamError)

    def test_unasked(self) -> None:
        """The backend decides what it answers, not the request."""
        response = self.answered(200, SSE)
        response.send(EVENT)
        self.assertTrue(self.successResultOf(self.work).event_stream)

    def test_error_status(self) -> None:
        """An error is no stream, whatever it calls itself."""
        self.answered(400, SSE, stream=True)
        self.assertFalse(self.successResultOf(self.work).event_stream)
