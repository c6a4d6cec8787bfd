"""Tests for `jairouter.filters.timeout`."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import (
    ClientGone,
    DeadlineExceeded,
    GatewayError,
    PoolExhausted,
    UpstreamError,
    UpstreamTimeout,
)
from jairouter.exchange import Answer, Exchange, Phase
from jairouter.filters.timeout import PhaseLimits, Timeout
from jairouter.interfaces import IResponder
from jairouter.timers import TimerWheel
from tests.filters.inner import Inner, Sink, Source, attempted, run

LIMITS = PhaseLimits(queued=8, connect=5, send=10, first_byte=30, read=20, blocked=300)


class Case(SynchronousTestCase):
    """An attempt whose phases the test sets."""

    limits = LIMITS

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Inner()
        timeout = Timeout(self.inner, TimerWheel(self.clock), self.limits)
        verifyObject(IResponder, timeout)
        self.exchange = attempted(self.clock.seconds)
        self.attempt = self.exchange.attempt
        self.work = run(timeout, self.exchange)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def assert_late(self, seconds: float, error: type[GatewayError]) -> GatewayError:
        """It ends `seconds` from now, a tick or two later at most, and not before."""
        self.pass_time(seconds - 0.1)
        self.assertNoResult(self.work)
        self.pass_time(0.4)
        failure = self.failureResultOf(self.work, error)
        self.assertEqual(self.inner.cancelled, 1)
        assert isinstance(failure.value, GatewayError)
        return failure.value

    def begin(self) -> AnswerBody:
        """The answer begins, and the client takes it."""
        self.source = Source()
        self.sink = Sink()
        self.attempt.enter(Phase.RECEIVING)
        body = self.inner.answer(AnswerBody(self.source))
        self.successResultOf(self.work)
        body.deliver(self.sink)
        return body


class WaitingTests(Case):
    """Until there is an answer."""

    def test_queued(self) -> None:
        """No connection became free: not the instance's fault, and worth another try."""
        self.assertEqual(self.assert_late(8, PoolExhausted).retry_after, 1)

    def test_connecting(self) -> None:
        self.attempt.enter(Phase.CONNECTING)
        self.assert_late(5, UpstreamTimeout)

    def test_body_in_memory(self) -> None:
        """It goes out in one piece: there is nothing to pace."""
        self.assertIs(self.exchange.body, self.exchange.request.body)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)

    def test_sending(self) -> None:
        self.attempt.enter(Phase.SENDING)
        self.assert_late(10, UpstreamTimeout)

    def test_sending_with_progress(self) -> None:
        """While bytes go out it may take any time."""
        self.attempt.enter(Phase.SENDING)
        for _ in range(5):
            self.pass_time(9)
            self.attempt.progress()
        self.assert_late(10, UpstreamTimeout)

    def test_waiting(self) -> None:
        self.attempt.enter(Phase.WAITING)
        self.assert_late(30, UpstreamTimeout)

    def test_head_without_an_event(self) -> None:
        """The head of a stream has come, no event yet: the time for the first byte goes on."""
        self.attempt.enter(Phase.WAITING)
        self.pass_time(10)
        self.attempt.enter(Phase.RECEIVING)
        self.assert_late(20, UpstreamTimeout)

    def test_comments_without_an_event(self) -> None:
        """They are bytes, but not what the client waits for."""
        self.attempt.enter(Phase.WAITING)
        self.attempt.enter(Phase.RECEIVING)
        for _ in range(3):
            self.pass_time(9)
            self.attempt.progress()
        self.assert_late(3, UpstreamTimeout)

    def test_each_phase_has_its_own_time(self) -> None:
        for phase, seconds in (
            (Phase.QUEUED, 7),
            (Phase.CONNECTING, 4),
            (Phase.SENDING, 9),
            (Phase.WAITING, 29),
        ):
            self.attempt.enter(phase)
            self.pass_time(seconds)
        self.assertNoResult(self.work)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)

    def test_client_leaves(self) -> None:
        """Cancelling is passed on, and is no timeout."""
        self.pass_time(1)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.inner.cancelled, 1)

    def test_error(self) -> None:
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(self.work, UpstreamError)

    def test_fault(self) -> None:
        self.inner.fail(RuntimeError("broken"))
        self.failureResultOf(self.work, RuntimeError)

    def test_whatever_becomes_of_the_cancelled(self) -> None:
        """An attempt that ends in another error when it is cancelled has still timed out."""

        @implementer(IResponder)
        class Stubborn:
            async def respond(self, exchange: Exchange) -> Answer:
                try:
                    return await Deferred()
                except CancelledError:
                    raise UpstreamError("the connection was lost") from None

        timeout = Timeout(Stubborn(), TimerWheel(self.clock), LIMITS)
        other = run(timeout, attempted(self.clock.seconds))
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(self.work, UpstreamError)
        self.pass_time(9)
        self.failureResultOf(other, PoolExhausted)

    def test_answered_at_once(self) -> None:
        """No timer was ever needed."""
        self.inner.answer(AnswerBody.of(b"{}"))
        self.successResultOf(self.work)


class ReceivingTests(Case):
    """While the answer comes."""

    def test_silence(self) -> None:
        """The body is cut, on both sides."""
        body = self.begin()
        body.chunk(b"some")
        self.pass_time(19.8)
        self.assertEqual(self.sink.ends, [])
        self.pass_time(0.5)
        self.assertIsInstance(self.sink.ends[0], UpstreamTimeout)
        self.assertEqual(self.source.calls[-1], "abort")

    def test_progress(self) -> None:
        body = self.begin()
        for _ in range(5):
            self.pass_time(19)
            self.attempt.progress()
            body.chunk(b"more")
        self.assertEqual(self.sink.ends, [])
        body.end()

    def test_complete(self) -> None:
        self.begin().end()
        self.assertEqual(self.sink.ends, ["end"])

    def test_client_leaves(self) -> None:
        self.begin().abandon()

    def test_client_does_not_read(self) -> None:
        """That time does not count; when it reads again, the backend has its own time again."""
        body = self.begin()
        self.pass_time(15)
        body.pause()
        self.assertEqual(self.attempt.phase, Phase.BLOCKED)
        self.pass_time(299)
        body.resume()
        self.pass_time(19.8)
        self.assertEqual(self.sink.ends, [])
        self.pass_time(0.5)
        self.assertIsInstance(self.sink.ends[0], UpstreamTimeout)

    def test_client_never_reads(self) -> None:
        """Its backend is freed; it is as good as gone."""
        body = self.begin()
        body.pause()
        self.pass_time(299.9)
        self.assertEqual(self.sink.ends, [])
        self.pass_time(0.4)
        self.assertIsInstance(self.sink.ends[0], ClientGone)

    def test_taken_late(self) -> None:
        """From the answer on, its body is watched, whether or not somebody has taken it."""
        body = self.inner.answer(AnswerBody(Source()))
        self.successResultOf(self.work)
        done: list[object] = []
        body.on_done(done.append)
        self.pass_time(20.5)
        body.deliver(Sink())
        self.assertIsInstance(done[0], UpstreamTimeout)


class TotalTests(Case):
    """All phases together."""

    limits = PhaseLimits(queued=8, connect=5, send=10, first_byte=30, read=20, total=40)

    def test_waiting(self) -> None:
        self.attempt.enter(Phase.SENDING)
        self.pass_time(9)
        self.attempt.progress()
        self.pass_time(9)
        self.attempt.enter(Phase.WAITING)
        self.assert_late(22, UpstreamTimeout)

    def test_receiving(self) -> None:
        body = self.begin()
        for _ in range(4):
            self.pass_time(9.9)
            self.attempt.progress()
            body.chunk(b"more")
        self.assertEqual(self.sink.ends, [])
        self.pass_time(1)
        self.assertIsInstance(self.sink.ends[0], UpstreamTimeout)

    def test_client_does_not_read(self) -> None:
        """Then it ends as well, but that says nothing about the instance."""
        body = self.begin()
        self.attempt.progress()
        body.chunk(b"some")
        body.pause()
        done: list[GatewayError | None] = []
        body.on_done(done.append)
        self.pass_time(41)
        body.resume()
        self.assertIsInstance(done[0], DeadlineExceeded)

    def test_complete(self) -> None:
        self.begin().end()


class InstanceTests(Case):
    """An instance may have a limit of its own for all phases together, in place of the one for all."""

    limits = PhaseLimits(queued=80, connect=50, send=100, first_byte=300, read=200, total=40)
    own = 60.0

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Inner()
        timeout = Timeout(self.inner, TimerWheel(self.clock), self.limits)
        self.exchange = attempted(self.clock.seconds, timeout=self.own)
        self.attempt = self.exchange.attempt
        self.work = run(timeout, self.exchange)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def test_waiting(self) -> None:
        self.attempt.enter(Phase.WAITING)
        self.assert_late(self.own, UpstreamTimeout)

    def test_receiving(self) -> None:
        body = self.begin()
        self.pass_time(self.own - 0.1)
        self.attempt.progress()
        body.chunk(b"more")
        self.assertEqual(self.sink.ends, [])
        self.pass_time(0.5)
        self.assertIsInstance(self.sink.ends[0], UpstreamTimeout)

    def test_complete(self) -> None:
        self.begin().end()


class ShortInstanceTests(InstanceTests):
    """Also one that is shorter than every other."""

    own = 3.0


class AnswerTests(InstanceTests):
    """A limit for the answer ends a stream only if that has not begun."""

    own = 30.0
    stream = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Inner()
        timeout = Timeout(self.inner, TimerWheel(self.clock), self.limits)
        self.exchange = attempted(self.clock.seconds, answer_timeout=self.own)
        self.attempt = self.exchange.attempt
        self.work = run(timeout, self.exchange)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def test_stream_that_has_begun(self) -> None:
        """It goes on until the limit for all of it."""
        body = AnswerBody(Source())
        self.inner._works.pop(0).callback(Answer(200, (), body, event_stream=True))
        self.successResultOf(self.work)
        sink = Sink()
        body.deliver(sink)
        self.pass_time(39.8)
        self.attempt.progress()
        self.assertEqual(sink.ends, [])
        self.pass_time(0.6)
        self.assertIsInstance(sink.ends[0], UpstreamTimeout)


class ShortAnswerTests(AnswerTests):
    """Also one that is shorter than every other."""

    own = 3.0
