"""Retry and Hedge around the real Pick: whatever happens in whatever order, nothing leaks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import RateLimited, UpstreamTimeout, UpstreamUnreachable
from jairouter.exchange import Answer, Attempt, Exchange, Outcome
from jairouter.filters.hedge import Hedge
from jairouter.filters.pick import Pick
from jairouter.filters.retry import Retry
from jairouter.interfaces import IResponder
from jairouter.traffic.permits import Ledger
from tests.filters.attempting import hedge_policy, retry_policy, several
from tests.filters.inner import Source, run
from tests.fuzz.examples import examples

ERRORS = (UpstreamUnreachable("refused"), UpstreamTimeout("late"), RateLimited("ours"), RuntimeError("fault"))
STEPS = st.one_of(
    st.tuples(st.just("answer"), st.integers(0, 1), st.sampled_from((200, 404, 429, 503)), st.booleans()),
    st.tuples(st.just("fail"), st.integers(0, 1), st.sampled_from(ERRORS)),
    st.tuples(st.just("wait"), st.sampled_from((0.01, 0.5, 3.0))),
    st.tuples(st.just("eject"), st.integers(0, 3)),
)


@implementer(IResponder)
class Backends:
    """What is inside of Pick.

    Attributes:
        waiting: Attempts that are not answered.
        bodies: Of all answers.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[Attempt, Deferred[Answer]]] = []
        self.bodies: list[AnswerBody] = []

    async def respond(self, exchange: Exchange) -> Answer:
        entry = (exchange.attempt, Deferred[Answer]())
        self.waiting.append(entry)
        try:
            return await entry[1]
        finally:
            self.waiting.remove(entry)

    def answer(self, index: int, status: int, whole: bool) -> None:
        attempt, deferred = self.waiting[min(index, len(self.waiting) - 1)]
        attempt.status = status
        self.bodies.append(AnswerBody.of(b"{}") if whole else AnswerBody(Source()))
        deferred.callback(Answer(status, (), self.bodies[-1]))

    def fail(self, index: int, error: Exception) -> None:
        self.waiting[min(index, len(self.waiting) - 1)][1].errback(error)


class SequenceTests(SynchronousTestCase):
    """One exchange, four instances, then the client leaves."""

    @given(st.lists(STEPS, max_size=12), st.booleans(), st.integers(0, 3))
    @examples(120)
    def test_nothing_leaks(self, steps: list[tuple[Any, ...]], again: bool, max_retries: int) -> None:
        """Each attempt is settled once, as what it was; there is one result and no body is forgotten."""
        clock, backends, ledger, results = Clock(), Backends(), Ledger(), list[Any]()
        retry = retry_policy(delay=0.02, max_retries=max_retries)
        hedge = Hedge(Pick(backends, ledger, clock), clock, {"chat": hedge_policy(retry, delay=0.3)})
        case = several(4)
        assert case.group is not None
        case.group.again = again
        work = run(Retry(hedge, clock, {"chat": retry}), case)
        work.addBoth(results.append)
        for what, *details in steps:
            if what == "wait":
                clock.advance(*details)
            elif what == "eject":
                case.group.instances[details[0]].live.eject(clock.seconds() + 1, clock.seconds())
            elif backends.waiting:
                getattr(backends, what)(*details)
            self.assertEqual(bool(results), not backends.waiting and not clock.getDelayedCalls())
            under_way = sum(attempt.outcome is None for attempt in case.attempts)
            self.assertEqual(ledger.outstanding()["attempt"], under_way)
        work.cancel()
        [result] = results
        if isinstance(result, Answer):
            self.assertIs(case.attempt.status, result.status)
            result.body.abandon()
        else:
            self.assertIsInstance(result, Failure)
        self.assertEqual((clock.getDelayedCalls(), backends.waiting), ([], []))
        self.assertTrue(ledger.at_rest, ledger)
        self.assertEqual([each.in_flight for each in case.group.instances], [0] * 4)
        self.assertLessEqual(len(case.attempts), 1 + max_retries + 1)
        self.assertLessEqual(sum(attempt.hedge for attempt in case.attempts), 1)
        if not again:
            self.assertEqual(len({each.instance for each in case.attempts}), len(case.attempts))
        for attempt in case.attempts:
            if attempt.status == 503 and attempt is not case.attempt:
                self.assertIs(attempt.outcome, Outcome.FAILED)
        over: list[Any] = []
        for body in backends.bodies:
            body.on_done(over.append)
        self.assertEqual(len(over), len(backends.bodies), "each is settled")
