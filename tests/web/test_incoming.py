"""Tests for `jairouter.web.incoming`: the same resources under twisted.web's own channel."""

from __future__ import annotations

import random
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import ModelNotFound, StreamCut
from jairouter.exchange import Answer
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.data_plane import DataPlane
from jairouter.web.openai import Models
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.root import build_tree
from tests.fakes import Network
from tests.filters.inner import Source
from tests.web.test_data_plane import Pipeline


class TraversalTests(SynchronousTestCase):
    """The same resources under twisted.web's own channel, which `treq.testing` uses."""

    def setUp(self) -> None:
        self.pipeline = Pipeline()
        self.ledger = Ledger()
        wheel = TimerWheel(Network())
        data_plane = DataPlane(
            self.pipeline, self.ledger, wheel, RequestIds(random.Random(0)), KeepAlive(interval=0)
        )
        models = Models({"chat": {"m": ()}}, lambda: 0)
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

    def test_nowhere(self) -> None:
        asked = self.treq.get("http://gateway/v1/nowhere")
        self.treq.flush()
        self.assertEqual(self.successResultOf(asked).code, 404)
