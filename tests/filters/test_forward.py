"""Tests for `jairouter.filters.forward`."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from zope.interface.verify import verifyObject

from jairouter.adapters.normal import NormalAdapter
from jairouter.errors import UpstreamError
from jairouter.exchange import Answer, HeaderPairs
from jairouter.filters.forward import Forward
from jairouter.interfaces import IResponder
from jairouter.upstream.wire import WireHeaders
from tests.filters.inner import ROUTE, Sink, attempted, request, run

EVENT = b'data: {"choices":[]}\n\n'
JSON = (b"Content-Type", b"application/json")
SSE = (b"Content-Type", b"text/event-stream")


class Transport:
    """The transport of an answer's body."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def abortConnection(self) -> None:
        self.calls.append("abort")


class Response:
    """An answer whose body the test sends by hand."""

    def __init__(self, code: int, pairs: HeaderPairs) -> None:
        self.code = code
        self.headers = WireHeaders(pairs)
        self.transport = Transport()
        self.receiver: Any = None

    def deliverBody(self, receiver: Any) -> None:
        self.receiver = receiver
        receiver.makeConnection(self.transport)

    def end(self) -> None:
        self.receiver.connectionLost(Failure(ResponseDone()))


class Client:
    """Notes what is sent; answers when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, HeaderPairs, Any, Any]] = []
        self.answer: Deferred[Any] = Deferred()

    def post(self, url: str, headers: HeaderPairs, body: Any, attempt: Any) -> Deferred[Any]:
        self.sent.append((url, headers, body, attempt))
        return self.answer


class Case(SynchronousTestCase):
    """One exchange that is sent to one instance."""

    def setUp(self) -> None:
        self.client: Any = Client()
        client: Any = self.client  # Forward asks for the very class that it stands in for
        self.forward = Forward(client, NormalAdapter(), 1000)

    def send(
        self, *, stream: bool = False, made: dict[str, Any] | None = None, **sent: Any
    ) -> Deferred[Answer]:
        self.exchange = attempted(sent=request(**sent), **(made or {}))
        self.exchange.stream = stream
        return run(self.forward, self.exchange)

    def answered(self, code: int, *pairs: tuple[bytes, bytes], stream: bool = False) -> Response:
        self.work = self.send(stream=stream)
        response = Response(code, pairs)
        self.client.answer.callback(response)
        return response


class SendingTests(Case):
    """What goes to the backend."""

    def url(self, **sent: Any) -> str:
        self.setUp()
        self.send(**sent)
        url: str = self.client.sent[0][0]
        return url

    def headers(self, *pairs: tuple[bytes, bytes], stream: bool = False, **made: Any) -> HeaderPairs:
        self.send(headers=pairs, stream=stream, made=made)
        headers: HeaderPairs = self.client.sent[0][1]
        return headers

    def test_interface(self) -> None:
        verifyObject(IResponder, self.forward)

    def test_url(self) -> None:
        self.assertEqual(self.url(), "http://10.0.0.1:9000/v1/chat/completions")
        made = {"base_url": "https://host/base", "path": "/api/chat"}
        self.assertEqual(self.url(made=made), "https://host/base/api/chat")

    def test_query(self) -> None:
        """The client's, as it was written, behind the instance's own."""
        self.assertEqual(self.url(query=b"a=%20b&c"), "http://10.0.0.1:9000/v1/chat/completions?a=%20b&c")
        made = {"path": "/chat?api-version=1"}
        self.assertEqual(self.url(query=b"a", made=made), "http://10.0.0.1:9000/chat?api-version=1&a")

    def test_sibling(self) -> None:
        made = {"path": "/openai/v1/chat/completions"}
        url = self.url(route=ROUTE["/responses"], made=made)
        self.assertEqual(url, "http://10.0.0.1:9000/openai/v1/responses")

    def test_headers(self) -> None:
        """In order, with their spelling; X-Request-Id is ours."""
        self.assertEqual(
            self.headers((b"authorization", b"Bearer k"), (b"X-Mine", b"1"), (b"x-request-id", b"theirs")),
            ((b"authorization", b"Bearer k"), (b"X-Mine", b"1"), (b"X-Request-Id", b"req_1")),
        )

    def test_instance_headers_win(self) -> None:
        headers = self.headers((b"authorization", b"client"), headers=((b"Authorization", b"instance"),))
        self.assertEqual(
            [value for name, value in headers if name.lower() == b"authorization"], [b"instance"]
        )

    def test_streams_are_not_compressed(self) -> None:
        """Compressed events could not be watched."""
        headers = self.headers((b"accept-encoding", b"gzip"), stream=True)
        self.assertEqual(
            [value for name, value in headers if name.lower() == b"accept-encoding"], [b"identity"]
        )

    def test_other_answers_may_be(self) -> None:
        self.assertIn((b"accept-encoding", b"gzip"), self.headers((b"accept-encoding", b"gzip")))

    def test_body_and_attempt(self) -> None:
        """The exchange's body, which Validate may have replaced, and the attempt under way."""
        self.send()
        _, _, body, attempt = self.client.sent[0]
        self.assertIs(body, self.exchange.body)
        self.assertIs(attempt, self.exchange.attempt)


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
        response.receiver.dataReceived(b"{}")
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
            self.assertEqual(answer.body.complete_length, 0)
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
        response.receiver.dataReceived(EVENT)
        answer = self.successResultOf(self.work)
        self.assertTrue(answer.event_stream)
        self.assertEqual(
            answer.headers,
            (SSE, (b"Cache-Control", b"no-cache, no-transform"), (b"X-Accel-Buffering", b"no")),
        )

    def test_error_as_first_event(self) -> None:
        """As vLLM and SGLang do it, under a status 200: the client gets the status that was meant."""
        response = self.answered(200, SSE, stream=True)
        response.receiver.dataReceived(b'data: {"error": {"message": "too long", "code": 400}}\n\n')
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

    def test_unasked(self) -> None:
        """The backend decides what it answers, not the request."""
        response = self.answered(200, SSE)
        response.receiver.dataReceived(EVENT)
        self.assertTrue(self.successResultOf(self.work).event_stream)

    def test_error_status(self) -> None:
        """An error is no stream, whatever it calls itself."""
        self.answered(400, SSE, stream=True)
        self.assertFalse(self.successResultOf(self.work).event_stream)
