"""Tests of request bodies that come with their heads, against those that come in pieces."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from zope.interface.verify import verifyObject

from jairouter.errors import MethodNotAllowed
from jairouter.interfaces import IRequestBody
from jairouter.request_body.held import HeldBody
from jairouter.web.errors import write_error
from jairouter.web.site import ConnectionLimits
from jairouter.web.upload import Upload
from tests.fakes import Client
from tests.filters.inner import Sink
from tests.web.serving import GET, Echo, Serving, Taker, answers, chunked, post
from tests.web.test_channel import CONTINUE

EMPTY_LINES = b"line\r\n\r\n" * 300
"""What ends a head ends no body."""
EXPECT = b"Expect: 100-continue"


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def setUp(self) -> None:
        self.root = Taker()
        self.serving = self.serve(self.root)

    def serve(self, root: Resource, limits: ConnectionLimits | None = None) -> Serving:
        serving = Serving(root, limits)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def ask(self, *pieces: bytes) -> Any:
        """The request that comes of these pieces."""
        self.client: Client = self.serving.ask(*pieces)
        return self.root.requests[-1]


class WholeTests(Case):
    """A body that is here when its request is begun."""

    def assert_whole(self, data: bytes, body: bytes) -> None:
        upload = self.ask(data).upload
        self.assertIsInstance(upload, HeldBody)
        verifyObject(IRequestBody, upload)
        self.assertEqual((upload.data, upload.length, upload.complete), (body, len(body), True))

    def test_with_length(self) -> None:
        self.assert_whole(post(b"body"), b"body")

    def test_in_chunks(self) -> None:
        """Small ones are one piece by now; and its length is known."""
        for data in (chunked(b"body"), chunked(b"bo", b"d", b"y"), chunked(b"body", trailer=b"T: x\r\n")):
            self.assert_whole(data, b"body")

    def test_empty(self) -> None:
        for data in (GET, post(b""), chunked()):
            self.assert_whole(data, b"")

    def test_behind_others(self) -> None:
        """Each has its own."""
        bodies = (b"one", b"", b"three")
        self.ask(b"".join(map(post, bodies)))
        for body in bodies:
            self.assertEqual(self.root.requests[0].upload.data, body)
            self.root.answer(b"")

    def test_any_number_of_times(self) -> None:
        upload = self.ask(post(b"body")).upload
        self.assertTrue(upload.replayable)
        for _ in range(2):
            sink = Sink()
            upload.start(sink)
            self.assertEqual((sink.data, sink.ends), (b"body", ["end"]))

    def test_is_never_late(self) -> None:
        """The client owes nothing more, however long it is kept waiting."""
        self.ask(post(b"body"))
        self.serving.run(1000)
        self.root.answer(b"done")
        self.serving.run()
        self.assertEqual([answer.status for answer in answers(self.client.received)], [200])
        self.assertIsNone(self.client.closed)

    def test_client_leaves(self) -> None:
        request = self.ask(post(b"body"))
        self.client.leave()
        self.serving.run()
        self.assertEqual(self.root.gone, [request])
        self.assertEqual(request.upload.data, b"body")

    def test_refused(self) -> None:
        """Nothing more can come of it, so the connection goes on."""
        write_error(self.ask(post(b"body")), MethodNotAllowed("no"))
        self.serving.run()
        self.assertNotIn("connection", answers(self.client.received)[0].headers)
        self.assertIsNone(self.client.closed)


class PiecesTests(Case):
    """A body of which a part is missing, or that is not in one piece: it is an upload."""

    def assert_upload(self, length: int | None, body: bytes, *pieces: bytes) -> None:
        upload = self.ask(*pieces).upload
        self.assertIsInstance(upload, Upload)
        self.assertEqual((upload.length, upload.data, upload.complete), (length, body, True))

    def test_rest_comes_later(self) -> None:
        self.assert_upload(4, b"body", post(b"body")[:-1], b"y")
        self.assert_upload(4, b"body", post(b"body")[:-4], b"body")
        self.assert_upload(None, b"body", chunked(b"body")[:-2], b"\r\n")

    def test_large_chunks(self) -> None:
        """They are not copied to be one piece before anybody wants that."""
        one, two = b"1" * 5000, b"2" * 5000
        self.assert_upload(None, one + two, chunked(one, two))

    def test_incomplete(self) -> None:
        """Then nobody has the whole of it."""
        upload = self.ask(post(b"body")[:-1]).upload
        self.assertEqual((upload.data, upload.complete), (None, False))


class EitherWayTests(Case):
    """Who reads a body cannot tell how it came."""

    def bodies(self, serving: Serving, data: bytes) -> set[bytes]:
        bodies = set()
        for pieces in ([data], [data[:-1], data[-1:]], [data[: data.index(b"\r\n\r\n") + 4], b"", data[-4:]]):
            client = serving.ask(*pieces)
            bodies |= {answer.body for answer in answers(client.received)}
        return bodies

    def test_ordinary_resource(self) -> None:
        self.assertEqual(self.bodies(self.serve(Echo()), post(b"body")), {b"POST / body"})

    def test_too_large(self) -> None:
        """For a resource that has its body held."""
        root = Echo()
        serving = self.serve(root, ConnectionLimits(max_held_body=3))
        [body] = self.bodies(serving, post(b"body"))
        self.assertIn(b"larger than 3 bytes", body)
        self.assertEqual(root.seen, [])

    def test_sink(self) -> None:
        for pieces in ([post(b"body")], [post(b"body")[:-1], b"y"], [chunked(b"bo", b"dy")]):
            sink = Sink()
            self.ask(*pieces).upload.start(sink)
            self.assertEqual((sink.data, sink.ends), (b"body", ["end"]), pieces)

    def test_more_than_is_parsed_ahead(self) -> None:
        """All of it is here, though not all was looked at when its head was."""
        upload = self.ask(post(EMPTY_LINES)).upload
        self.assertEqual((upload.data, upload.length, upload.complete), (EMPTY_LINES, len(EMPTY_LINES), True))

    def test_next_request(self) -> None:
        """It is found behind either."""
        serving = self.serve(Echo())
        for first in (post(EMPTY_LINES), post(b"body"), chunked(b"bo", b"dy"), chunked(b"body"), chunked()):
            for second in (GET, post(b"more")):
                client = serving.ask(first + second)
                [_, answer] = answers(client.received)
                self.assertEqual(answer.body, b"POST / more" if second != GET else b"GET / ")


class ExpectTests(Case):
    """``Expect: 100-continue`` where there is nothing to wait for."""

    def test_whole(self) -> None:
        """An interim answer would only be noise."""
        request = self.ask(post(b"body", b"/", EXPECT))
        request.upload.start(Sink())
        self.assertTrue(request.expects_continue)
        self.root.answer(b"done")
        self.serving.run()
        self.assertTrue(self.client.received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertNotIn(CONTINUE, self.client.received)

    def test_empty(self) -> None:
        self.ask(post(b"", b"/", EXPECT)).upload.start(Sink())
        self.serving.run()
        self.assertEqual(bytes(self.client.received), b"")

    def test_pieces(self) -> None:
        """A body that is all here although it came in pieces."""
        self.ask(post(b"body", b"/", EXPECT)[:-1], b"y").upload.start(Sink())
        self.serving.run()
        self.assertEqual(bytes(self.client.received), b"")

    def test_refused(self) -> None:
        """The body is here, so nothing unexpected can come any more."""
        write_error(self.ask(post(b"body", b"/", EXPECT)), MethodNotAllowed("no"))
        self.serving.run()
        self.assertEqual([answer.status for answer in answers(self.client.received)], [405])
        self.assertIsNone(self.client.closed)
