"""Tests for `jairouter.web.data_plane`: the gateway stops and cuts off what is under way."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.exchange import Answer, Exchange
from jairouter.interfaces import IResponder
from tests.fakes import Client
from tests.filters.inner import Source
from tests.web.serving import post
from tests.web.test_data_plane import Case

EVENT = b"data: 1\n\n"


class CutCase(Case):
    """What is under way is cut off; whatever that was, nothing is left of it soon."""

    def cut(self) -> None:
        self.data_plane.cut()
        self.serving.run()

    def begin(self, body: AnswerBody, *, stream: bool = False, length: int | None = None) -> Client:
        """A client whose answer is under way."""
        client = self.ask()
        self.reply(Answer(200, (), body, stream, length))
        return client

    def assert_shutting_down(self, client: Client) -> None:
        """It was told in so many words."""
        self.assertEqual((self.received(client).status, self.error_code(client)), (503, "shutting_down"))


class WaitingTests(CutCase):
    """There is no answer yet."""

    def test_before_the_answer(self) -> None:
        client = self.ask()
        self.cut()
        self.assertEqual((self.received(client).status, self.error_code(client)), (503, "shutting_down"))
        self.assertEqual(self.pipeline.cancelled, 1)

    def test_reason(self) -> None:
        """It is known while it is done, and no longer."""
        self.ask()
        reasons: list[Any] = []
        self.pipeline.on_cancel = lambda: reasons.append(self.data_plane.cutting)
        self.assertIsNone(self.data_plane.cutting)
        self.cut()
        self.assertEqual([reason.code for reason in reasons], ["shutting_down"])
        self.assertIsNone(self.data_plane.cutting)

    def test_nothing_under_way(self) -> None:
        self.cut()

    def test_request_is_not_complete(self) -> None:
        """The client is told all the same, and need not send the rest."""
        client = self.serving.ask(post(b"{}")[:-1])
        self.cut()
        self.assert_shutting_down(client)
        self.assertEqual(self.received(client).headers["connection"], "close")
        self.assertEqual((self.pipeline.cancelled, self.data_plane.open), (1, 0))

    def test_all_of_them(self) -> None:
        clients = [self.ask() for _ in range(3)]
        self.cut()
        for client in clients:
            self.assert_shutting_down(client)
        self.assertEqual((self.pipeline.cancelled, self.data_plane.open), (3, 0))

    def test_next_on_the_connection(self) -> None:
        """The gateway drains before it cuts, so there is none."""
        client = self.serving.ask(post(b"{}") * 2)
        self.serving.site.drain()
        self.cut()
        self.assert_shutting_down(client)
        self.assertEqual((len(self.pipeline.exchanges), self.data_plane.open), (1, 0))

    def test_answer_comes_all_the_same(self) -> None:
        """Too late: its backend is told that nobody wants it."""
        late: Deferred[Answer] = Deferred()

        @implementer(IResponder)
        class Stubborn:
            async def respond(self, exchange: Exchange) -> Answer:
                try:
                    return await Deferred()
                except CancelledError:
                    return await late

        self.data_plane.pipeline = Stubborn()
        client = self.ask()
        self.cut()
        source = Source()
        late.callback(Answer(200, (), AnswerBody(source)))
        self.serving.run()
        self.assert_shutting_down(client)
        self.assertEqual(source.calls, ["abort"])

    def test_error_comes_all_the_same(self) -> None:
        """That is no news, and not logged either: it may be a consequence."""

        @implementer(IResponder)
        class Clumsy:
            async def respond(self, exchange: Exchange) -> Answer:
                try:
                    return await Deferred()
                except CancelledError:
                    raise RuntimeError("broken") from None

        self.data_plane.pipeline = Clumsy()
        client = self.ask()
        self.cut()
        self.assert_shutting_down(client)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_twice(self) -> None:
        client = self.ask()
        self.cut()
        self.cut()
        self.assert_shutting_down(client)


class AnsweringTests(CutCase):
    """An answer is under way."""

    def test_in_a_plain_answer(self) -> None:
        client = self.ask()
        source = Source()
        self.reply(Answer(200, (), AnswerBody(source, b"begun")))
        self.cut()
        self.assertIsNotNone(client.closed)
        self.assertEqual(source.calls, ["resume", "abort"])

    def test_before_the_first_byte_of_a_plain_answer(self) -> None:
        """The backend's head has come, but nothing has gone out: the client gets a status."""
        client = self.ask()
        self.reply(Answer(200, ((b"X-A", b"1"),), AnswerBody(Source())))
        self.cut()
        self.assertEqual((self.received(client).status, self.error_code(client)), (503, "shutting_down"))
        self.assertNotIn(b"X-A", client.received)

    def test_in_a_stream(self) -> None:
        """It is told in-band, and ends properly."""
        client = self.ask()
        self.reply(Answer(200, (), AnswerBody(Source()), event_stream=True))
        self.cut()
        answer = self.received(client)
        self.assertIn(b"shutting_down", answer.body)
        self.assertTrue(answer.complete)

    def test_of_announced_length(self) -> None:
        """What was written arrives, and a plain end says that it is not all."""
        client = self.begin(AnswerBody(Source(), b"begun"), length=10)
        self.cut()
        answer = self.received(client)
        self.assertEqual((answer.body, answer.complete), (b"begun", False))
        assert client.closed is not None
        client.closed.trap(ConnectionDone)

    def test_to_an_old_client(self) -> None:
        """To which only a reset says that it is not all."""
        client = self.serving.ask(post(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.reply(Answer(200, (), AnswerBody(Source(), b"begun")))
        self.cut()
        assert client.closed is not None
        self.assertIsNone(client.closed.check(ConnectionDone))

    def test_in_an_event(self) -> None:
        """What was begun of it is ended, so that the error is an event of its own."""
        body = AnswerBody(Source())
        client = self.begin(body, stream=True)
        body.chunk(b"data: {", mid_event=True)
        self.cut()
        answer = self.received(client)
        self.assertTrue(answer.body.startswith(b"data: {\n\n"))
        self.assertIn(b"shutting_down", answer.body)
        self.assertTrue(answer.complete)

    def test_over(self) -> None:
        """What is answered stays answered; its connection is none of ours."""
        client = self.begin(AnswerBody.of(b"done"))
        self.cut()
        self.assertEqual(self.received(client).body, b"done")
        self.assertIsNone(client.closed)

    def test_several(self) -> None:
        """Each ends in its own way."""
        sources = [Source(), Source()]
        plain = self.begin(AnswerBody(sources[0], b"begun"))
        stream = self.begin(AnswerBody(sources[1], EVENT), stream=True)
        waiting = self.ask()
        self.cut()
        self.assertFalse(self.received(plain).complete)
        self.assertIn(b"shutting_down", self.received(stream).body)
        self.assert_shutting_down(waiting)
        self.assertEqual([source.calls[-1] for source in sources], ["abort", "abort"])
        self.assertEqual(self.data_plane.open, 0)
