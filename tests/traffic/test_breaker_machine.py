"""Properties of `jairouter.traffic.breaker`: whatever happens, in whatever order.

The model beside it is the table of the module's docstring, written another way: it keeps a list of what has
happened since the state began, and works everything out from that each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.breaker_states import Change, State
from jairouter.traffic.permits import AlreadySettled, Ledger
from tests.fuzz.examples import TIMES

DRAWN = {
    (State.CLOSED, State.OPEN),
    (State.OPEN, State.HALF_OPEN),
    (State.HALF_OPEN, State.OPEN),
    (State.HALF_OPEN, State.CLOSED),
}
PATIENCE = 40.0
EXAMPLES = settings(
    deadline=None, database=None, derandomize=TIMES == 1, max_examples=50 * TIMES, stateful_step_count=40
)
LIMITS = st.builds(
    BreakerLimits,
    failure_threshold=st.integers(1, 3),
    success_threshold=st.integers(1, 3),
    half_open_trials=st.integers(1, 3),
    recovery_timeout=st.just(PATIENCE),
)


@dataclass(eq=False)
class Began:
    """An attempt, as the model knows it.

    Attributes:
        period: During which state it began, counted from the first.
        trial: Whether that was a half-open one.
        since: When it last began to wait for something.
    """

    period: int
    trial: bool
    since: float
    answering: bool = False
    good: bool = False
    over: bool = False
    placed: bool = True


class Model:
    """What a breaker should do."""

    def __init__(self, limits: BreakerLimits) -> None:
        self.limits = limits
        self.period = 0
        self.state = State.CLOSED
        self.since = 0.0
        self.row: list[Outcome] = []
        self.ended_well = 0
        self.all: list[Began] = []

    def go(self, state: State, now: float) -> None:
        self.period += 1
        self.state, self.since, self.row, self.ended_well = state, now, [], 0

    def mine(self) -> list[Began]:
        """Trials of this period."""
        return [each for each in self.all if each.trial and each.period == self.period]

    def pass_time(self, now: float) -> None:
        for each in self.mine():
            if not each.over and now - each.since >= PATIENCE:
                each.placed = False
                each.good = each.good or each.answering
        self.judge(now)

    def judge(self, now: float) -> None:
        good = self.ended_well + sum(each.good for each in self.mine())
        if self.state is State.HALF_OPEN and good >= self.limits.success_threshold:
            self.go(State.CLOSED, now)

    def under_way(self, now: float) -> int:
        return sum(1 for each in self.mine() if not each.over and each.placed and now - each.since < PATIENCE)

    def lets_through(self, now: float) -> bool:
        if self.state is State.OPEN:
            return now >= self.since + self.limits.recovery_timeout
        return self.state is State.CLOSED or self.under_way(now) < self.limits.half_open_trials

    def begin(self, now: float) -> Began:
        if self.state is State.OPEN:
            self.go(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN:
            self.pass_time(now)
        self.all.append(Began(self.period, self.state is State.HALF_OPEN, now))
        return self.all[-1]

    def end(self, which: Began, outcome: Outcome, now: float) -> None:
        if which.trial and which.period == self.period:
            self.pass_time(now)
        which.over = True
        if which.period != self.period:
            return
        if which.trial and outcome is Outcome.FAILED:
            self.go(State.OPEN, now)
        elif which.trial and outcome is Outcome.SUCCEEDED and not which.good:
            self.ended_well += 1
            self.judge(now)
        elif not which.trial and outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
            self.row.append(outcome)
            if self.row[-self.limits.failure_threshold :] == [Outcome.FAILED] * self.limits.failure_threshold:
                self.go(State.OPEN, now)


class BreakerMachine(RuleBasedStateMachine):
    """Does everything to a breaker that may be done to it, and the same to the model."""

    attempts: Bundle[tuple[object, Began]] = Bundle("attempts")

    @initialize(limits=LIMITS)
    def make(self, limits: BreakerLimits) -> None:
        self.now = 1000.0
        self.ledger = Ledger()
        self.changes: list[Change] = []
        self.breaker = Breaker(limits, self.ledger, self.changes.append)
        self.model = Model(limits)
        self.begun: list[tuple[object, Began]] = []

    @rule(seconds=st.sampled_from([0.5, 10.0, PATIENCE - 1, PATIENCE]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.model.lets_through(self.now))
    @rule(target=attempts)
    def begin(self) -> tuple[object, Began]:
        self.begun.append((self.breaker.acquire(self.now), self.model.begin(self.now)))
        return self.begun[-1]

    @rule(attempt=attempts)
    def answer(self, attempt: tuple[object, Began]) -> None:
        ticket, known = attempt
        if not known.over and not known.answering:
            self.breaker.answering(ticket, self.now)
            known.answering = True
            known.since = self.now

    @rule(attempt=attempts, outcome=st.sampled_from(Outcome))
    def end(self, attempt: tuple[object, Began], outcome: Outcome) -> None:
        ticket, known = attempt
        if not known.over:
            self.breaker.settle(ticket, outcome, self.now)
            self.model.end(known, outcome, self.now)
        elif known.trial:
            try:
                self.breaker.settle(ticket, outcome, self.now)
            except AlreadySettled:
                return
            raise AssertionError("a trial was settled twice")

    @rule()
    def recover(self) -> None:
        """From every state, good attempts close it, and soon: it is never stuck."""
        self.now += PATIENCE  # the open time is over, or those that hang have lost their places
        for _ in range(self.model.limits.success_threshold):
            if self.model.state is not State.CLOSED:
                self.end(self.begin(), Outcome.SUCCEEDED)
        assert self.breaker.closed

    @invariant()
    def same(self) -> None:
        """It is where the model says, and does what that says."""
        assert self.breaker.state is self.model.state
        assert self.breaker.closed is (self.model.state is State.CLOSED)
        assert (self.breaker.exclusion(self.now) is None) is self.model.lets_through(self.now)

    @invariant()
    def only_as_drawn(self) -> None:
        assert {(change.before, change.after) for change in self.changes} <= DRAWN
        assert all(one.after is two.before for one, two in zip(self.changes, self.changes[1:], strict=False))

    @invariant()
    def so_many_trials(self) -> None:
        trials = self.ledger.outstanding()["trial"]
        assert trials == self.breaker.trials <= self.model.limits.half_open_trials
        assert not trials or self.model.state is State.HALF_OPEN

    def teardown(self) -> None:
        """When all attempts are over, nothing is lent out."""
        if hasattr(self, "model"):
            for ticket, known in self.begun:
                if not known.over:
                    self.breaker.settle(ticket, Outcome.ABANDONED, self.now)
            assert self.ledger.at_rest


class BreakerMachineTests(SynchronousTestCase):
    """The machine above, run."""

    def test_machine(self) -> None:
        run_state_machine_as_test(BreakerMachine, settings=EXAMPLES)
