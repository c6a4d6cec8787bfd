"""Tests for `jairouter.web.data_plane`: from a request to the pipeline and back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import ModelNotFound, StreamCut
from jairouter.exchange import Answer, Exchange
from jairouter.interfaces import IResponder
from jairouter.routes import ROUTES
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.data_plane import DataPlane
from jairouter.web.openai import Operation
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from tests.fakes import Client, Network
from tests.filters.inner import Source
from tests.web.serving import Received, Serving, answers, post

CHAT = ROUTES[0]


@implementer(IResponder)
class Pipeline:
    """Answers when the test says so.

    Attributes:
        exchanges: What came.
        works: The Deferreds that are waited for.
        cancelled: How many of them were cancelled.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.works: list[Deferred[Answer]] = []
        self.cancelled = 0
        self.on_cancel: Callable[[], None] = lambda: None

    async def respond(self, exchange: Exchange) -> Answer:
        self.exchanges.append(exchange)
        self.works.append(Deferred())
        try:
            return await self.works[-1]
        except CancelledError:
            self.cancelled += 1
            self.on_cancel()
            raise


class Case(SynchronousTestCase):
    """A data plane with a pipeline played by hand."""

    keep_alive = KeepAlive(interval=0)

    def setUp(self) -> None:
        self.pipeline = Pipeline()
        self.ledger = Ledger()
        self.seed = random.Random(0)
        self.network = Network()
        self.data_plane = DataPlane(
            self.pipeline, self.ledger, TimerWheel(self.network), RequestIds(self.seed), self.keep_alive
        )
        self.serving = Serving(Operation(CHAT, self.data_plane))
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        self.assertEqual(self.serving.close(), [])
        self.assertTrue(self.ledger.at_rest, self.ledger)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def ask(self, *headers: bytes, path: bytes = b"/") -> Client:
        return self.serving.ask(post(b"{}", path, *headers))

    def reply(self, answer: Answer | Exception) -> None:
        work = self.pipeline.works.pop(0)
        if isinstance(answer, Answer):
            work.callback(answer)
        else:
            work.errback(answer)
        self.serving.run()

    def received(self, client: Client) -> Received:
        [answer] = answers(client.received)
        return answer

    def error_code(self, client: Client) -> Any:
        return json.loads(self.received(client).body)["error"]["code"]


class ServeTests(Case):
    """One request and its answer."""

    def test_interface(self) -> None:
        verifyObject(IResponder, self.pipeline)

    def test_what_the_pipeline_gets(self) -> None:
        self.ask(b"Content-Type: application/json", b"X-Mine: 1", path=b"/?a=%20b")
        request = self.pipeline.exchanges[0].request
        self.assertEqual((request.route, request.query, request.client_ip), (CHAT, b"a=%20b", "127.0.0.1"))
        self.assertEqual(request.content_type, b"application/json")
        self.assertIn((b"X-Mine", b"1"), request.headers)
        self.assertEqual(request.body.data, b"{}")

    def test_answer(self) -> None:
        client = self.ask()
        self.assertEqual(self.data_plane.open, 1)
        self.reply(Answer(201, (), AnswerBody.of(b"done")))
        self.assertEqual((self.received(client).status, self.received(client).body), (201, b"done"))
        self.assertEqual(self.data_plane.open, 0)

    def test_open_until_the_last_byte(self) -> None:
        self.ask()
        body = AnswerBody(Source())
        self.reply(Answer(200, (), body))
        body.chunk(b"some")
        self.assertEqual(self.data_plane.open, 1)
        body.end()
        self.assertEqual(self.data_plane.open, 0)

    def test_not_counted_by_the_site(self) -> None:
        """The pipeline's own recorders do that."""
        self.ask()
        self.reply(Answer(200, (), AnswerBody.of(b"")))
        self.assertEqual(self.serving.counted, [])


class RequestIdTests(Case):
    """X-Request-Id: taken over when it is sane, else made."""

    def request_id(self, *headers: bytes) -> str:
        client = self.ask(*headers)
        self.reply(Answer(200, (), AnswerBody.of(b"")))
        given = self.pipeline.exchanges[-1].request.id
        self.assertEqual(self.received(client).headers["x-request-id"], given)
        return given

    def test_given(self) -> None:
        self.assertEqual(self.request_id(b"X-Request-Id: My-Id_1:2/3+4=.5"), "My-Id_1:2/3+4=.5")

    def test_made(self) -> None:
        """Each its own."""
        first, second = self.request_id(), self.request_id()
        self.assertRegex(first, "^req_[0-9a-f]{32}$")
        self.assertNotEqual(first, second)

    def test_not_sane(self) -> None:
        """What could forge a line of a log, or fill it, is not taken over."""
        for given in (b"", b"a b", b"a\xffb", b"a{b}", b"x" * 129):
            self.assertRegex(self.request_id(b"X-Request-Id: " + given), "^req_", str(given))


class ErrorTests(Case):
    """Endings without an answer."""

    def test_gateway_error(self) -> None:
        client = self.ask()
        self.reply(ModelNotFound("no such model", param="model"))
        self.assertEqual((self.received(client).status, self.error_code(client)), (404, "model_not_found"))
        self.assertIn("x-request-id", self.received(client).headers)

    def test_error_is_not_counted_by_the_site(self) -> None:
        """The pipeline's own recorders have counted it."""
        self.ask()
        self.reply(ModelNotFound("no such model"))
        self.assertEqual(self.serving.counted, [])

    def test_body_breaks(self) -> None:
        client = self.ask()
        body = AnswerBody(Source())
        self.reply(Answer(200, (), body))
        body.chunk(b"some")
        self.serving.run()
        body.broke(StreamCut("cut"))
        self.serving.run()
        self.assertFalse(self.received(client).complete)


class LeavingTests(Case):
    """The client leaves."""

    def leave(self, client: Client) -> None:
        client.leave()
        self.serving.run()

    def test_before_the_answer(self) -> None:
        self.leave(self.ask())
        self.assertEqual(self.pipeline.cancelled, 1)

    def test_in_the_answer(self) -> None:
        client = self.ask()
        source = Source()
        self.reply(Answer(200, (), AnswerBody(source)))
        self.leave(client)
        self.assertEqual(source.calls, ["resume", "abort"])
        self.assertEqual(self.pipeline.cancelled, 0)

    def test_in_its_request(self) -> None:
        client = self.serving.ask(post(b"{}")[:-1])
        self.leave(client)
        self.assertEqual(self.pipeline.cancelled, 1)

    def test_after_the_answer(self) -> None:
        """Then nobody need be told."""
        client = self.ask()
        self.reply(Answer(200, (), AnswerBody.of(b"done")))
        self.leave(client)
        self.assertEqual((self.received(client).body, self.pipeline.cancelled), (b"done", 0))

    def test_between_two(self) -> None:
        """The first was answered, the second is cancelled."""
        client = self.serving.ask(post(b"{}") * 2)
        self.reply(Answer(200, (), AnswerBody.of(b"done")))
        self.assertEqual((len(self.pipeline.exchanges), self.data_plane.open), (2, 1))
        self.leave(client)
        self.assertEqual((self.pipeline.cancelled, self.data_plane.open), (1, 0))


class TimerTests(Case):
    """With comments before the first event switched on, there is a timer before there is an answer."""

    keep_alive = KeepAlive(before_first_event=5)

    def test_client_leaves(self) -> None:
        """It goes with the client."""
        client = self.ask()
        self.assertEqual(len(self.network.getDelayedCalls()), 1)
        client.leave()
        self.serving.run()
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_answered(self) -> None:
        self.ask()
        self.reply(Answer(200, (), AnswerBody.of(b"")))
        self.assertEqual(self.network.getDelayedCalls(), [])
