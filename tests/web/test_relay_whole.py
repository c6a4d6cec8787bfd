"""Tests for `jairouter.web.relay`: answers that are all here, and giving up."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, StreamCut
from jairouter.exchange import Answer
from jairouter.web.relay import KeepAlive, Relay
from tests.filters.inner import Source
from tests.web.serving import Received, Serving, Taker, answers, post
from tests.web.test_relay import JSON, Case


class WholeTests(Case):
    """An answer that is all here when it comes is written at once."""

    def test_settled_before_it_is_written(self) -> None:
        """A client that has its answer must not find its own slot still taken."""
        seen: list[tuple[GatewayError | None, int]] = []
        wire = self.serving.server_end(self.client)
        body = AnswerBody.of(b"done")
        body.on_done(lambda error: seen.append((error, len(wire.sent))))
        self.relay.answer(Answer(200, JSON, body))
        self.assertEqual(seen, [(None, 0)])
        self.assertEqual(self.received().body, b"done")

    def test_what_was_passed_on(self) -> None:
        """It is counted before it is settled, for who records it."""
        counted: list[int] = []
        body = AnswerBody.of(b"done")
        body.on_done(lambda _: counted.append(body.passed_on))
        self.relay.answer(Answer(200, JSON, body))
        self.assertEqual(counted, [4])

    def test_came_in_pieces(self) -> None:
        """They are one by now, and their length is known."""
        for piece in (b"one ", b"two"):
            self.body.chunk(piece)
        self.body.end()
        self.answer()
        answer = self.received()
        self.assertEqual((answer.body, answer.headers["content-length"]), (b"one two", "7"))
        self.assertEqual(self.done, [None])

    def test_one_write(self) -> None:
        writes: list[bytes] = []
        channel = self.serving.server_end(self.client).protocol
        self.patch(channel, "write", writes.append)
        self.relay.answer(Answer(200, JSON, AnswerBody.of(b"done")))
        self.assertEqual(len(writes), 1)

    def test_nobody_produces(self) -> None:
        """There is nothing to hold back, so nobody takes the channel's place at the transport."""
        producers: list[object] = []
        channel = self.serving.server_end(self.client).protocol
        self.patch(channel, "registerProducer", lambda producer, _: producers.append(producer))
        self.relay.answer(Answer(200, JSON, AnswerBody.of(b"done")))
        self.assertEqual((self.received().body, producers), (b"done", []))

    def test_empty(self) -> None:
        self.relay.answer(Answer(200, JSON, AnswerBody.of(b"")))
        answer = self.received()
        self.assertEqual((answer.headers["content-length"], answer.body, answer.complete), ("0", b"", True))

    def test_event_stream(self) -> None:
        """Nobody expects one to have a length; and it gets no comments any more."""
        self.relay.answer(Answer(200, (), AnswerBody.of(b"data: 1\n\n"), event_stream=True))
        answer = self.received()
        self.assertEqual((answer.body, answer.complete), (b"data: 1\n\n", True))
        self.assertEqual(answer.headers["transfer-encoding"], "chunked")
        self.run_network(60)
        self.assertEqual(len(answers(self.client.received)), 1)

    def test_client_has_left(self) -> None:
        body = AnswerBody.of(b"done")
        body.on_done(self.done.append)
        self.client.leave()
        self.run_network()
        self.relay.answer(Answer(200, JSON, body))
        self.assertEqual([error and error.status for error in self.done], [499])
        self.assertEqual(bytes(self.client.received), b"")

    def test_error_afterwards(self) -> None:
        """It comes too late to say anything."""
        self.relay.answer(Answer(200, JSON, AnswerBody.of(b"done")))
        self.relay.fail(StreamCut("cut"))
        self.assertEqual(self.received().body, b"done")


class AnnouncedTests(Case):
    """An answer that still arrives, but has said how long it is."""

    def answer_with_length(self) -> None:
        self.relay.answer(Answer(200, JSON, self.body, length=8))
        self.body.chunk(b"some")

    def test_length_is_passed_on(self) -> None:
        self.answer_with_length()
        self.body.chunk(b"more")
        self.body.end()
        answer = self.received()
        self.assertEqual((answer.headers["content-length"], answer.body), ("8", b"somemore"))
        self.assertNotIn("transfer-encoding", answer.headers)

    def test_broken(self) -> None:
        """What came before the break arrives, and a plain end says that it is not all."""
        self.answer_with_length()
        self.body.broke(StreamCut("cut"))
        answer = self.received()
        self.assertEqual((answer.body, answer.complete), (b"some", False))
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)


class GiveUpTests(SynchronousTestCase):
    """Something in the gateway failed: neither side waits for the other any more."""

    def setUp(self) -> None:
        self.root = Taker()
        self.serving = Serving(self.root)
        self.client = self.serving.ask(post(b"{}"))
        self.request = self.root.requests[0]
        self.relay = Relay(self.request, self.serving.site.wheel, KeepAlive())
        self.request.notifyFinish().addErrback(lambda _: self.relay.client_gone())
        self.source = Source()
        self.body = AnswerBody(self.source)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def give_up(self) -> list[Received]:
        self.relay.give_up()
        self.serving.run()
        return answers(self.client.received)

    def assert_over(self) -> None:
        """Nothing is left of it on either side, and no timer."""
        self.assertEqual(self.source.calls[-1:], ["abort"])
        self.assertIsNotNone(self.client.closed)
        self.assertEqual(self.serving.site.channels, {})
        self.assertEqual(self.serving.network.getDelayedCalls(), [])

    def test_before_the_answer(self) -> None:
        """Without one word of it: an answer that is begun now would be believed."""
        self.assertEqual(self.give_up(), [])
        self.assertIsNotNone(self.client.closed)

    def test_before_the_first_byte(self) -> None:
        self.relay.answer(Answer(200, JSON, self.body))
        self.assertEqual(self.give_up(), [])
        self.assert_over()

    def test_in_the_answer(self) -> None:
        """The client sees that it is not complete; the backend is told at once."""
        self.relay.answer(Answer(200, JSON, self.body))
        self.body.chunk(b"some")
        self.relay.give_up()
        self.assertEqual(self.source.calls[-1:], ["abort"])
        self.serving.run()
        [answer] = answers(self.client.received)
        self.assertEqual((answer.body, answer.complete), (b"some", False))
        self.assert_over()

    def test_in_a_stream(self) -> None:
        """There is no event to end it with."""
        self.relay.answer(Answer(200, (), self.body, event_stream=True))
        self.body.chunk(b"data: 1\n\n")
        [answer] = self.give_up()
        self.assertEqual((answer.body, answer.complete), (b"data: 1\n\n", False))
        self.assert_over()

    def test_client_has_left(self) -> None:
        self.relay.answer(Answer(200, JSON, self.body))
        self.client.leave()
        self.serving.run()
        self.assertEqual(self.give_up(), [])
        self.assert_over()

    def test_answered_already(self) -> None:
        """Then there is nothing to give up, and what comes next on the connection is not ours to break."""
        self.relay.answer(Answer(200, JSON, AnswerBody.of(b"done")))
        self.assertEqual([each.body for each in self.give_up()], [b"done"])
        self.assertIsNone(self.client.closed)

    def test_twice(self) -> None:
        self.relay.answer(Answer(200, JSON, self.body))
        self.body.chunk(b"some")
        self.relay.give_up()
        self.give_up()
        self.assertEqual(self.source.calls.count("abort"), 1)
        self.assert_over()
