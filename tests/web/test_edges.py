"""Tests at the edges between the modules of `jairouter.web`: each of these was wrong once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import BadRequest
from jairouter.exchange import Answer
from jairouter.web.errors import write_error
from jairouter.web.relay import KeepAlive
from jairouter.web.request_parser import HeadLimits
from jairouter.web.site import ConnectionLimits
from tests.filters.inner import Source
from tests.web import test_data_plane, test_data_plane_cut, test_relay, test_request_made, test_request_owner
from tests.web.serving import GET, Later, Serving, chunked, post
from tests.web.test_request_parser import parse


class QueryTests(test_request_made.Case):
    """Arguments."""

    def test_args_that_are_not_ascii(self) -> None:
        """As bytes, whatever they stand for."""
        self.assertEqual(self.ask(path=b"/?a=%C3%A9&b=%FF").args, {b"a": [b"\xc3\xa9"], b"b": [b"\xff"]})


class OwnerTests(test_request_owner.Case):
    """Who is told of the end."""

    def test_first_is_over_before_the_second_is_begun_also_through_twisted(self) -> None:
        write_error(self.begin(GET * 2), BadRequest("no"))
        self.leave()
        self.assertEqual(self.root.notes, ["1 begun", "1 answered", "2 begun", "2 gone"])


class CutTests(test_data_plane_cut.CutCase):
    """Stopping."""

    def test_one_cannot_be_cut(self) -> None:
        """The others are, all the same."""

        def fail(_: object) -> None:
            raise RuntimeError("broken")

        bodies = [AnswerBody(Source()), AnswerBody(Source())]
        bodies[0].on_done(fail)
        clients = [self.begin(body) for body in bodies]
        self.cut()
        self.assert_shutting_down(clients[1])
        self.assertEqual(self.data_plane.open, 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class FaultTests(test_data_plane.Case):
    """Faults of our own."""

    def test_watcher_fails_while_the_client_does_not_read(self) -> None:
        """The connection closes when the client has read what there is, and not a minute later."""
        client = self.serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(post(b"{}"))
        self.serving.run()

        def fail(_: bool) -> None:
            raise RuntimeError("broken")

        body = AnswerBody(Source(), b"x" * 300_000)
        body.on_flow(fail)
        self.reply(Answer(200, (), body))
        wire.resumeProducing()
        self.serving.run(2)
        self.assertIsNotNone(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_answer_can_neither_be_written_nor_settled(self) -> None:
        client = self.ask()

        def fail(_: object) -> None:
            raise RuntimeError("broken")

        body = AnswerBody(Source(), b"x")
        body.on_done(fail)
        unwritable: Any = "no bytes"
        self.reply(Answer(200, ((b"X-A", unwritable),), body))
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.data_plane.open, 0)
        self.flushLoggedErrors()

    def test_pipeline_is_cancelled_by_itself(self) -> None:
        """A CancelledError of which neither client nor cut is the cause must not leave the client waiting."""
        client = self.ask()
        self.reply(CancelledError())
        self.assertEqual((self.received(client).status, self.error_code(client)), (500, "internal_error"))
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)


class CommentTests(test_relay.Case):
    """Keep-alive comments."""

    keep_alive = KeepAlive(interval=15)

    def test_before_the_first_byte(self) -> None:
        """A comment goes behind the head, not before it."""
        self.answer(stream=True)
        self.run_network(16)
        self.assertEqual(self.received().body, b": keep-alive\n\n")
        self.body.chunk(test_relay.EVENT)
        self.body.end()
        self.assertEqual(self.received().body, b": keep-alive\n\n" + test_relay.EVENT)


class ClosingTests(SynchronousTestCase):
    """Closing."""

    def test_resource_closes_and_then_finishes(self) -> None:
        """A closing connection is watched by nothing else: it is given up in its time."""
        root = Later()
        serving = Serving(root, ConnectionLimits(keep_alive_timeout=0.5))
        client = serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(GET)
        serving.run()
        request = root.requests.pop()
        request.setHeader(b"Content-Length", b"50000")
        for _ in range(5):
            request.write(b"x" * 10_000)
        request.loseConnection()
        request.finish()
        serving.run(62)
        self.assertEqual(serving.site.channels, {})


class TrailerTests(SynchronousTestCase):
    """Trailers."""

    def test_trailers_are_no_part_of_the_next_head(self) -> None:
        limits = HeadLimits(max_header_bytes=1000, max_headers=10, max_request_line=100)
        first = chunked(b"abc", trailer=b"T: " + b"t" * 900 + b"\r\n")
        second = GET[:-2] + b"A: " + b"b" * 600 + b"\r\n\r\n"
        for pieces in ([first + second], [first, second]):
            self.assertIsNone(parse(*pieces, limits=limits)[1].error)
