"""Tests for `jairouter.filters.retry`."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import (
    BadRequest,
    GatewayError,
    NoHealthyUpstream,
    UpstreamError,
    UpstreamRefusal,
    UpstreamUnreachable,
)
from jairouter.exchange import Answer, Exchange
from jairouter.filters.retry import DO_NOT_RETRY, Retry
from jairouter.interfaces import IResponder
from jairouter.task import Task
from tests.filters.attempting import Attempting, assert_gone, retry_policy, several
from tests.filters.inner import Sink, Source, run

REFUSED = UpstreamUnreachable("refused")


class Case(SynchronousTestCase):
    """A filter around attempts that the test plays by hand."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Attempting(self.clock)
        self.exchange = several()
        self.begin()

    def begin(self, exchange: Exchange | None = None, **given: Any) -> None:
        """Anew."""
        self.inner.exchanges.clear()
        self.exchange = exchange or several()
        self.policy = retry_policy(**given)
        self.retry = Retry(self.inner, self.clock, {"chat": self.policy})
        self.work: Deferred[Answer] = run(self.retry, self.exchange)

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def assert_attempts(self, number: int) -> None:
        """So many were begun, each at another instance."""
        self.assertEqual(len(self.inner.exchanges), number)
        self.assertEqual(len({attempt.instance for attempt in self.exchange.attempts}), number)

    def content_of(self, answer: Answer) -> bytes:
        sink = Sink()
        answer.body.deliver(sink)
        self.assertEqual(sink.ends, ["end"])
        return sink.data


class AttemptsTests(Case):
    """When there is another attempt."""

    def test_interface(self) -> None:
        verifyObject(IResponder, self.retry)
        self.inner.answer(AnswerBody.of(b""))
        self.successResultOf(self.work)

    def test_good_answer(self) -> None:
        body = self.inner.answer()
        self.assertIs(self.successResultOf(self.work).body, body)
        self.assert_attempts(1)
        self.assertEqual((self.exchange.added, self.exchange.not_retried), ((), ""))

    def test_after_an_error(self) -> None:
        self.inner.fail(REFUSED)
        self.assertNoResult(self.work)
        self.inner.answer(AnswerBody.of(b"good"))
        self.assertEqual(self.content_of(self.successResultOf(self.work)), b"good")
        self.assert_attempts(2)
        self.assertEqual(self.exchange.added, ())

    def test_after_a_failed_answer(self) -> None:
        """The client gets the good answer and nothing of the failed one."""
        self.inner.answer(AnswerBody.of(b"bad"), 503)
        self.inner.answer(AnswerBody.of(b"good"))
        self.assertEqual(self.content_of(self.successResultOf(self.work)), b"good")
        self.assert_attempts(2)

    def test_other_errors_are_passed_on(self) -> None:
        self.inner.fail(BadRequest("yours"))
        self.failureResultOf(self.work, BadRequest)
        self.assert_attempts(1)

    def test_other_answers_are_passed_on(self) -> None:
        """With the body that is still arriving, untouched."""
        source = Source()
        body = self.inner.answer(AnswerBody(source), 404)
        self.assertIs(self.successResultOf(self.work).body, body)
        self.assertEqual(source.calls, [])

    def test_faults_are_passed_on(self) -> None:
        self.inner.fail(RuntimeError("broken"))
        self.failureResultOf(self.work, RuntimeError)
        self.assert_attempts(1)

    def test_last_error_counts(self) -> None:
        for error in (REFUSED, UpstreamError("lost"), UpstreamError("lost as well")):
            self.inner.fail(error)
        self.assertEqual(str(self.failureResultOf(self.work, UpstreamError).value), "lost as well")
        self.assert_attempts(3)
        self.assertEqual(self.exchange.not_retried, "max-retries")

    def test_last_answer_counts(self) -> None:
        """As it came, body still arriving."""
        self.inner.fail(REFUSED)
        self.inner.fail(REFUSED)
        body = self.inner.answer(AnswerBody(Source()), 503)
        self.assertIs(self.successResultOf(self.work).body, body)

    def test_counted_anew_for_another_model(self) -> None:
        """The attempts at a model for which this one stands in are not its own."""
        for _ in range(3):
            self.inner.fail(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)
        self.exchange.group = several().group
        self.work = run(self.retry, self.exchange)
        for _ in range(2):
            self.inner.fail(REFUSED)
            self.assertNoResult(self.work)
        self.inner.fail(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)


class GivenUpTests(Case):
    """A failed answer is settled before there is another attempt."""

    def settled_with(self, body: AnswerBody) -> GatewayError | None:
        """Answer 503 with it. Returns with what it was settled when the next attempt began."""
        ends: list[GatewayError | None] = []
        when: list[int] = []

        def done(error: GatewayError | None) -> None:
            ends.append(error)
            when.append(len(self.inner.exchanges))

        body.on_done(done)
        self.inner.answer(body, 503)
        self.assertEqual(when, [1], "before the next attempt, and once")
        self.assert_attempts(2)
        return ends[0]

    def test_whole(self) -> None:
        """As complete: its status says the rest."""
        self.assertIsNone(self.settled_with(AnswerBody.of(b"bad")))
        self.finish()

    def test_still_arriving(self) -> None:
        """As what it is and not as left by the client; the connection is closed."""
        source = Source()
        error = self.settled_with(AnswerBody(source))
        self.assertIsInstance(error, UpstreamRefusal)
        self.assertEqual((error and error.status, source.calls), (503, ["abort"]))
        self.finish()

    def test_broken_meanwhile(self) -> None:
        body = AnswerBody(Source())
        body.broke(UpstreamError("lost"))
        self.assertIsInstance(self.settled_with(body), UpstreamRefusal)
        self.finish()

    def finish(self) -> None:
        self.inner.answer(AnswerBody.of(b"good"))
        self.assertEqual(self.content_of(self.successResultOf(self.work)), b"good")


class NobodyTests(Case):
    """The next attempt finds nobody: then the client gets the earlier answer, which says more."""

    def test_first_attempt(self) -> None:
        self.inner.nobody = 1
        self.failureResultOf(run(self.retry, several()), NoHealthyUpstream)
        self.inner.answer()
        self.successResultOf(self.work)

    def test_whole_answer(self) -> None:
        self.inner.nobody = 1
        self.inner.answer(AnswerBody.of(b"overloaded"), 503)
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.status, self.content_of(answer)), (503, b"overloaded"))
        self.assertEqual((self.exchange.not_retried, self.exchange.added), ("nobody", ()))
        self.assertEqual(self.exchange.retried, ())

    def test_answer_that_was_arriving(self) -> None:
        self.inner.nobody = 1
        self.inner._works.pop(0).callback(Answer(429, ((b"Retry-After", b"7"),), AnswerBody(Source())))
        error = self.failureResultOf(self.work, UpstreamRefusal).value
        assert isinstance(error, UpstreamRefusal)
        self.assertEqual((error.status, error.type, error.retry_after), (429, "rate_limit_error", 7.0))

    def test_error(self) -> None:
        self.inner.nobody = 1
        self.inner.fail(REFUSED)
        self.assertIs(self.failureResultOf(self.work, UpstreamUnreachable).value, REFUSED)

    def test_nobody_is_left(self) -> None:
        """That is known before: no wait, and the last failure counts."""
        self.inner.answer()
        self.successResultOf(self.work)
        self.begin(several(2), delay=1.0)
        self.inner.fail(REFUSED)
        self.clock.advance(1)
        self.inner.fail(UpstreamError("lost"))
        self.failureResultOf(self.work, UpstreamError)
        self.assertEqual((self.exchange.not_retried, self.exchange.retried), ("nobody", ("connect",)))


class RingTests(Case):
    """An error that is caught further out is gone without the garbage collector."""

    def setUp(self) -> None:
        super().setUp()
        self.inner.answer()
        self.successResultOf(self.work)

    def test_passed_on(self) -> None:
        assert_gone(self, Retry(self.inner, self.clock, {"chat": retry_policy(max_retries=0)}), self.inner)

    def test_earlier(self) -> None:
        """One that is raised again since nobody else was there."""
        self.inner.on_fail = lambda: setattr(self.inner, "nobody", 1)
        assert_gone(self, self.retry, self.inner)


class WaitTests(Case):
    """Between two attempts."""

    def setUp(self) -> None:
        super().setUp()
        self.inner.answer()
        self.successResultOf(self.work)
        self.begin(delay=1.0)
        self.inner.fail(REFUSED)

    def test_waits(self) -> None:
        self.assert_attempts(1)
        self.clock.advance(1)
        self.assert_attempts(2)
        self.inner.answer()
        self.successResultOf(self.work)

    def test_client_leaves(self) -> None:
        """Nothing is left, no further attempt is made."""
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(5)
        self.assert_attempts(1)

    def test_client_leaves_later(self) -> None:
        self.clock.advance(1)
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.inner.cancelled, 1)
        self.assert_attempts(2)


class ShouldRetryTests(Case):
    """Where the client's own retries would only make it worse, it is told so."""

    def told(self, failures: int, *, status: int = 503, **given: Any) -> bool:
        """Whether it is told, after so many failed answers."""
        answers = [Answer(status, given.pop("headers", ()), AnswerBody.of(b"")) for _ in range(failures)]
        self.inner._works.clear()
        self.begin(**given)
        for answer in answers:
            self.inner._works.pop(0).callback(answer)
        self.successResultOf(self.work)
        added = self.exchange.added
        self.assertIn(added, ((), (DO_NOT_RETRY,)))
        return bool(added)

    def test_budget_is_spent(self) -> None:
        self.assertTrue(self.told(1, floor=0.0))
        self.assertEqual(self.exchange.not_retried, "budget")

    def test_after_all_retries(self) -> None:
        self.assertTrue(self.told(3))

    def test_after_all_instances(self) -> None:
        self.assertTrue(self.told(2, exchange=several(2)))

    def test_first_attempt(self) -> None:
        """The gateway has not retried; the client may."""
        self.assertFalse(self.told(1, max_retries=0))

    def test_client_is_to_blame(self) -> None:
        self.assertFalse(self.told(1, status=400, floor=0.0))

    def test_throttled(self) -> None:
        """Told to wait, it comes back at a pace that does no harm."""
        wait = ((b"Retry-After", b"7"),)
        self.assertFalse(self.told(1, status=429, floor=0.0, headers=wait))
        self.assertTrue(self.told(1, status=429, floor=0.0))
        self.assertTrue(self.told(1, status=503, floor=0.0, headers=wait))

    def test_what_was_added_before_stays(self) -> None:
        self.inner._works.clear()
        case = several()
        case.added = ((b"x-ratelimit-limit-requests", b"5"),)
        self.begin(case, floor=0.0)
        self.inner.fail(REFUSED)
        self.failureResultOf(self.work, UpstreamUnreachable)
        told = ((b"x-ratelimit-limit-requests", b"5"), DO_NOT_RETRY)
        self.assertEqual(case.added, told)
        case.group = several().group  # another model stands in, and fails as well
        work = run(self.retry, case)
        self.inner.fail(REFUSED)
        self.failureResultOf(work, UpstreamUnreachable)
        self.assertEqual(case.added, told, "twice would be none of the two values that SDKs know")


class FastPathTests(SynchronousTestCase):
    """Where there is nothing to do, there is no coroutine of its own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner = Attempting(self.clock)

    def passed_through(self, exchange: Exchange, service: str = "chat") -> bool:
        work = Retry(self.inner, self.clock, {service: retry_policy()}).respond(exchange)
        assert inspect.iscoroutine(work)
        code = work.cr_code
        work.close()
        return code is Attempting.respond.__code__

    def test_one_instance(self) -> None:
        case = several(1)
        self.assertTrue(self.passed_through(case))
        assert case.group is not None
        case.group.again = True
        self.assertFalse(self.passed_through(case))

    def test_switched_off(self) -> None:
        self.assertTrue(self.passed_through(several(), "embedding"))
        self.assertFalse(self.passed_through(several()))

    def test_not_resolved(self) -> None:
        case = several()
        case.group = None
        self.assertTrue(self.passed_through(case))


class ThrownAwayTests(Case):
    """The coroutine is closed where it waits."""

    def test_closed(self) -> None:
        self.inner.answer()
        self.successResultOf(self.work)
        results: list[Any] = []
        coroutine = self.retry.respond(several())
        Task(coroutine, results.append, results.append).start()
        coroutine.close()
        self.assertEqual((self.inner.cancelled, results), (0, []))
