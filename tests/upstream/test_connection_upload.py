"""A request body that goes out piece by piece, and what may happen meanwhile."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.web.client import ResponseDone
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from jairouter.errors import ClientGone
from jairouter.exchange import Phase
from jairouter.interfaces import IRequestBody
from jairouter.upstream.failures import WrongBodyLength
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import OK, Phases, Producer, Upload, request
from tests.upstream.test_connection import LineCase


class FakeTests(LineCase):
    """The fakes are what they say."""

    def test_upload(self) -> None:
        verifyObject(IRequestBody, Upload())

    def test_producer(self) -> None:
        verifyObject(IBodyProducer, Producer())


class HeldTests(LineCase):
    """A body that is in memory."""

    def test_goes_out_with_the_head(self) -> None:
        self.line.send(request(b"body"))
        self.assertTrue(self.line.wire.value().endswith(b"Content-Length: 4\r\n\r\nbody"))
        self.assertIsNone(self.line.wire.producer)

    def test_empty(self) -> None:
        self.line.send(request(b""))
        self.assertTrue(self.line.wire.value().endswith(b"Content-Length: 0\r\n\r\n"))


class UploadTests(LineCase):
    """A body that is still arriving from the client."""

    def start(self, length: int | None = None) -> None:
        """Send a request with an upload."""
        self.upload = Upload(length)
        self.attempt = Phases()
        self.answer = self.line.send(request(WireBody(self.upload), attempt=self.attempt))
        self.head = len(self.line.wire.value())

    @property
    def sent(self) -> bytes:
        """What went out after the head."""
        return bytes(self.line.wire.value()[self.head :])

    def test_chunks(self) -> None:
        self.start()
        self.assertIn(b"\r\nTransfer-Encoding: chunked\r\n", self.line.wire.value())
        self.upload.send(b"hello")
        self.upload.send(b"x" * 17)
        self.upload.end()
        self.assertEqual(self.sent, b"5\r\nhello\r\n11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n")

    def test_length(self) -> None:
        self.start(5)
        self.upload.send(b"he")
        self.upload.send(b"llo")
        self.upload.end()
        self.assertEqual(self.sent, b"hello")

    def test_empty_piece_is_not_the_last_chunk(self) -> None:
        self.start()
        self.upload.send(b"")
        self.assertEqual(self.sent, b"")

    def test_more_than_announced(self) -> None:
        """The rest would be taken for the next request."""
        self.start(3)
        self.upload.send(b"hell")
        self.failureResultOf(self.answer, WrongBodyLength)
        self.assertEqual(self.sent, b"")
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_less_than_announced(self) -> None:
        self.start(3)
        self.upload.send(b"he")
        self.upload.end()
        self.failureResultOf(self.answer, WrongBodyLength)
        self.assert_closed()

    def test_phases(self) -> None:
        self.start()
        self.upload.send(b"x")
        self.assertEqual(self.attempt.entered, [Phase.SENDING])
        self.assertEqual(self.attempt.moved, 1)
        self.upload.end()
        self.assertEqual(self.attempt.entered, [Phase.SENDING, Phase.WAITING])

    def test_the_backend_sets_the_pace(self) -> None:
        """The transport pauses the upload itself when it cannot write."""
        self.start()
        self.line.wire.producer.pauseProducing()
        self.line.wire.producer.resumeProducing()
        self.assertEqual(self.upload.calls, ["start", "pause", "resume"])

    def test_answered_after_its_end(self) -> None:
        self.start()
        self.upload.end()
        self.assertIsNone(self.line.wire.producer)
        self.line.say(OK)
        self.assert_complete(self.answered(self.answer)[1], b"ok")
        self.assert_reusable()

    def test_answered_before_its_end(self) -> None:
        """The answer counts, the rest is not sent, and the connection is of no more use."""
        self.start()
        self.upload.send(b"x")
        self.line.say(OK)
        self.assertIn("stop", self.upload.calls)
        self.assertIsNone(self.line.wire.producer)
        self.assert_complete(self.answered(self.answer)[1], b"ok")
        self.assert_closed()

    def test_answered_before_its_end_is_closed_without_waiting(self) -> None:
        """What the backend does not read any more must not keep the connection open."""
        self.start()
        self.line.say(OK)
        self.assertTrue(self.line.wire.aborted)

    def test_nothing_is_written_after_an_early_answer(self) -> None:
        """Also not by a body that goes on in spite of being stopped."""
        self.start()
        sink = self.upload.sink
        assert sink is not None
        self.line.say(OK[:-1])
        sink.chunk(b"late")
        self.assertEqual(self.sent, b"")
        self.line.say(OK[-1:])
        self.assert_complete(self.answered(self.answer)[1], b"ok")

    def test_interim_answer_before_its_end(self) -> None:
        """The backend says go on, so it goes on."""
        self.start()
        self.line.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.upload.send(b"x")
        self.assertEqual(self.sent, b"1\r\nx\r\n")
        self.assertNotIn("stop", self.upload.calls)
        self.upload.end()
        self.line.say(OK)
        self.assert_complete(self.answered(self.answer)[1], b"ok")
        self.assert_reusable()

    def test_breaks_off(self) -> None:
        """The backend must not take what came for the whole: no last chunk, no clean close."""
        self.start()
        self.upload.send(b"x")
        self.upload.break_off()
        self.failureResultOf(self.answer, ClientGone)
        self.assertNotIn(b"0\r\n\r\n", self.sent)
        self.assertTrue(self.line.wire.aborted)
        self.assertIsNone(self.line.wire.producer)
        self.assert_closed()

    def test_lost(self) -> None:
        self.start()
        self.line.lose(ConnectionLost())
        self.failureResultOf(self.answer, ConnectionLost)
        self.assertIn("stop", self.upload.calls)
        self.assertEqual(self.line.told, ["lost"])

    def test_bad_answer(self) -> None:
        self.start()
        self.line.say(b"what?\r\n")
        self.failureResultOf(self.answer)
        self.assertIn("stop", self.upload.calls)
        self.assert_closed()


class BrokenAtOnceTests(LineCase):
    """A body that is over, one way or another, as soon as it is started."""

    def test_broke(self) -> None:
        class Gone(Upload):
            def start(self, sink: object) -> None:
                sink.broke(ClientGone("gone"))  # type: ignore[attr-defined]

        answer = self.line.send(request(WireBody(Gone())))
        self.failureResultOf(answer, ClientGone)
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_complete(self) -> None:
        class Here(Upload):
            def start(self, sink: object) -> None:
                sink.chunk(b"all")  # type: ignore[attr-defined]
                sink.end()  # type: ignore[attr-defined]

        answer = self.line.send(request(WireBody(Here())))
        self.assertTrue(self.line.wire.value().endswith(b"3\r\nall\r\n0\r\n\r\n"))
        self.line.say(OK)
        self.assert_complete(self.answered(answer)[1], b"ok")
        self.assert_reusable()

    def test_too_long(self) -> None:
        """Stopped, though the connection was closed before it had been started for good."""

        class Long(Upload):
            def start(self, sink: object) -> None:
                self.calls.append("start")
                sink.chunk(b"toolong")  # type: ignore[attr-defined]

        upload = Long(3)
        answer = self.line.send(request(WireBody(upload)))
        self.failureResultOf(answer, WrongBodyLength)
        self.assertIn("stop", upload.calls)
        self.assertIsNone(self.line.wire.producer)


class ForeignProducerTests(LineCase):
    """`IAgent` takes bodies of anybody."""

    def test_complete(self) -> None:
        producer = Producer(4)
        answer = self.line.send(request(producer))
        producer.consumer.write(b"body")
        producer.finished.callback(None)
        self.line.say(OK)
        self.assert_complete(self.answered(answer)[1], b"ok")
        self.assertEqual(producer.stopped, 0)
        self.assert_reusable()

    def test_fails_to_start(self) -> None:
        """Half a request is out: the connection is closed, and the pool told."""
        answer = self.line.send(request(Producer(error=ValueError("no"))))
        self.failureResultOf(answer, ValueError)
        self.assert_closed()

    def test_stopped_by_an_early_answer(self) -> None:
        producer = Producer()
        answer = self.line.send(request(producer))
        self.line.say(OK)
        self.assertEqual(producer.stopped, 1)
        producer.consumer.write(b"late")
        self.assertNotIn(b"late", self.line.wire.value())
        self.assertEqual([end.type for end in self.answered(answer)[1].ends], [ResponseDone])

    def test_fails_half_way(self) -> None:
        producer = Producer()
        answer = self.line.send(request(producer))
        producer.finished.errback(OSError("disk"))
        self.failureResultOf(answer, OSError)
        self.assert_closed()
