"""Tests for `jairouter.filters.timeout`: one look at all attempts, now and then, misses none."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, PoolExhausted, StreamCut, UpstreamError, UpstreamTimeout
from jairouter.exchange import Answer, Attempt, Exchange, Phase
from jairouter.filters.timeout import PhaseLimits, Timeout
from jairouter.interfaces import IResponder
from jairouter.timers import TimerWheel
from tests.filters.inner import Inner, Sink, Source, attempted, instance, run

LIMITS = PhaseLimits(queued=8, connect=5, send=10, first_byte=30, read=20, blocked=300)


class SweepCase(SynchronousTestCase):
    """Many attempts under one filter."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = TimerWheel(self.clock)
        self.inner = Inner()
        self.timeout = Timeout(self.inner, self.wheel, LIMITS)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def begin(self, phase: Phase = Phase.QUEUED) -> tuple[Exchange, Deferred[Answer]]:
        """One more attempt."""
        exchange = attempted(self.clock.seconds)
        exchange.attempt.enter(phase)
        return exchange, run(self.timeout, exchange)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def assert_late(
        self, work: Deferred[Answer], seconds: float, error: type[GatewayError] = UpstreamTimeout
    ) -> None:
        """It ends `seconds` from now, a tick or two later at most, and not before."""
        self.pass_time(seconds - 0.1)
        self.assertNoResult(work)
        self.pass_time(0.4)
        self.failureResultOf(work, error)


class LimitTests(SynchronousTestCase):
    """How often a look is enough."""

    def test_shortest(self) -> None:
        self.assertEqual(LIMITS.shortest, 5)
        self.assertEqual(PhaseLimits(blocked=2).shortest, 2)

    def test_shortest_of_all_is_the_total(self) -> None:
        self.assertEqual(PhaseLimits(total=3).shortest, 3)
        self.assertEqual(PhaseLimits(total=1000).shortest, 10)


class OneAttemptTests(SweepCase):
    """Phases that change between two looks."""

    def test_phase_that_begins_just_after_a_look(self) -> None:
        exchange, work = self.begin(Phase.WAITING)
        self.pass_time(5.3)
        exchange.attempt.enter(Phase.CONNECTING)
        self.assert_late(work, 5)

    def test_phase_that_begins_just_before_a_look(self) -> None:
        exchange, work = self.begin(Phase.WAITING)
        self.pass_time(4.9)
        exchange.attempt.enter(Phase.CONNECTING)
        self.assert_late(work, 5)

    def test_phase_that_begins_while_the_end_of_another_is_near(self) -> None:
        """A timer of its own is armed for that; it finds that there is time again."""
        exchange, work = self.begin(Phase.QUEUED)
        self.pass_time(7.5)
        exchange.attempt.enter(Phase.SENDING)
        self.assert_late(work, 10)

    def test_every_moment_at_which_a_phase_may_begin(self) -> None:
        """Wherever it lies between the looks, its time is its time."""
        for tenths in range(0, 120, 7):
            exchange, work = self.begin(Phase.WAITING)
            self.pass_time(tenths / 10)
            exchange.attempt.enter(Phase.CONNECTING)
            self.assert_late(work, 5)

    def test_silence_in_the_body(self) -> None:
        """The looks go on when the answer has begun, without a gap."""
        exchange, work = self.begin(Phase.WAITING)
        self.pass_time(11)
        body, sink = self.inner.answer(AnswerBody(Source())), Sink()
        self.successResultOf(work)
        body.deliver(sink)
        self.pass_time(13)
        exchange.attempt.progress()
        self.pass_time(19.8)
        self.assertEqual(sink.ends, [])
        self.pass_time(0.5)
        self.assertIsInstance(sink.ends[0], UpstreamTimeout)

    def test_answer_that_broke_before_it_was_taken(self) -> None:
        """However late it is taken, the client hears the first reason."""
        _, work = self.begin(Phase.WAITING)
        body, sink = self.inner.answer(AnswerBody(Source())), Sink()
        self.successResultOf(work)
        body.broke(StreamCut("cut"))
        self.pass_time(100)
        body.deliver(sink)
        self.assertIsInstance(sink.ends[0], StreamCut)

    def test_only_in_a_task(self) -> None:
        """It must know what to cancel."""
        coroutine = self.timeout.respond(attempted())
        self.assertRaises(RuntimeError, coroutine.send, None)
        self.assertEqual(self.inner.exchanges, [])


class ManyAttemptsTests(SweepCase):
    """Attempts beside each other."""

    def test_each_in_its_own_time(self) -> None:
        works = []
        for _ in range(5):
            works.append(self.begin()[1])
            self.pass_time(1.1)
        self.pass_time(8 - 5 * 1.1 - 0.1)
        for work in works:
            self.assertNoResult(work)
            self.pass_time(0.4)
            self.failureResultOf(work, PoolExhausted)
            self.pass_time(0.7)
        self.assertEqual(self.inner.cancelled, 5)

    def test_one_timer_for_all(self) -> None:
        works = [self.begin(Phase.WAITING)[1] for _ in range(50)]
        self.pass_time(21)
        self.assertEqual(self.wheel._count, 1)
        for work in works:
            self.inner.answer(AnswerBody.of(b"{}"))
            self.successResultOf(work)
        self.assertEqual(self.wheel._count, 0)

    def test_answered_ones_leave_the_others_alone(self) -> None:
        """Also the one whose turn was next."""
        works = [self.begin()[1] for _ in range(2)]
        self.pass_time(4)
        last = self.begin()[1]
        for work in works:
            self.inner.answer(AnswerBody.of(b"{}"))
            self.successResultOf(work)
        self.assert_late(last, 8, PoolExhausted)

    def test_end_of_one_ends_another_that_is_due_as_well(self) -> None:
        """It was cancelled, and that is what it hears."""
        first, second = self.begin()[1], self.begin()[1]
        ends: list[type[BaseException] | None] = []

        def end_the_other(failure: object) -> None:
            second.cancel()

        first.addErrback(end_the_other)
        second.addErrback(lambda failure: ends.append(failure.type))
        self.pass_time(8.3)
        self.assertEqual(ends, [CancelledError])
        self.successResultOf(first)

    def test_one_begins_as_another_ends(self) -> None:
        later: list[Deferred[Answer]] = []
        first = self.begin()[1]
        first.addErrback(lambda _: later.append(self.begin()[1]))
        self.pass_time(8.3)
        self.successResultOf(first)
        self.pass_time(7.6)
        self.assertNoResult(later[0])
        self.pass_time(0.5)
        self.failureResultOf(later[0], PoolExhausted)


class SecondTryTests(SweepCase):
    """A timeout ends the attempt, not the request: whoever stands further out may try again."""

    def setUp(self) -> None:
        super().setUp()
        timeout, clock = self.timeout, self.clock

        @implementer(IResponder)
        class Twice:
            async def respond(self, exchange: Exchange) -> Answer:
                try:
                    return await timeout.respond(exchange)
                except GatewayError:
                    exchange.attempts.append(Attempt(instance(), clock.seconds))
                    return await timeout.respond(exchange)

        self.exchange = attempted(self.clock.seconds)
        self.work = run(Twice(), self.exchange)

    def test_answered_then(self) -> None:
        self.pass_time(8.5)
        self.assertEqual((self.inner.cancelled, len(self.inner.exchanges)), (1, 2))
        self.inner.answer(AnswerBody.of(b"late"))  # nobody waits for this one any more
        body = self.inner.answer(AnswerBody.of(b"{}"))
        self.assertIs(self.successResultOf(self.work).body, body)

    def test_late_again(self) -> None:
        """From its own beginning."""
        self.pass_time(8.5)
        self.assert_late(self.work, 7.8, PoolExhausted)
        self.assertEqual(self.inner.cancelled, 2)

    def test_failed_then_late(self) -> None:
        self.pass_time(3)
        self.inner.fail(UpstreamError("refused"))
        self.assert_late(self.work, 8, PoolExhausted)

    def test_client_leaves_then(self) -> None:
        """The first one's timeout is no reason any more."""
        self.pass_time(8.5)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
