"""Tests for `jairouter.filters.pick`: what it asks the group, and what else an attempt holds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import InternalError, NoHealthyUpstream, RateLimited, UpstreamError, UpstreamRefusal
from jairouter.exchange import Answer, Exchange, Outcome
from jairouter.filters.pick import Pick
from jairouter.interfaces import ILimiter, IResponder, Quota
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import PATIENCE, BreakerLimits
from jairouter.traffic.breaker_states import State
from jairouter.traffic.cool_down import CoolDown
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.instance import Instance
from jairouter.traffic.outliers import OutlierLimits, Outliers
from jairouter.traffic.permits import Ledger
from tests.filters.inner import Inner, Sink, exchange, group, instance, request, run


@implementer(ILimiter)
class Limiter:
    """Refuses, makes wait and lends as the test says."""

    def __init__(self, *, refuses: float = 0.0, waits: float = 0.0, lends: bool = False) -> None:
        self.refuses = refuses
        self.waits = waits
        self.lends = lends
        self.taken = self.given_back = 0
        self.since = 0.0

    @property
    def lent(self) -> int:
        return self.taken - self.given_back

    def refusal(self, now: float) -> float:
        return self.refuses

    def foretell(self, now: float) -> float:
        return self.refuses

    def take(self, now: float) -> float:
        self.taken += 1
        return self.waits

    def give_back(self, now: float, turn: float) -> None:
        self.given_back += 1
        self.turn = turn

    def quota(self, now: float) -> Quota:
        return Quota(1, 1, 0.0)

    def carry_over(self, old: Any, now: float) -> None:
        pass


class Case(SynchronousTestCase):
    """A few instances of one model."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger()
        self.inner = Inner()
        self.pick = Pick(self.inner, self.ledger, self.clock)
        self.instances = [instance(base_url=f"http://10.0.0.{number}") for number in (1, 2)]
        self.exchange = self.asking(*self.instances)

    def asking(self, *instances: Instance, **headers: str) -> Exchange:
        """An exchange that may go to some instances."""
        sent = request(headers=tuple((name.encode(), value.encode()) for name, value in headers.items()))
        made = exchange(sent)
        made.group = group(*instances, cool_down=CoolDown(2.0, 60.0, lambda: 1e9))
        return made

    def start(self, asked: Exchange | None = None) -> Deferred[Answer]:
        return run(self.pick, asked or self.exchange)

    def assert_at_rest(self) -> None:
        self.assertTrue(self.ledger.at_rest, self.ledger)
        self.assertEqual({each.in_flight for each in self.instances}, {0})
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ChoiceTests(Case):
    """Which instance, and if none, why."""

    def test_never_the_same_again(self) -> None:
        for _ in self.instances:
            work = self.start()
            self.inner.fail(UpstreamError("refused"))
            self.failureResultOf(work, UpstreamError)
        picked = {attempt.instance for attempt in self.exchange.attempts}
        self.assertEqual(picked, set(self.instances))
        self.failureResultOf(self.start(), NoHealthyUpstream)
        self.assertEqual({why.reason for _, why in self.exchange.excluded}, {Reason.TRIED})
        self.assert_at_rest()

    def test_the_same_again_where_that_is_wanted(self) -> None:
        """But never one of which an attempt is still under way."""
        self.exchange = exchange()
        self.exchange.group = group(*self.instances, again=True)
        works = [self.start(), self.start()]
        self.failureResultOf(self.start(), NoHealthyUpstream)
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(works[0], UpstreamError)
        works.append(self.start())
        self.assertIs(self.exchange.attempts[2].instance, self.exchange.attempts[0].instance)
        for work in works[1:]:
            work.cancel()
            self.failureResultOf(work, CancelledError)
        self.assert_at_rest()

    def test_the_excluded_are_remembered(self) -> None:
        self.instances[0].live.cool(30.0)
        work = self.start()
        [attempt] = self.exchange.attempts
        self.assertIs(attempt.instance, self.instances[1])
        [(excluded, why)] = attempt.excluded
        self.assertEqual((excluded, why.reason), (self.instances[0], Reason.COOLING))
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_when_to_come_back(self) -> None:
        """When the first of them is there again."""
        for each, until in zip(self.instances, (30.0, 12.0), strict=True):
            each.live.eject(until, 0.0)
        error = self.failureResultOf(self.start(), NoHealthyUpstream).value
        assert isinstance(error, NoHealthyUpstream)
        self.assertEqual(error.retry_after, 12.0)

    def test_all_of_them_throttle(self) -> None:
        """That is no failure of theirs."""
        for each, until in zip(self.instances, (30.0, 12.0), strict=True):
            each.live.cool(until)
        error = self.failureResultOf(self.start(), RateLimited).value
        assert isinstance(error, RateLimited)
        self.assertEqual((error.status, error.retry_after), (429, 12.0))

    def test_one_throttles_and_one_is_out(self) -> None:
        self.instances[0].live.cool(30.0)
        self.instances[1].live.eject(12.0, 0.0)
        self.failureResultOf(self.start(), NoHealthyUpstream)

    def test_the_key_is_worked_out_once(self) -> None:
        """Also for several attempts."""
        asked: list[Exchange] = []

        def key_of(which: Exchange) -> bytes:
            asked.append(which)
            return b"k"

        self.exchange.group = group(*self.instances, key_of=key_of)
        for _ in range(2):
            work = self.start()
            work.cancel()
            self.failureResultOf(work, CancelledError)
        self.assertEqual((asked, self.exchange.key), ([self.exchange], b"k"))

    def test_model_that_was_not_looked_up(self) -> None:
        self.exchange.group = None
        self.failureResultOf(self.start(), InternalError)


class LimitTests(Case):
    """An instance's own limit."""

    def limit(self, **made: Any) -> Limiter:
        """Let the first instance alone be there, with a limit."""
        limiter = Limiter(**made)
        verifyObject(ILimiter, limiter)
        self.instances[0].live.limiter = limiter
        self.instances[1].live.cool(1e6)
        return limiter

    def test_refused(self) -> None:
        self.limit(refuses=3.0)
        error = self.failureResultOf(self.start(), RateLimited).value
        assert isinstance(error, RateLimited)
        self.assertEqual((error.retry_after, error.limit), (3.0, ("instance", "other")))
        self.assert_at_rest()

    def test_another_is_there(self) -> None:
        limiter = self.limit(refuses=3.0)
        self.instances[1].live.cooling_until = 0.0
        work = self.start()
        self.assertIs(self.exchange.attempt.instance, self.instances[1])
        self.assertEqual(limiter.taken, 0)
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_given_back_at_the_last_byte(self) -> None:
        limiter = self.limit(lends=True)
        work = self.start()
        body = self.inner.answer(AnswerBody.of(b"x"))
        self.successResultOf(work)
        self.assertEqual((limiter.taken, limiter.given_back), (1, 0))
        self.assertEqual(self.ledger.outstanding()["limit"], 1)
        body.deliver(Sink())
        self.assertEqual(limiter.given_back, 1)
        self.assert_at_rest()

    def test_waits_for_its_turn(self) -> None:
        self.limit(waits=1.5)
        work = self.start()
        self.clock.advance(1.4)
        self.assertEqual(self.inner.exchanges, [])
        self.clock.advance(0.1)
        self.assertEqual(self.inner.exchanges, [self.exchange])
        self.assertEqual((self.exchange.attempt.since, self.exchange.waited), (1.5, 1.5))
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_client_leaves_while_it_waits(self) -> None:
        limiter = self.limit(waits=1.5, lends=True)
        work = self.start()
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assertEqual((limiter.given_back, self.exchange.attempt.outcome), (1, Outcome.ABANDONED))
        self.assert_at_rest()


class CoolDownTests(Case):
    """An instance that throttles."""

    def throttle(self, asked: Exchange, *headers: tuple[bytes, bytes]) -> float:
        """Answer 429, and see for how long the instance is left alone."""
        self.exchange = asked
        work = self.start()
        asked.attempt.status = 429
        body = AnswerBody.of(b"{}")
        self.inner._works.pop(0).callback(Answer(429, headers, body))
        self.successResultOf(work)
        body.take()
        self.assertEqual(asked.attempt.outcome, Outcome.THROTTLED)
        return asked.attempt.instance.live.cooling_until

    def test_its_own_wish(self) -> None:
        self.assertEqual(self.throttle(self.exchange, (b"Retry-After", b"7")), 7.0)

    def test_by_default(self) -> None:
        self.assertEqual(self.throttle(self.exchange), 2.0)

    def test_switched_off(self) -> None:
        self.assertEqual(self.throttle(exchange(None, "m", *self.instances)), 0.0)

    def test_the_client_s_own_key(self) -> None:
        """What one client's key is good for says nothing about another's."""
        self.assertEqual(self.throttle(self.asking(*self.instances, Authorization="Bearer k")), 0.0)

    def test_the_instance_s_key(self) -> None:
        own = [instance(headers=((b"Authorization", b"Bearer own"),)) for _ in range(2)]
        self.assertEqual(self.throttle(self.asking(*own, Authorization="Bearer k")), 2.0)

    def test_the_only_instance(self) -> None:
        """It rests only where it says so itself."""
        self.assertEqual(self.throttle(self.asking(self.instances[0])), 0.0)
        asked = self.asking(self.instances[0])
        self.assertEqual(self.throttle(asked, (b"Retry-After", b"3")), 3.0)

    def test_the_same_request_again(self) -> None:
        """Whose requests are too large for all does not take all instances from everybody."""
        asked = self.asking(*(instance() for _ in range(3)))
        told = (b"Retry-After", b"3")
        self.assertEqual(
            [self.throttle(asked), self.throttle(asked), self.throttle(asked, told)], [2.0, 0.0, 3.0]
        )

    def test_refused_in_a_stream(self) -> None:
        """A 429 as the first event of a stream under 200: no header says how long."""
        work = self.start()
        self.inner.fail(UpstreamRefusal("full", status=429))
        self.failureResultOf(work, UpstreamRefusal)
        self.assertEqual(self.exchange.attempt.instance.live.cooling_until, 2.0)


class TrialTests(Case):
    """An attempt that is a trial of a half-open breaker."""

    def setUp(self) -> None:
        super().setUp()
        del self.instances[1:]
        self.exchange = exchange(None, "m", *self.instances)
        live = self.instances[0].live
        limits = BreakerLimits(failure_threshold=1, success_threshold=1, recovery_timeout=1.0)
        live.breaker = self.breaker = Breaker(limits, self.ledger)
        live.settle(live.acquire(0.0), Outcome.FAILED, 0.0)
        self.clock.advance(1.0)

    def answer(self, status: int = 200) -> AnswerBody:
        work = self.start()
        self.exchange.attempt.status = status
        body = self.inner.answer(status=status)
        self.successResultOf(work)
        body.deliver(Sink())
        return body

    def test_over(self) -> None:
        body = self.answer()
        self.assertEqual(self.ledger.outstanding()["trial"], 1)
        body.end()
        self.assertIs(self.breaker.state, State.CLOSED)
        self.assert_at_rest()

    def test_cancelled(self) -> None:
        work = self.start()
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assertIs(self.breaker.state, State.HALF_OPEN)
        self.assert_at_rest()

    def test_long_stream(self) -> None:
        """It is told when its answer begins, so that it need not be over to be a good one."""
        body = self.answer()
        self.clock.advance(PATIENCE)
        self.exchange = exchange(None, "m", *self.instances)
        work = self.start()
        self.assertIs(self.breaker.state, State.CLOSED)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        body.end()
        self.assert_at_rest()

    def test_long_error(self) -> None:
        """An answer that is none does not become good by being long."""
        body = self.answer(404)
        self.clock.advance(PATIENCE)
        self.exchange = exchange(None, "m", *self.instances)
        work = self.start()
        self.assertIs(self.breaker.state, State.HALF_OPEN)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        body.end()
        self.assert_at_rest()


class ObserverTests(Case):
    """Who else is told of an attempt's end."""

    def test_outliers(self) -> None:
        seen: list[tuple[object, Outcome, float]] = []

        class Outliers:
            def settled(self, which: object, outcome: Outcome, now: float, began: float) -> None:
                seen.append((which, outcome, now - began))

        self.exchange.group = group(*self.instances, outliers=Outliers())
        verifyObject(IResponder, self.pick)
        work = self.start()
        self.clock.advance(2)
        self.inner.fail(UpstreamError("broke"))
        self.failureResultOf(work, UpstreamError)
        self.assertEqual(seen, [(self.exchange.attempt.instance, Outcome.FAILED, 2.0)])

    def test_outliers_hear_of_success(self) -> None:
        """Where it ends a row of failures."""
        one = instance()
        self.exchange.group = group(one, outliers=Outliers([one], OutlierLimits()))
        work = self.start()
        self.inner.fail(UpstreamError("broke"))
        self.failureResultOf(work, UpstreamError)
        self.assertEqual(one.live.failures, 1)
        self.exchange.attempts.clear()
        work = self.start()
        self.exchange.attempt.status = 200
        self.inner.answer(AnswerBody.of(b"{}"))
        self.successResultOf(work).body.take()
        self.assertEqual(one.live.failures, 0)
