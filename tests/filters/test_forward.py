"""Tests for `jairouter.filters.forward`: what goes to the backend."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.adapters.normal import NormalAdapter
from jairouter.exchange import Answer, Attempt, HeaderPairs
from jairouter.filters.forward import Forward
from jairouter.interfaces import IResponder
from jairouter.upstream.answer_parser import AnswerParser
from jairouter.upstream.response import DONE, BodyTransport, Response
from tests.filters.inner import ROUTE, attempted, exchange, instance, request, run

JSON = (b"Content-Type", b"application/json")


class Transport(BodyTransport):
    """The transport of an answer's body, without a connection; notes what it is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        super().resumeProducing()

    def abortConnection(self) -> None:
        self.calls.append("abort")
        super().abortConnection()


class Arriving:
    """An answer whose body the test sends by hand, to whoever takes it.

    Attributes:
        response: What the agent gives.
        transport: Of the body.
        taken: Who takes it.
    """

    def __init__(self, code: int, pairs: HeaderPairs) -> None:
        parser = AnswerParser()
        parser.feed(b"HTTP/1.1 %d X\r\n" % code + b"".join(b"%b: %b\r\n" % pair for pair in pairs) + b"\r\n")
        assert parser.head_done, parser.fault
        self.transport = Transport()
        self.response = Response(parser, self.transport)

    def send(self, data: bytes) -> None:
        self.response.data_received(data)

    def end(self) -> None:
        self.response.body_ended(DONE)


class Sender:
    """An agent that notes what is sent, and answers when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, HeaderPairs, Any, Any]] = []
        self.answer: Deferred[Any] = Deferred()

    async def post(self, uri: bytes, headers: HeaderPairs, body: Any, attempt: Any) -> Any:
        self.sent.append((uri, headers, body, attempt))
        return await self.answer


class Case(SynchronousTestCase):
    """One exchange that is sent to one instance."""

    def setUp(self) -> None:
        self.agent = Sender()
        agent: Any = self.agent  # Forward asks for the very class that it stands in for
        self.forward = Forward(agent, NormalAdapter(), 1000)

    def send(
        self, *, stream: bool = False, made: dict[str, Any] | None = None, **sent: Any
    ) -> Deferred[Answer]:
        self.exchange = attempted(sent=request(**sent), **(made or {}))
        self.exchange.stream = stream
        return run(self.forward, self.exchange)

    def answered(
        self, code: int, *pairs: tuple[bytes, bytes], stream: bool = False, whole: bytes | None = None
    ) -> Arriving:
        """The head has come, and if it is said so the whole body with it."""
        self.work = self.send(stream=stream)
        arriving = Arriving(code, pairs)
        if whole is not None:
            arriving.response.came_whole(whole)
        self.agent.answer.callback(arriving.response)
        return arriving


class SendingTests(Case):
    """What goes to the backend."""

    def url(self, **sent: Any) -> bytes:
        self.setUp()
        self.send(**sent)
        url: bytes = self.agent.sent[0][0]
        return url

    def headers(self, *pairs: tuple[bytes, bytes], stream: bool = False, **made: Any) -> HeaderPairs:
        self.send(headers=pairs, stream=stream, made=made)
        headers: HeaderPairs = self.agent.sent[0][1]
        return headers

    def test_interface(self) -> None:
        verifyObject(IResponder, self.forward)

    def test_url(self) -> None:
        self.assertEqual(self.url(), b"http://10.0.0.1:9000/v1/chat/completions")
        made = {"base_url": "https://host/base", "path": "/api/chat"}
        self.assertEqual(self.url(made=made), b"https://host/base/api/chat")

    def test_query(self) -> None:
        """The client's, as it was written, behind the instance's own."""
        self.assertEqual(self.url(query=b"a=%20b&c"), b"http://10.0.0.1:9000/v1/chat/completions?a=%20b&c")
        made = {"path": "/chat?api-version=1"}
        self.assertEqual(self.url(query=b"a", made=made), b"http://10.0.0.1:9000/chat?api-version=1&a")

    def test_sibling(self) -> None:
        made = {"path": "/openai/v1/chat/completions"}
        url = self.url(route=ROUTE["/responses"], made=made)
        self.assertEqual(url, b"http://10.0.0.1:9000/openai/v1/responses")

    def test_each_instance_and_route_has_its_own_address(self) -> None:
        """They are remembered, so none may be taken for another."""
        for base in ("http://a", "http://b"):
            backend = instance(base_url=base)
            for suffix in ("/chat/completions", "/responses", "/chat/completions"):
                sent = exchange(request(ROUTE[suffix]))
                sent.attempts.append(Attempt(backend, lambda: 0.0))
                run(self.forward, sent)
                self.assertEqual(self.agent.sent[-1][0], f"{base}/v1{suffix}".encode())

    def test_queries_are_not_remembered(self) -> None:
        """They come from clients, so there is no end of them."""
        backend = instance()
        for number in range(3):
            sent = exchange(request(query=b"n=%d" % number))
            sent.attempts.append(Attempt(backend, lambda: 0.0))
            run(self.forward, sent)
        self.assertEqual([url[-4:] for url, *_ in self.agent.sent], [b"?n=0", b"?n=1", b"?n=2"])
        self.assertEqual(len(self.forward._addresses), 1)

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
        _, _, body, attempt = self.agent.sent[0]
        self.assertIs(body, self.exchange.body)
        self.assertIs(attempt, self.exchange.attempt)
