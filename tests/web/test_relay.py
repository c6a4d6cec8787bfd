"""Tests for `jairouter.web.relay`."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.codec.sse_watch import Dialect
from jairouter.errors import GatewayError, ShuttingDown, StreamCut
from jairouter.exchange import Answer, BodyKind, HeaderPairs, Route
from jairouter.interfaces import IBodySink, IBodySource
from jairouter.web.relay import KeepAlive, Relay
from tests.filters.inner import Source
from tests.web.serving import GET, Received, Serving, Taker, answers

EVENT = b'data: {"choices":[]}\n\n'
COMMENT = b": keep-alive\n\n"
JSON: HeaderPairs = ((b"Content-Type", b"application/json"),)
ROUTE = Route("/chat/completions", "chat", BodyKind.JSON, Dialect.CHAT)


class Case(SynchronousTestCase):
    """One client that has asked, and a relay to it."""

    keep_alive = KeepAlive()

    def setUp(self) -> None:
        root = Taker()
        self.serving = Serving(root)
        self.client = self.serving.ask(GET)
        request = root.requests[0]
        wheel = self.serving.site.wheel
        self.relay = Relay(request, wheel, self.keep_alive)
        request.notifyFinish().addErrback(lambda _: self.relay.client_gone())
        self.source = Source()
        self.body = AnswerBody(self.source)
        self.done: list[GatewayError | None] = []
        self.body.on_done(self.done.append)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def answer(self, status: int = 200, headers: HeaderPairs = JSON, *, stream: bool = False) -> None:
        self.relay.answer(Answer(status, headers, self.body, stream))

    def run_network(self, seconds: float = 0.0) -> None:
        self.serving.run(seconds)

    def received(self) -> Received:
        self.run_network()
        [answer] = answers(self.client.received)
        return answer

    def error_in(self, data: bytes) -> Any:
        """The error that the last event carries."""
        last = data.strip().rpartition(b"\n\n")[2]
        return json.loads(last.removeprefix(b"data: "))["error"]


class PlainTests(Case):
    """Answers that are no event streams."""

    def test_interfaces(self) -> None:
        verifyObject(IBodySink, self.relay)
        verifyObject(IPushProducer, self.relay)
        verifyObject(IBodySource, self.source)

    def test_complete(self) -> None:
        """An answer that is all here goes out with its length."""
        self.relay.answer(Answer(201, JSON, AnswerBody.of(b"{}")))
        answer = self.received()
        self.assertEqual((answer.status, answer.body, answer.complete), (201, b"{}", True))
        self.assertEqual(answer.headers["content-length"], "2")
        self.assertNotIn("transfer-encoding", answer.headers)

    def test_without_content(self) -> None:
        """204 has no body, so no length either (RFC 9110, section 8.6)."""
        self.relay.answer(Answer(204, (), AnswerBody.of(b"")))
        self.assertNotIn("content-length", self.received().headers)

    def test_head_goes_first(self) -> None:
        """With the first bytes of the body, before the rest is here."""
        self.answer()
        self.body.chunk(b"some")
        answer = self.received()
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"some", False))

    def test_bytes_in_order(self) -> None:
        self.body.chunk(b"one ")
        self.answer()
        self.body.chunk(b"two")
        self.body.end()
        answer = self.received()
        self.assertEqual((answer.body, answer.complete), (b"one two", True))
        self.assertEqual(self.done, [None])

    def test_headers_of_one_name(self) -> None:
        """Each of them is passed on."""
        self.answer(headers=((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")))
        self.body.end()
        self.run_network()
        self.assertEqual(self.client.received.count(b"Set-Cookie: "), 2)

    def test_broken(self) -> None:
        """The client sees that it is not complete: the connection breaks off as well."""
        self.answer()
        self.body.chunk(b"some")
        self.run_network()
        self.body.broke(StreamCut("cut"))
        self.assertFalse(self.received().complete)
        self.assertIsNotNone(self.client.closed)

    def test_error(self) -> None:
        self.relay.fail(ShuttingDown("stopping", retry_after=3))
        answer = self.received()
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "3"))
        self.assertEqual(json.loads(answer.body)["error"]["code"], "shutting_down")

    def test_error_after_the_answer(self) -> None:
        """It comes too late to say anything."""
        self.answer()
        self.relay.fail(ShuttingDown("stopping"))
        self.body.chunk(b"some")
        self.body.end()
        answer = self.received()
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"some", True))


class BackpressureTests(Case):
    """A client that does not read."""

    def flood(self) -> None:
        wire: Any = self.client.transport
        self.wire = wire
        wire.pauseProducing()
        self.answer()
        self.source.calls.clear()
        for _ in range(100):
            if "pause" in self.source.calls:
                break
            self.body.chunk(b"x" * 10_000)
            self.run_network()

    def test_backend_is_paused(self) -> None:
        self.flood()
        self.assertEqual(self.source.calls, ["pause"])
        self.assertLess(len(self.serving.server_end(self.client).sent), 200_000)

    def test_backend_goes_on(self) -> None:
        self.flood()
        self.wire.resumeProducing()
        self.run_network()
        self.assertEqual(self.source.calls, ["pause", "resume"])

    def test_backend_ends_meanwhile(self) -> None:
        """Nothing of it is lost."""
        self.flood()
        self.body.chunk(b"last")
        self.body.end()
        self.assertEqual(self.done, [])
        self.wire.resumeProducing()
        answer = self.received()
        self.assertTrue(answer.complete)
        self.assertTrue(answer.body.endswith(b"xlast"))

    def test_client_leaves(self) -> None:
        self.flood()
        self.client.leave()
        self.run_network()
        self.assertEqual(self.source.calls, ["pause", "abort"])


class LeavingTests(Case):
    """A client that leaves."""

    def leave(self) -> None:
        self.client.leave()
        self.run_network()

    def assert_abandoned(self) -> None:
        self.assertEqual(self.source.calls[-1], "abort")
        self.assertEqual([error and error.status for error in self.done], [499])

    def test_before_the_answer(self) -> None:
        """An answer that comes all the same is given up."""
        self.leave()
        self.answer()
        self.assert_abandoned()

    def test_before_an_error(self) -> None:
        self.leave()
        self.relay.fail(StreamCut("cut"))
        self.assertEqual(bytes(self.client.received), b"")

    def test_in_the_answer(self) -> None:
        self.answer()
        self.body.chunk(b"some")
        self.leave()
        self.assert_abandoned()

    def test_in_a_stream(self) -> None:
        """No timer stays behind."""
        self.answer(stream=True)
        self.body.chunk(EVENT)
        self.leave()
        self.assert_abandoned()
        self.run_network(60)
        self.assertEqual(self.serving.network.getDelayedCalls(), [])

    def test_unnoticed(self) -> None:
        """The transport says so when the relay registers with it; no timer stays behind either."""
        self.serving.server_end(self.client).lost = object()
        self.answer(stream=True)
        self.assert_abandoned()
        self.serving.server_end(self.client).lost = None
        self.run_network(40)
        self.assertEqual(bytes(self.client.received), b"")


class StreamTests(Case):
    """Event streams."""

    def setUp(self) -> None:
        super().setUp()
        self.answer(stream=True)

    def test_bytes_unchanged(self) -> None:
        self.body.chunk(EVENT)
        self.body.chunk(b"data: [DONE]\n\n")
        self.body.end()
        answer = self.received()
        self.assertEqual((answer.body, answer.complete), (EVENT + b"data: [DONE]\n\n", True))

    def test_broken(self) -> None:
        """One error event, a proper end, and no [DONE]."""
        self.body.chunk(EVENT)
        self.body.broke(StreamCut("the backend is gone"))
        answer = self.received()
        self.assertTrue(answer.complete)
        self.assertEqual(self.error_in(answer.body)["code"], "stream_interrupted")
        self.assertEqual(answer.body.count(b"data:"), 2)
        self.assertNotIn(b"[DONE]", answer.body)

    def test_broken_in_an_event(self) -> None:
        """What was begun is ended first, so that the error is an event of its own."""
        self.body.chunk(b'data: {"cho', mid_event=True)
        self.body.broke(StreamCut("the backend is gone"))
        answer = self.received()
        self.assertTrue(answer.body.startswith(b'data: {"cho\n\n'))
        self.assertEqual(self.error_in(answer.body)["code"], "stream_interrupted")

    def test_connection_goes_on(self) -> None:
        self.body.broke(StreamCut("the backend is gone"))
        self.run_network()
        self.assertIsNone(self.client.closed)
