r"""Hedge: a second attempt beside the first while that takes long.

::

            delay, allowed                good answer, or an error that no other instance does better
    ONE ---------------------> TWO --------------------------------------------+
     |                          |  the other failed                            |
     | answers, fails           v                                              v
     +-----------------> (of one that is left) answers, fails ---------------> OVER

Each attempt runs in a task of its own, so that a timeout ends the one that is late and not the other.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.errors import GatewayError
from jairouter.filters.retry import given_up
from jairouter.interfaces import IResponder
from jairouter.task import Promise, Task

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.exchange import Answer, Attempt, Exchange
    from jairouter.traffic.hedging import HedgePolicy


@implementer(IResponder)
class Hedge:
    """The first good answer counts, and the other attempt is cancelled.

    Args:
        inner: Makes one attempt, at an instance not tried yet.
        clock: Seconds, and waits.
        policies: Of the services that hedge, by name.
    """

    def __init__(self, inner: IResponder, clock: IReactorTime, policies: Mapping[str, HedgePolicy]) -> None:
        self._inner = inner
        self._clock = clock
        self._policies = policies

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        group = exchange.group
        # A body that is not held goes to one place at a time
        if group is None or len(group.instances) == 1 or exchange.body.data is None:
            return self._inner.respond(exchange)
        policy = self._policies.get(group.instances[0].service)
        if policy is None:
            return self._inner.respond(exchange)
        return self._respond(exchange, policy)

    async def _respond(self, exchange: Exchange, policy: HedgePolicy) -> Answer:
        if not exchange.attempts:
            policy.begin()
        race = _Race(self._inner, self._clock, policy, exchange)
        try:
            race.begin()
            await race.over
            return race.result()
        finally:
            race.stop()


class _Race:
    """The attempts of one exchange that are under way at a time: one, then perhaps two.

    Attributes:
        over: Settled when the result is certain.
    """

    __slots__ = (
        "_clock",
        "_error",
        "_exchange",
        "_failures",
        "_first",
        "_inner",
        "_policy",
        "_running",
        "_timer",
        "_winner",
        "over",
    )

    def __init__(
        self, inner: IResponder, clock: IReactorTime, policy: HedgePolicy, exchange: Exchange
    ) -> None:
        self.over: Promise[None] = Promise(lambda: None)
        self._inner = inner
        self._clock = clock
        self._policy = policy
        self._exchange = exchange
        self._running: list[_Runner] | None = []  # None when it is over
        self._first: _Runner | None = None
        self._failures: list[tuple[_Runner, Answer | BaseException]] = []
        self._winner: Answer | None = None
        self._error: BaseException | None = None
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """Make the first attempt."""
        delay = self._policy.delay(self._exchange)
        self._first = self._run()
        if self._running:
            self._timer = self._clock.callLater(delay, self._hedge)

    def result(self) -> Answer:
        """What came of it. Raises why there is no answer."""
        if self._winner is not None:
            return self._winner
        error, self._error = self._error, None
        assert error is not None
        try:
            raise error
        finally:
            del error  # it knows this frame by its traceback

    def stop(self) -> None:
        """Cancel whatever is still under way: it has lost, or nobody waits any more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        running, self._running, self._first = self._running, None, None
        for runner in running or ():
            runner.cancel()

    def _run(self) -> _Runner:
        runner = _Runner(self, self._exchange, self._inner.respond(self._exchange))
        assert self._running is not None
        self._running.append(runner)
        runner.start()
        return runner

    def _hedge(self) -> None:
        self._timer = None
        if self._policy.allows(self._exchange, self._clock.seconds()):
            attempt = self._run().attempt
            if attempt is not None:
                attempt.hedge = True

    def returned(self, runner: _Runner, answer: Answer) -> None:
        """One of them has an answer."""
        if self._running is None:
            answer.body.abandon()  # it came in spite of being cancelled
            return
        self._running.remove(runner)
        attempt = runner.attempt
        hedged = self._running or self._failures
        if hedged and attempt is not None and self._policy.retry.covers(answer, attempt):
            self._failed(runner, given_up(answer, self._clock.seconds()))
            return
        if answer.status < 400:
            self._observe()
        self._end(runner, answer)

    def raised(self, runner: _Runner, error: BaseException) -> None:
        """One of them has none."""
        if self._running is None:
            return
        self._running.remove(runner)
        attempt = runner.attempt
        if attempt is None and self._running:
            return  # nobody could be asked to overtake the first one
        if attempt is None or not (
            isinstance(error, GatewayError) and self._policy.retry.covers(error, attempt)
        ):
            self._end(runner, error)
        else:
            self._failed(runner, error)

    def fail(self, runner: _Runner, fault: BaseException) -> None:
        """It cannot be said what came of one of them: nobody must wait for ever because of that."""
        if self._running is not None and self._winner is None and self._error is None:
            self._end(runner, fault)

    def _failed(self, runner: _Runner, failure: Answer | BaseException) -> None:
        self._failures.append((runner, failure))
        if not self._running:
            self._end(*self._failures[0])

    def _end(self, runner: _Runner, result: Answer | BaseException) -> None:
        if runner.attempt is not None:
            self._exchange.turn_to(runner.attempt)
        if isinstance(result, BaseException):
            self._error = result
        else:
            self._winner = result
        self._failures.clear()
        self.over.settle(None)

    def _observe(self) -> None:
        attempt = None if self._first is None else self._first.attempt
        if attempt is not None:
            self._policy.answered(self._exchange, self._clock.seconds() - attempt.began)


class _Runner:
    """One of the attempts.

    Args:
        race: Told what comes of it.
        exchange: What it is about.
        work: The attempt.

    Attributes:
        attempt: What Pick knows it as; None when nobody could be asked.
    """

    __slots__ = ("_begun", "_exchange", "_race", "_task", "attempt")

    def __init__(self, race: _Race, exchange: Exchange, work: Coroutine[Any, Any, Answer]) -> None:
        self.attempt: Attempt | None = None
        self._race = race
        self._exchange = exchange
        self._begun = len(exchange.attempts)
        self._task: Task[Answer] = Task(work, self._returned, self._raised)

    def start(self) -> None:
        """Begin."""
        self._task.start()
        self._look()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._task.cancel()

    def _look(self) -> None:
        """See which attempt it is. Pick has added it before anything could be waited for."""
        attempts = self._exchange.attempts
        if self.attempt is None and len(attempts) > self._begun:
            self.attempt = attempts[self._begun]
        self._begun = sys.maxsize

    def _returned(self, answer: Answer) -> None:
        self._look()
        try:
            self._race.returned(self, answer)
        except BaseException as fault:
            self._race.fail(self, fault)

    def _raised(self, error: BaseException) -> None:
        self._look()
        try:
            self._race.raised(self, error)
        except BaseException as fault:
            self._race.fail(self, fault)
