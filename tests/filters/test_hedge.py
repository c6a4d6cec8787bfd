"""Tests for `jairouter.filters.hedge`."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import NoHealthyUpstream, UpstreamError, UpstreamRefusal, UpstreamUnreachable
from jairouter.exchange import Answer, Exchange
from jairouter.filters.hedge import Hedge
from jairouter.interfaces import IResponder
from tests.filters.attempting import Attempting, assert_gone, hedge_policy, retry_policy, several
from tests.filters.inner import Sink, Source, run
from tests.request_body.rig import Client

REFUSED = UpstreamUnreachable("refused")


class Case(SynchronousTestCase):
    """A filter around attempts that the test plays by hand: `first`, and perhaps `second`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Attempting(self.clock)
        self.begin()

    def begin(self, exchange: Exchange | None = None, floor: float = 100.0, **given: Any) -> None:
        """Anew."""
        self.inner.exchanges.clear()
        self.inner._works.clear()
        self.policy = hedge_policy(retry_policy(floor), **{"delay": 2.0, **given})
        self.hedge = Hedge(self.inner, self.clock, {"chat": self.policy})
        self.exchange = exchange or several()
        self.work: Deferred[Answer] = run(self.hedge, self.exchange)

    def tearDown(self) -> None:
        self.work.cancel()
        self.work.addErrback(lambda failure: failure.trap(CancelledError))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def first(self) -> Deferred[Answer]:
        return self.inner._works[0]

    @property
    def second(self) -> Deferred[Answer]:
        return self.inner._works[1]

    def assert_attempts(self, number: int) -> None:
        self.assertEqual(len(self.inner.exchanges), number)

    def assert_counts(self, index: int) -> None:
        """The attempt at this instance is the one that counts."""
        assert self.exchange.group is not None
        self.assertIs(self.exchange.attempt.instance, self.exchange.group.instances[index])


def good(text: bytes = b"good", status: int = 200) -> Answer:
    """A whole answer."""
    return Answer(status, (), AnswerBody.of(text))


class OneTests(Case):
    """As long as there is no second attempt."""

    def test_interface(self) -> None:
        verifyObject(IResponder, self.hedge)

    def test_answer_in_time(self) -> None:
        self.clock.advance(1.9)
        answer = good()
        self.first.callback(answer)
        self.assertIs(self.successResultOf(self.work), answer)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assert_attempts(1)
        self.assertFalse(self.exchange.attempt.hedge)

    def test_failures_are_passed_on(self) -> None:
        """Retry sees to them."""
        self.first.errback(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)
        self.begin()
        body = AnswerBody(Source())
        self.first.callback(Answer(503, (), body))
        self.assertIs(self.successResultOf(self.work).body, body)

    def test_fault(self) -> None:
        self.first.errback(RuntimeError("broken"))
        self.failureResultOf(self.work, RuntimeError)

    def test_nobody(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.inner.nobody = 1
        self.begin()
        self.failureResultOf(self.work, NoHealthyUpstream)

    def test_client_leaves(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual((self.inner.cancelled, self.clock.getDelayedCalls()), (1, []))

    def test_not_allowed(self) -> None:
        """The first one is waited for all the same."""
        for given in ({"floor": 0.0}, {"max_extra_load": 0.0}, {"exchange": several(1)}):
            self.tearDown()
            self.begin(**given)
            self.clock.advance(3)
            self.assert_attempts(1)
            self.first.callback(good())
            self.successResultOf(self.work)

    def test_body_that_is_not_held(self) -> None:
        self.tearDown()
        upload = several()
        upload.body = Client(b"some")
        self.begin(upload)
        self.clock.advance(3)
        self.assert_attempts(1)

    def test_nobody_to_overtake(self) -> None:
        """The group finds nobody after all: that is no failure."""
        self.inner.nobody = 1
        self.clock.advance(2)
        self.assert_attempts(1)
        self.first.callback(good())
        self.successResultOf(self.work)


class TwoTests(Case):
    """Two attempts under way."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(2)
        self.assert_attempts(2)

    def test_noted(self) -> None:
        self.assertEqual([attempt.hedge for attempt in self.exchange.attempts], [False, True])
        self.assertEqual(len({attempt.instance for attempt in self.exchange.attempts}), 2)

    def test_second_wins(self) -> None:
        self.second.callback(good())
        self.successResultOf(self.work)
        self.assertEqual(self.inner.cancelled, 1)
        self.assert_counts(1)

    def test_first_wins(self) -> None:
        self.first.callback(good())
        self.successResultOf(self.work)
        self.assertEqual(self.inner.cancelled, 1)
        self.assert_counts(0)

    def test_one_fails(self) -> None:
        """The other is waited for."""
        for failing, other in ((0, 1), (1, 0)):
            self.inner._works[failing].errback(REFUSED)
            self.assertNoResult(self.work)
            self.inner._works[other].callback(good())
            self.successResultOf(self.work)
            self.assert_counts(other)
            self.assertEqual(self.inner.cancelled, 0)
            self.setUp()

    def test_failed_answer(self) -> None:
        """It is settled as what it is, at once."""
        source = Source()
        body, ends = AnswerBody(source), list[Any]()
        body.on_done(ends.append)
        self.first.callback(Answer(503, (), body))
        self.assertNoResult(self.work)
        self.assertEqual(source.calls, ["abort"])
        [error] = ends
        self.assertIsInstance(error, UpstreamRefusal)
        self.second.callback(good())
        self.successResultOf(self.work)

    def test_both_fail(self) -> None:
        """The first failure counts."""
        self.second.errback(UpstreamError("lost"))
        self.first.errback(REFUSED)
        self.assertEqual(str(self.failureResultOf(self.work, UpstreamError).value), "lost")
        self.assert_counts(1)

    def test_both_answers_are_failures(self) -> None:
        self.first.callback(good(b"one", 503))
        self.second.callback(good(b"two", 500))
        answer, sink = self.successResultOf(self.work), Sink()
        answer.body.deliver(sink)
        self.assertEqual((answer.status, sink.data), (503, b"one"))
        self.assert_counts(0)

    def test_what_no_other_does_better(self) -> None:
        """A 404, a refusal of the request, a fault: it would be the same there."""
        for end in (
            lambda first: first.callback(good(b"", 404)),
            lambda first: first.errback(UpstreamRefusal("too long", status=400)),
            lambda first: first.errback(RuntimeError("broken")),
        ):
            end(self.first)
            self.work.addErrback(lambda failure: failure.trap(UpstreamRefusal, RuntimeError))
            self.successResultOf(self.work)
            self.assertEqual(self.inner.cancelled, 1)
            self.inner.cancelled = 0
            self.setUp()

    def test_client_leaves(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.inner.cancelled, 2)

    def test_thrown_away(self) -> None:
        """The coroutine is closed where it waits."""
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        coroutine = self.hedge.respond(several())
        coroutine.send(None)
        self.clock.advance(2)
        coroutine.close()
        self.assertEqual(self.inner.cancelled, 4)

    def test_one_for_each_exchange(self) -> None:
        """Retry comes again: there is no further hedge."""
        self.first.errback(REFUSED)
        self.second.errback(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)
        self.work = run(self.hedge, self.exchange)
        self.clock.advance(10)
        self.assert_attempts(3)

    def test_requests_earn_and_not_attempts(self) -> None:
        """Retry comes again: the share of hedges is one of the requests."""
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.begin(max_extra_load=0.5)
        self.first.errback(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)
        self.work = run(self.hedge, self.exchange)
        self.clock.advance(5)
        self.assert_attempts(2)

    def test_third_is_never_begun(self) -> None:
        self.clock.advance(100)
        self.assert_attempts(2)


class RingTests(Case):
    """An error that is caught further out is gone without the garbage collector."""

    def setUp(self) -> None:
        super().setUp()
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.inner._works.clear()

    def test_one(self) -> None:
        assert_gone(self, self.hedge, self.inner)

    def test_first_of_two(self) -> None:
        """It was kept until the other one had failed as well."""
        self.inner.on_fail = lambda: self.clock.advance(2)
        assert_gone(self, self.hedge, self.inner, lambda: self.first.errback(REFUSED))


class StubbornTests(Case):
    """An attempt that answers in spite of being cancelled."""

    def test_its_answer_is_settled(self) -> None:
        source, ends = Source(), list[Any]()

        async def stubborn(exchange: Exchange) -> Answer:
            try:
                return await Attempting.respond(self.inner, exchange)
            except CancelledError:
                body = AnswerBody(source)
                body.on_done(ends.append)
                return Answer(200, (), body)

        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.inner.respond = stubborn  # type: ignore[method-assign]  # for this once
        self.begin()
        self.clock.advance(2)
        self.second.callback(good())
        self.successResultOf(self.work)
        self.assertEqual((source.calls, len(ends)), (["abort"], 1))


class PercentileTests(Case):
    """The delay is what the model's recent answers took."""

    def begin(self, exchange: Exchange | None = None, floor: float = 100.0, **given: Any) -> None:
        super().begin(exchange, floor, **{"percentile": 90.0, **given})

    def setUp(self) -> None:
        super().setUp()
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)

    def answered(self, seconds: float, times: int) -> None:
        """So many exchanges are answered after so long, if need be by the second attempt."""
        for _ in range(times):
            work = run(self.hedge, several())
            self.clock.advance(seconds)
            self.inner._works[-1].callback(good())
            self.successResultOf(work)

    def delay(self) -> float:
        return self.policy.delay(self.exchange)

    def test_learnt(self) -> None:
        self.answered(0.5, 40)
        self.assertTrue(0.5 <= self.delay() <= 0.56, self.delay())

    def test_those_overtaken_count(self) -> None:
        """If they did not, each hedge would make the next one come earlier, without end."""
        self.answered(0.5, 40)
        self.answered(3.0, 60)
        self.assertGreater(self.delay(), 2.5)

    def test_failures_teach_nothing(self) -> None:
        for _ in range(40):
            work = run(self.hedge, several())
            self.inner._works[-1].callback(good(b"", 404))
            self.successResultOf(work)
        self.assertEqual(self.delay(), 2.0)


class FastPathTests(Case):
    """Where there is nothing to do, there is no coroutine of its own."""

    def passed_through(self, exchange: Exchange, service: str = "chat") -> bool:
        work = Hedge(self.inner, self.clock, {service: self.policy}).respond(exchange)
        assert inspect.iscoroutine(work)
        code = work.cr_code
        work.close()
        return code is Attempting.respond.__code__

    def test_passed_through(self) -> None:
        self.assertTrue(self.passed_through(several(1)))
        self.assertTrue(self.passed_through(several(), "embedding"))
        self.assertFalse(self.passed_through(several()))
