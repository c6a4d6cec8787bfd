"""Tests for `jairouter.filters.memory`: which answers are remembered, of whom, and for whom."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import StreamCut, UpstreamRefusal
from jairouter.exchange import Answer, Exchange, HeaderPairs
from jairouter.filters.memory import Memory
from jairouter.traffic.answer_cache import AnswerCache
from tests.filters.inner import ROUTE, Sink, Source, exchange, request

JSON = ((b"Content-Type", b"application/json"),)
ASKED = b'{"model":"m"}'


class Case(SynchronousTestCase):
    """A memory with a clock."""

    def setUp(self) -> None:
        self.now = 100.0
        self.cache = AnswerCache(10, 60.0, 50, 1_000_000)
        self.memory = Memory(self.cache, lambda: self.now)

    def asked(self, body: bytes = ASKED, model: str = "m", **made: Any) -> Exchange:
        return exchange(request(body=body, **made), model)

    def answer(
        self, body: AnswerBody | bytes = b"{}", headers: HeaderPairs = JSON, status: int = 200
    ) -> Answer:
        return Answer(status, headers, AnswerBody.of(body) if isinstance(body, bytes) else body)

    def remembered(self, asked: Exchange | None = None) -> bytes | None:
        answer = self.memory.recall(asked or self.asked())
        return None if answer is None else answer.body.take()


class WhichTests(Case):
    """Only good ones, and all of them."""

    def pieces(self, length: int | None = None) -> tuple[AnswerBody, Answer]:
        body = AnswerBody(Source())
        return body, self.memory.watch(self.asked(), self.answer(body)._replace(length=length))

    def test_whole(self) -> None:
        answer = self.answer(b"abc")
        self.assertIs(self.memory.watch(self.asked(), answer), answer)
        self.assertEqual((self.remembered(), answer.body.take()), (b"abc", b"abc"))

    def test_in_pieces(self) -> None:
        body, answer = self.pieces(2)
        self.assertEqual((answer.status, answer.headers, answer.length), (200, JSON, 2))
        answer.body.deliver(Sink())
        body.chunk(b"a")
        body.chunk(b"b")
        self.assertIsNone(self.remembered())
        body.end()
        self.assertEqual(self.remembered(), b"ab")

    def test_not_complete(self) -> None:
        for end in (lambda body: body.broke(StreamCut("")), lambda body: body.end(told=UpstreamRefusal(""))):
            body, answer = self.pieces()
            answer.body.deliver(Sink())
            body.chunk(b"a")
            end(body)
            self.assertIsNone(self.remembered())

    def test_the_client_leaves(self) -> None:
        body, answer = self.pieces()
        answer.body.deliver(Sink())
        body.chunk(b"a")
        answer.body.abandon()
        body.end()
        self.assertIsNone(self.remembered())

    def test_too_large(self) -> None:
        self.memory.watch(self.asked(), self.answer(b"x" * 51))
        self.assertIsNone(self.remembered())
        body, answer = self.pieces(51)
        self.assertIs(answer.body, body)

    def test_no_good_ones(self) -> None:
        self.memory.watch(self.asked(), self.answer(status=404))
        self.memory.watch(self.asked(), self.answer(b'{"error": {"message": "as 200"}}'))
        self.assertIsNone(self.remembered())

    def test_what_only_looks_like_an_error(self) -> None:
        for data in (
            b'{"error":null}',
            b'["error"]',
            b'{"a":"error"}',
            b'data: {"error":null}\n\n',
            b'"error"',
        ):
            self.memory.watch(self.asked(), self.answer(data))
            self.assertEqual(self.remembered(), data)

    def test_one_side_wants_nothing_stored(self) -> None:
        said = ((b"Cache-Control", b"private, No-Store"),)
        self.memory.watch(self.asked(headers=said), self.answer())
        self.assertEqual(len(self.cache), 0)
        self.memory.watch(self.asked(), self.answer(headers=said))
        self.assertIsNone(self.remembered())

    def test_a_request_that_is_not_in_memory(self) -> None:
        asked = self.asked()
        asked.body.data = None
        answer = self.answer()
        self.assertIs(self.memory.watch(asked, answer), answer)
        self.assertIsNone(self.memory.recall(asked))


class WhomTests(Case):
    """Only the same request of the same caller."""

    def test_other_requests(self) -> None:
        one = (b"Authorization", b"Bearer one")
        known = self.asked(headers=(one,), query=b"a=1")
        self.memory.watch(known, self.answer())
        self.assertIsNotNone(
            self.remembered(self.asked(headers=((b"X-Request-Id", b"7"), one), query=b"a=1"))
        )
        for other in (
            self.asked(headers=((b"Authorization", b"Bearer two"),), query=b"a=1"),
            self.asked(headers=(), query=b"a=1"),
            self.asked(headers=(one,), query=b"a=2"),
            self.asked(headers=(one,), query=b"a=1", body=ASKED + b" "),
            self.asked(headers=(one,), query=b"a=1", model="n"),
            self.asked(headers=(one,), query=b"a=1", route=ROUTE["/responses"]),
            self.asked(headers=(one, (b"Accept-Encoding", b"gzip")), query=b"a=1"),
            self.asked(headers=(one, (b"OpenAI-Organization", b"o")), query=b"a=1"),
            self.asked(headers=(one, (b"X-Forwarded-User", b"bob")), query=b"a=1"),
        ):
            self.assertIsNone(self.remembered(other), other.request)

    def test_callers_without_a_key_are_told_by_their_address(self) -> None:
        self.memory.watch(self.asked(), self.answer())
        there = request(body=ASKED)._replace(client_ip="192.0.2.9")
        self.assertIsNone(self.remembered(exchange(there, "m")))

    def test_each_key_makes_a_caller(self) -> None:
        for name in (b"Authorization", b"X-API-Key", b"api-key", b"Jairouter_Token"):
            self.memory.watch(self.asked(headers=((name, b"one"),)), self.answer())
            self.assertIsNone(self.remembered(self.asked(headers=((name, b"two"),))), name)

    def test_headers_of_the_moment(self) -> None:
        """With them no two requests would be the same; the SDK's own second try least of all."""
        self.memory.watch(self.asked(), self.answer())
        names = (
            b"traceparent",
            b"X-Amzn-Trace-Id",
            b"x-stainless-retry-count",
            b"X-B3-SpanId",
            b"b3",
            b"Date",
        )
        for name in (*names, b"X-Request-ID", b"X-Correlation-Id", b"Idempotency-Key", b"baggage"):
            self.assertIsNotNone(self.remembered(self.asked(headers=((name, b"7"),))), name)

    def test_the_order_of_headers_means_nothing(self) -> None:
        pairs = ((b"A", b"1"), (b"B", b"2"))
        self.memory.watch(self.asked(headers=pairs), self.answer())
        self.assertIsNotNone(self.remembered(self.asked(headers=pairs[::-1])))

    def test_the_order_of_the_values_of_one_header(self) -> None:
        pairs = ((b"A", b"1"), (b"A", b"2"))
        self.memory.watch(self.asked(headers=pairs), self.answer())
        self.assertIsNone(self.remembered(self.asked(headers=pairs[::-1])))

    def test_parts_do_not_run_together(self) -> None:
        self.memory.watch(self.asked(query=b"ab", headers=((b"Accept", b"c"),)), self.answer())
        self.assertIsNone(self.remembered(self.asked(query=b"a", headers=((b"Accept", b"bc"),))))


class HowTests(Case):
    """What the answer is like."""

    def test_headers(self) -> None:
        """Those about the body, and how old it is; none of that moment."""
        then = (
            *JSON,
            (b"content-encoding", b"gzip"),
            (b"X-RateLimit-Remaining-Requests", b"3"),
            (b"openai-processing-ms", b"7"),
            (b"Retry-After", b"7"),
        )
        self.memory.watch(self.asked(), self.answer(headers=then, status=201))
        self.now += 7.9
        answer = self.memory.recall(self.asked())
        assert answer is not None
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.headers, (*JSON, (b"content-encoding", b"gzip"), (b"Age", b"7")))

    def test_time_to_live(self) -> None:
        self.memory.watch(self.asked(), self.answer())
        self.now += 60
        self.assertIsNone(self.remembered())

    def test_a_client_that_was_promised_events(self) -> None:
        asked = self.asked()
        asked.committed = True
        self.memory.watch(asked, self.answer())
        self.assertIsNone(self.remembered(asked))
        self.memory.watch(asked, self.answer()._replace(event_stream=True))
        answer = self.memory.recall(asked)
        assert answer is not None
        self.assertTrue(answer.event_stream)
