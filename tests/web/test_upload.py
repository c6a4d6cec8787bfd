"""Tests for `jairouter.web.upload`: each arrow of its picture, and how much it holds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.errors import BadRequest, GatewayError
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.pieces import SMALL
from jairouter.web.upload import HELD, Upload
from tests.request_body.rig import allocated, crumbs


class Connection:
    """The client's connection, as an upload sees it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_upload(self) -> None:
        self.calls.append("pause")

    def resume_upload(self) -> None:
        self.calls.append("resume")

    def upload_wanted(self) -> None:
        self.calls.append("wanted")


@implementer(IBodySink)
class Sink:
    """Takes a body; may do something at each piece."""

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[object] = []
        self.on_chunk = lambda: None

    def chunk(self, data: bytes) -> None:
        assert data and not self.ends
        self.data += data
        self.on_chunk()

    def end(self) -> None:
        self.ends.append("end")

    def broke(self, error: GatewayError) -> None:
        self.ends.append(error)


class Case(SynchronousTestCase):
    """A client's connection and a sink."""

    def setUp(self) -> None:
        self.connection = Connection()
        self.sink = Sink()

    def upload(self, length: int | None = None) -> Upload:
        return Upload(self.connection, length)


class UploadTests(Case):
    """From the first byte to the last."""

    def test_interfaces(self) -> None:
        verifyObject(IRequestBody, self.upload())
        verifyObject(IBodySink, self.sink)

    def test_waiting(self) -> None:
        """What comes before somebody wants it is held, and passed on in one go."""
        upload = self.upload()
        upload.received(b"one ")
        upload.received(b"two")
        self.assertEqual((self.sink.data, self.connection.calls), (b"", []))
        upload.start(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), (b"one two", []))

    def test_wanted(self) -> None:
        """The connection is told that the body is wanted, so that a client that waits is told to go on."""
        self.upload().start(self.sink)
        self.assertEqual(self.connection.calls, ["wanted"])

    def test_flowing(self) -> None:
        upload = self.upload()
        upload.start(self.sink)
        upload.received(b"one ")
        self.assertEqual(self.sink.data, b"one ")
        upload.received(b"two")
        upload.finished()
        self.assertEqual((self.sink.data, self.sink.ends), (b"one two", ["end"]))

    def test_complete_before_it_is_wanted(self) -> None:
        """Then nobody has to be told to go on."""
        upload = self.upload()
        upload.received(b"all")
        upload.finished()
        upload.start(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends, self.connection.calls), (b"all", ["end"], []))

    def test_empty(self) -> None:
        """A request without a body is complete from the start, and its end is told once."""
        upload = self.upload(0)
        self.assertTrue(upload.complete)
        upload.start(self.sink)
        upload.finished()
        self.assertEqual(self.sink.ends, ["end"])

    def test_lost(self) -> None:
        """The client left: the sink gets what there is and is told that there is no more."""
        upload = self.upload()
        upload.start(self.sink)
        upload.received(b"half")
        upload.lost()
        [error] = self.sink.ends
        self.assertEqual((self.sink.data, getattr(error, "status", 0)), (b"half", 499))

    def test_lost_before_it_was_wanted(self) -> None:
        upload = self.upload()
        upload.received(b"half")
        upload.lost(BadRequest("why"))
        upload.start(self.sink)
        [error] = self.sink.ends
        self.assertEqual(getattr(error, "message", ""), "why")
        self.assertEqual(self.connection.calls, [])

    def test_lost_when_it_was_complete(self) -> None:
        """It can still be read."""
        upload = self.upload()
        upload.received(b"all")
        upload.finished()
        upload.lost()
        upload.start(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), (b"all", ["end"]))

    def test_lost_twice(self) -> None:
        """The first reason counts."""
        upload = self.upload()
        upload.start(self.sink)
        upload.lost(BadRequest("why"))
        upload.lost()
        self.assertEqual([getattr(error, "status", 0) for error in self.sink.ends], [400])

    def test_stop(self) -> None:
        """What still comes is dropped, and read, so that the connection can be used again."""
        upload = self.upload()
        upload.start(self.sink)
        upload.stop()
        upload.received(b"x" * HELD * 3)
        upload.finished()
        self.assertEqual((self.sink.data, self.sink.ends, upload.complete), (b"", [], True))
        self.assertNotIn("pause", self.connection.calls)

    def test_stop_from_the_sink(self) -> None:
        """In the middle of what is held."""
        upload = self.upload()
        one, two = b"1" * SMALL, b"2" * SMALL
        upload.received(one)
        upload.received(two)
        self.sink.on_chunk = upload.stop
        upload.start(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), (one, []))

    def test_read_once(self) -> None:
        upload = self.upload()
        upload.start(self.sink)
        self.assertRaises(RuntimeError, upload.start, Sink())
        upload.stop()
        self.assertRaises(RuntimeError, upload.start, Sink())
        self.assertFalse(upload.replayable)

    def test_data(self) -> None:
        """The body as a whole exists when all of it is here and nobody has taken any."""
        upload = self.upload()
        upload.received(b"one ")
        self.assertIsNone(upload.data)
        upload.received(b"two")
        upload.finished()
        self.assertEqual(upload.data, b"one two")
        upload.start(self.sink)
        self.assertIsNone(upload.data)

    def test_data_of_what_broke(self) -> None:
        upload = self.upload()
        upload.received(b"one ")
        upload.lost()
        self.assertIsNone(upload.data)


class BackpressureTests(Case):
    """Nobody keeps up: at most so much is held."""

    def test_nobody_wants_it(self) -> None:
        """The connection is read until `HELD` bytes are there, then no more until they are gone."""
        upload = self.upload()
        upload.received(b"x" * (HELD - 1))
        self.assertEqual(self.connection.calls, [])
        upload.received(b"x")
        self.assertEqual(self.connection.calls, ["pause"])
        upload.start(self.sink)
        self.assertEqual(self.connection.calls, ["pause", "wanted", "resume"])

    def test_paused(self) -> None:
        upload = self.upload()
        upload.start(self.sink)
        upload.pause()
        upload.received(b"x" * HELD)
        self.assertEqual((self.sink.data, self.connection.calls), (b"", ["wanted", "pause"]))
        upload.resume()
        self.assertEqual((len(self.sink.data), self.connection.calls), (HELD, ["wanted", "pause", "resume"]))

    def test_paused_again_while_it_catches_up(self) -> None:
        """The sink pauses at the first piece: the second stays, and the connection is not read."""
        upload = self.upload()
        upload.start(self.sink)
        upload.pause()
        upload.received(b"x" * HELD)
        upload.received(b"y")
        self.sink.on_chunk = upload.pause
        upload.resume()
        self.assertEqual((len(self.sink.data), self.connection.calls), (HELD, ["wanted", "pause"]))
        upload.resume()
        self.assertEqual(self.sink.data[-1:], b"y")

    def test_end_waits(self) -> None:
        """The end comes after what is held."""
        upload = self.upload()
        upload.start(self.sink)
        upload.pause()
        upload.received(b"x")
        upload.finished()
        self.assertEqual(self.sink.ends, [])
        upload.resume()
        self.assertEqual((self.sink.data, self.sink.ends), (b"x", ["end"]))

    def test_complete_while_paused(self) -> None:
        """With the last byte the connection is read again: there is nothing left to hold back."""
        upload = self.upload()
        upload.received(b"x" * HELD)
        upload.finished()
        self.assertEqual(self.connection.calls, ["pause", "resume"])

    def test_stopped_while_paused(self) -> None:
        upload = self.upload()
        upload.received(b"x" * HELD)
        upload.stop()
        self.assertEqual(self.connection.calls, ["pause", "resume"])

    def test_lost_while_paused(self) -> None:
        """A connection that is gone is asked for nothing any more."""
        upload = self.upload()
        upload.received(b"x" * HELD)
        upload.lost()
        upload.start(self.sink)
        upload.stop()
        self.assertEqual(self.connection.calls, ["pause"])

    def test_crumbs(self) -> None:
        """Chunks of two bytes each cost hardly more than their bytes, and all of them come out."""
        upload = self.upload()
        used = allocated(upload.received, crumbs(HELD))
        self.assertLess(used, HELD * 1.5)
        self.assertEqual(self.connection.calls, ["pause"])
        upload.start(self.sink)
        self.assertEqual(self.sink.data, b"".join(crumbs(HELD)))

    def test_awaited(self) -> None:
        """Whether it is the client who is slow: somebody wants the body and does not hold it back."""
        upload = self.upload()
        states = [upload.awaited]
        for step in (lambda: upload.start(self.sink), upload.pause, upload.resume, upload.stop):
            step()
            states.append(upload.awaited)
        self.assertEqual(states, [False, True, False, True, True])
