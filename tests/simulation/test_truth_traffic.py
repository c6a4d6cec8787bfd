"""The judge of traffic control is judged: each test puts in one fault, and some schedule must name it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Answer, Exchange, Outcome
from jairouter.filters import hedge, memory, pick, retry
from jairouter.interfaces import Quota
from jairouter.policies import _Making
from jairouter.task import Task
from jairouter.traffic import rule
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_states import State
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.exclusion import Exclusion
from jairouter.traffic.group import Group
from jairouter.traffic.limiters import token_bucket
from jairouter.traffic.limiters.concurrency import Concurrency
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limits import Limits
from jairouter.traffic.live import Live
from tests.simulation.run import run


class TrafficJudgeTests(SynchronousTestCase):
    """Each test breaks one promise; the seeds are some that have what it takes to see it."""

    def assert_noticed(self, words: str, *seeds: int) -> None:
        """One of the schedules must fail with these words."""
        said = []
        for seed in seeds:
            said += run(seed).faults
            self.flushLoggedErrors()
            if any(words in fault for fault in said):
                return
        self.fail(f"nothing was noticed but {[fault[:200] for fault in said][:10]}")

    def test_a_permit_is_not_settled_when_its_attempt_is_cancelled(self) -> None:
        settle = pick._Held.settle

        def forget(held: pick._Held, outcome: Outcome) -> None:
            if outcome is not Outcome.ABANDONED:
                settle(held, outcome)

        self.patch(pick._Held, "settle", forget)
        self.assert_noticed("attempt=", 0, 1, 2)

    def test_a_retry_after_the_first_byte(self) -> None:
        """A stream that breaks is asked for once more, though its beginning has been passed on."""
        respond = retry.Retry.respond

        def again(filter: retry.Retry, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
            async def answered() -> Answer:
                answer = await respond(filter, exchange)
                if answer.event_stream:
                    answer.body.on_done(lambda error: _ask_again(filter, exchange) if error else None)
                return answer

            return answered()

        self.patch(retry.Retry, "respond", again)
        self.assert_noticed("after the first byte had reached the client", 0, 16, 22)

    def test_a_trial_is_lost_when_it_is_given_up(self) -> None:
        settle = Breaker.settle

        def lose(breaker: Breaker, ticket: object, outcome: Outcome, now: float) -> None:
            if outcome is not Outcome.ABANDONED:
                settle(breaker, ticket, outcome, now)

        self.patch(Breaker, "settle", lose)
        self.assert_noticed("trial=1", 31, 59, 138)

    def test_more_trials_than_allowed(self) -> None:
        exclusion = Breaker.exclusion

        def only_while_open(breaker: Breaker, now: float) -> Exclusion | None:
            return exclusion(breaker, now) if breaker.state is State.OPEN else None

        self.patch(Breaker, "exclusion", only_while_open)
        self.assert_noticed("trials at a time", 13, 20, 34)

    def test_a_breaker_stays_open(self) -> None:
        """However long ago it opened."""
        exclusion = Breaker.exclusion

        def still(breaker: Breaker, now: float) -> Exclusion | None:
            return exclusion(breaker, breaker.since if breaker.state is State.OPEN else now)

        self.patch(Breaker, "exclusion", still)
        self.assert_noticed("without a reason", 6, 42, 53)

    def test_a_token_is_charged_twice(self) -> None:
        take, take_from = TokenBucket.take, token_bucket.take_from

        def twice(bucket: TokenBucket, now: float) -> float:
            take(bucket, now)
            return take(bucket, now)

        def twice_from(buckets: list[TokenBucket], now: float) -> Quota:
            take_from(buckets, now)
            return take_from(buckets, now)

        self.patch(TokenBucket, "take", twice)
        self.patch(rule, "take_from", twice_from)
        self.assert_noticed("had to be admitted", 2, 10, 27, 46)

    def test_a_place_is_given_back_twice(self) -> None:
        give_back = Concurrency.give_back

        def twice(places: Concurrency, now: float, turn: float) -> None:
            give_back(places, now, turn)
            give_back(places, now, turn)

        self.patch(Concurrency, "give_back", twice)
        self.assert_noticed("had to be refused", 16, 20, 23)

    def test_the_buckets_are_not_carried_over_a_reload(self) -> None:
        self.patch(Limits, "carry_over", lambda limits, old, now: None)
        self.assert_noticed("had to be refused", 5, 10, 11)

    def test_a_breaker_is_not_carried_over_a_reload(self) -> None:
        make = _Making.__init__

        def forget(making: _Making, *arguments: Any) -> None:
            make(making, *arguments)
            making._old = {}

        self.patch(_Making, "__init__", forget)
        self.assert_noticed("an attempt though the breaker is open", 10, 13, 20, 43, 49)

    def test_what_is_in_flight_is_not_carried_over_a_reload(self) -> None:
        make = Live.recheck

        def forget(live: Live) -> None:
            make(live)
            live.in_flight = 0

        self.patch(Live, "recheck", forget)
        self.assert_noticed("in flight at the end", 0, 5, 6)

    def test_the_loser_of_a_hedge_goes_on(self) -> None:
        self.patch(hedge._Runner, "cancel", lambda runner: None)
        self.assert_noticed("backends were at work when the answer had begun", 107, 158)

    def test_a_remembered_answer_is_given_to_another_caller(self) -> None:
        key = memory._key

        def for_all(exchange: Exchange, body: bytes) -> bytes:
            exchange._caller = b"anybody"
            return key(exchange, body)

        self.patch(memory, "_key", for_all)
        self.assert_noticed("another caller's", 7, 28, 32, 45, 84)

    def test_an_instance_is_asked_again_that_was_tried(self) -> None:
        choose = Group.choose
        self.patch(Group, "choose", lambda group, now, key, tried=(), busy=(): choose(group, now, key))
        self.assert_noticed("the same instance was asked twice", 8, 12, 26)

    def test_a_drained_instance_is_asked(self) -> None:
        make = Group.__init__

        def all_of_them(group: Group, instances: Any, *more: Any) -> None:
            for each in instances:
                each.weight = each.weight or 1
                each.live.weight = each.live.share = each.weight
            make(group, instances, *more)

        self.patch(Group, "__init__", all_of_them)
        self.assert_noticed("which is drained", 4, 5)

    def test_failures_are_taken_for_the_callers_fault(self) -> None:
        self.patch(pick, "outcome_of_answer", lambda status, error: Outcome.NEUTRAL)
        self.assert_noticed("was taken as Outcome.NEUTRAL", 0, 1)

    def test_retries_cost_nothing(self) -> None:
        self.patch(RetryBudget, "withdraw", lambda budget, now: True)
        self.assert_noticed("are allowed", 1, 7, 12)


def _ask_again(filter: retry.Retry, exchange: Exchange) -> None:
    def drop(answer: Answer) -> None:
        answer.body.abandon()

    exchange.attempts.clear()
    Task(filter._inner.respond(exchange), drop, lambda error: None).start()
