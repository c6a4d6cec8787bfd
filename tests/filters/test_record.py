"""Tests for `jairouter.filters.record`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, ModelNotFound, ShuttingDown, StreamCut
from jairouter.exchange import Exchange
from jairouter.filters.record import Record
from jairouter.interfaces import IRecorder, IResponder
from tests.filters.inner import Inner, Sink, exchange, run


@implementer(IRecorder)
class Recorder:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Exchange, int, int, int | None]] = []

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        self.told.append((exchange, status, sent, None if error is None else error.status))


class Broken(Recorder):
    """Fails."""

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        raise RuntimeError("broken")


class RecordTests(SynchronousTestCase):
    """Each ending is told exactly once."""

    def setUp(self) -> None:
        self.inner = Inner()
        self.recorder = Recorder()
        self.record = Record(self.inner, [self.recorder])
        self.exchange = exchange()
        self.work = run(self.record, self.exchange)

    def assert_told(self, status: int, sent: int, error: int | None) -> None:
        self.assertEqual(self.recorder.told, [(self.exchange, status, sent, error)])

    def deliver(self, chunks: tuple[bytes, ...], end: Callable[[AnswerBody], None]) -> None:
        body = self.inner.answer(status=201)
        self.successResultOf(self.work)
        body.deliver(Sink())
        for data in chunks:
            body.chunk(data)
        self.assertEqual(self.recorder.told, [])
        end(body)

    def test_interfaces(self) -> None:
        verifyObject(IResponder, self.record)
        verifyObject(IResponder, self.inner)
        verifyObject(IRecorder, self.recorder)

    def test_complete(self) -> None:
        """After the last byte, with the bytes that went out."""
        self.deliver((b"abc", b"de"), AnswerBody.end)
        self.assert_told(201, 5, None)

    def test_complete_at_once(self) -> None:
        body = self.inner.answer(AnswerBody.of(b"abc"))
        self.successResultOf(self.work)
        body.deliver(Sink())
        self.assert_told(200, 3, None)

    def test_complete_in_one_piece(self) -> None:
        """Taken instead of delivered, as the relay does with small answers."""
        body = self.inner.answer(AnswerBody.of(b"abc"))
        self.successResultOf(self.work)
        self.assertEqual(self.recorder.told, [])
        self.assertEqual(body.take(), b"abc")
        self.assert_told(200, 3, None)

    def test_held_back_bytes_do_not_count(self) -> None:
        """Only what was passed on has been sent."""
        body = self.inner.answer(status=201)
        self.successResultOf(self.work)
        body.deliver(Sink())
        body.chunk(b"abc")
        body.pause()
        body.chunk(b"de")
        body.abandon()
        self.assert_told(499, 3, 499)

    def test_broken_before_the_first_byte(self) -> None:
        """Then the client may still be told with another status."""
        self.deliver((), lambda body: body.broke(StreamCut("cut")))
        self.assert_told(502, 0, 502)

    def test_broken(self) -> None:
        """With the status with which it was begun."""
        self.deliver((b"abc",), lambda body: body.broke(StreamCut("cut")))
        self.assert_told(201, 3, 502)

    def test_error_in_band(self) -> None:
        self.deliver((b"abc",), lambda body: body.end(told=StreamCut("told")))
        self.assert_told(201, 3, 502)

    def test_client_left_in_the_answer(self) -> None:
        self.deliver((b"abc",), AnswerBody.abandon)
        self.assert_told(499, 3, 499)

    def test_client_left_before_it(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work)
        self.assert_told(499, 0, 499)
        self.assertEqual(self.inner.cancelled, 1)

    def test_cut_before_it(self) -> None:
        """The gateway stops: the client did not leave, and is told so."""
        recorder = Recorder()
        record = Record(self.inner, [recorder], lambda: ShuttingDown("stopping"))
        work = run(record, exchange())
        work.cancel()
        self.failureResultOf(work)
        [(_, *told)] = recorder.told
        self.assertEqual(told, [503, 0, 503])

    def test_error(self) -> None:
        """It is passed on."""
        self.inner.fail(ModelNotFound("no"))
        self.failureResultOf(self.work, ModelNotFound)
        self.assert_told(404, 0, 404)

    def test_fault(self) -> None:
        self.inner.fail(RuntimeError("broken"))
        self.failureResultOf(self.work, RuntimeError)
        self.assert_told(500, 0, 500)

    def test_given_up(self) -> None:
        """The coroutine is thrown away where it waits."""
        other = exchange()
        coroutine = self.record.respond(other)
        coroutine.send(None)
        coroutine.close()
        self.assertEqual(self.recorder.told, [(other, 500, 0, 500)])


class BrokenRecorderTests(SynchronousTestCase):
    """A recorder that fails keeps neither the others nor the answer back."""

    def test_others_are_told(self) -> None:
        inner, recorder = Inner(), Recorder()
        work = run(Record(inner, [Broken(), recorder]), exchange())
        body = inner.answer(AnswerBody.of(b"abc"))
        self.successResultOf(work)
        sink = Sink()
        body.deliver(sink)
        self.assertEqual((sink.data, sink.ends, len(recorder.told)), (b"abc", ["end"], 1))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
