"""Tests for `jairouter.web.incoming`: what the pipeline gets under our own and under Twisted's channel."""

from __future__ import annotations

import random
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import ModelNotFound, StreamCut
from jairouter.exchange import Answer, HeaderPairs, Request
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.data_plane import DataPlane
from jairouter.web.openai import Models
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.root import build_tree
from tests.fakes import Network
from tests.filters.inner import Source, group
from tests.web.serving import chunked
from tests.web.test_data_plane import Case, Pipeline


class TraversalTests(SynchronousTestCase):
    """The same resources under twisted.web's own channel, which `treq.testing` uses."""

    def setUp(self) -> None:
        self.pipeline = Pipeline()
        self.ledger = Ledger()
        wheel = TimerWheel(Network())
        data_plane = DataPlane(
            self.pipeline, self.ledger, wheel, RequestIds(random.Random(0)), KeepAlive(interval=0)
        )
        models = Models({"chat": {"m": group()}}, lambda: 0)
        self.treq: Any = StubTreq(build_tree(data_plane, models, {}, "/actuator"))

    def post(self) -> Deferred[Any]:
        url = "http://gateway/v1/chat/completions?a=b"
        headers = {"Content-Type": "application/json", "X-Request-Id": "mine"}
        asked: Deferred[Any] = self.treq.post(url, data=b'{"model":"m"}', headers=headers)
        self.treq.flush()
        return asked

    def test_request(self) -> None:
        asked = self.post()
        request = self.pipeline.exchanges[0].request
        self.assertEqual((request.id, request.query), ("mine", b"a=b"))
        self.assertEqual(request.body.data, b'{"model":"m"}')
        self.assertEqual(request.content_type, b"application/json")
        self.pipeline.works[0].callback(Answer(200, (), AnswerBody.of(b"done")))
        self.treq.flush()
        response = self.successResultOf(asked)
        self.assertEqual((response.code, self.successResultOf(response.content())), (200, b"done"))
        self.assertTrue(self.ledger.at_rest)

    def test_stream(self) -> None:
        asked = self.post()
        body = AnswerBody(Source())
        self.pipeline.works[0].callback(Answer(200, (), body, event_stream=True))
        body.chunk(b"data: 1\n\n")
        self.treq.flush()
        response = self.successResultOf(asked)
        content = response.content()
        body.broke(StreamCut("cut"))
        self.treq.flush()
        self.assertIn(b"stream_interrupted", self.successResultOf(content))

    def test_broken(self) -> None:
        asked = self.post()
        body = AnswerBody(Source())
        self.pipeline.works[0].callback(Answer(200, (), body))
        body.chunk(b"some")
        self.treq.flush()
        content = self.successResultOf(asked).content()
        body.broke(StreamCut("cut"))
        self.treq.flush()
        self.failureResultOf(content)

    def test_error(self) -> None:
        asked = self.post()
        self.pipeline.works[0].errback(ModelNotFound("no"))
        self.treq.flush()
        self.assertEqual(self.successResultOf(asked).code, 404)

    def test_models(self) -> None:
        asked = self.treq.get("http://gateway/v1/models")
        self.treq.flush()
        self.assertEqual(self.successResultOf(asked).code, 200)

    def test_headers(self) -> None:
        """Those that ``Connection`` names stay behind; several lines of a name are all there."""
        headers = {"Connection": ["x-one, close", "X-TWO"], "X-One": "1", "x-two": "2", "X-Kept": ["a", "b"]}
        headers["X-Stainless-Retry-Count"] = "3"
        self.treq.post("http://gateway/v1/chat/completions", headers=headers, data=b"{}")
        self.treq.flush()
        found = self.pipeline.exchanges[0].request.headers
        self.assertEqual(self.pipeline.exchanges[0].request.retry_count, b"3")
        self.assertEqual(
            [pair for pair in found if pair[0] == b"X-Kept"], [(b"X-Kept", b"a"), (b"X-Kept", b"b")]
        )
        names = {name.lower() for name, _ in found}
        self.assertTrue(names.isdisjoint({b"connection", b"x-one", b"x-two"}), names)

    def test_nowhere(self) -> None:
        asked = self.treq.get("http://gateway/v1/nowhere")
        self.treq.flush()
        self.assertEqual(self.successResultOf(asked).code, 404)


class HeaderTests(Case):
    """Headers, as they go through the pipeline."""

    def sent(self, *headers: bytes) -> Request:
        """What becomes of a request with these headers."""
        self.ask(*headers)
        return self.pipeline.exchanges[-1].request

    def kept(self, *headers: bytes) -> HeaderPairs:
        """What is left of these headers."""
        return self.sent(*headers).headers[2:]  # without Host and Content-Length

    def test_as_they_came(self) -> None:
        """In order and spelling, as many of a name as there were, whatever hop they are for."""
        self.assertEqual(
            self.kept(b"x-B: 2", b"X-a: 1 ;\xe9", b"X-B:3", b"Keep-Alive: 5", b"Empty:"),
            ((b"x-B", b"2"), (b"X-a", b"1 ;\xe9"), (b"X-B", b"3"), (b"Keep-Alive", b"5"), (b"Empty", b"")),
        )

    def test_named_by_connection(self) -> None:
        self.assertEqual(self.kept(b"X-Mine: 1", b"Connection: X-Mine", b"X-Other: 2"), ((b"X-Other", b"2"),))

    def test_named_in_several_lines(self) -> None:
        """In any spelling, between blanks and commas, before or behind what they name."""
        kept = self.kept(
            b"x-three: 3",
            b"Connection: keep-alive , X-ONE,,",
            b"X-One: 1",
            b"X-Between: b",
            b"CONNECTION:x-Two\t, close",
            b"X-TWO: 2",
            b"x-two: 2",
            b"connection: ,X-Three",
        )
        self.assertEqual(kept, ((b"X-Between", b"b"),))

    def test_connection_that_names_none(self) -> None:
        for value in (b"", b"close", b"Keep-Alive", b"keep-alive, close", b"x"):
            self.assertEqual(self.kept(b"Connection: " + value, b"X-Mine: 1"), ((b"X-Mine", b"1"),), value)

    def test_named_part_of_a_name(self) -> None:
        """That is another name."""
        self.assertEqual(self.kept(b"Connection: X-M, Mine", b"X-Mine: 1"), ((b"X-Mine", b"1"),))

    def test_named_content_type(self) -> None:
        """It does not reach the backend, but is what the body is all the same."""
        request = self.sent(b"Content-Type: text/plain", b"Connection: Content-Type")
        self.assertEqual((request.content_type, request.headers[2:]), (b"text/plain", ()))

    def test_retry_count(self) -> None:
        """As the client's own library counts, in any spelling."""
        self.assertEqual(self.sent().retry_count, b"")
        self.assertEqual(self.sent(b"X-Stainless-Retry-Count: 2").retry_count, b"2")

    def test_no_content_type(self) -> None:
        self.assertEqual(self.sent().content_type, b"")

    def test_several_request_ids(self) -> None:
        """None of them is taken for the one."""
        self.assertRegex(self.sent(b"X-Request-Id: a", b"X-Request-Id: b").id, "^req_")

    def test_trailers(self) -> None:
        """They come too late to be headers."""
        self.serving.ask(chunked(b"{}", trailer=b"X-Late: 1\r\nContent-Type: text/plain\r\n"))
        request = self.pipeline.exchanges[-1].request
        self.assertEqual(request.headers, ((b"Host", b"x"), (b"Transfer-Encoding", b"chunked")))
        self.assertEqual((request.content_type, request.body.data), (b"", b"{}"))
