"""Retry: one more attempt, or not."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, UpstreamRefusal
from jairouter.filters.pause import pause
from jairouter.headers import without
from jairouter.interfaces import IResponder
from jairouter.traffic.retry import Declined, reason_of, told_wait

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jairouter.exchange import Answer, Exchange
    from jairouter.traffic.retry import RetryPolicy

DO_NOT_RETRY = (b"x-should-retry", b"false")
"""OpenAI's SDKs then leave it at that."""

_ADVICE = frozenset({DO_NOT_RETRY[0]})


@implementer(IResponder)
class Retry:
    """Has attempts made until one is good enough, or there must be no more.

    It sees answers of which nobody has read a byte; once it has returned one, there is no way back.

    Args:
        inner: Makes one attempt, at an instance not tried yet.
        clock: Seconds, and waits.
        policies: Of the services that have further attempts, by name.
    """

    def __init__(self, inner: IResponder, clock: IReactorTime, policies: Mapping[str, RetryPolicy]) -> None:
        self._inner = inner
        self._clock = clock
        self._policies = policies

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        group = exchange.group
        if group is None or (len(group.instances) == 1 and not group.again):
            return self._inner.respond(exchange)
        policy = self._policies.get(group.instances[0].service)
        if policy is None:
            return self._inner.respond(exchange)
        return self._respond(exchange, policy)

    async def _respond(self, exchange: Exchange, policy: RetryPolicy) -> Answer:
        policy.begin(exchange, self._clock.seconds())
        failures: list[Answer | GatewayError] = []
        while True:
            begun = len(exchange.attempts)
            try:
                answer = await self._inner.respond(exchange)
            except GatewayError as error:
                if len(exchange.attempts) == begun:  # nobody could be asked
                    if not failures:
                        raise
                    return self._once_more(exchange, failures)
                wait = self._wait(exchange, policy, len(failures), error)
                if wait is None:
                    raise
                failures.append(error.with_traceback(None))  # which knows this frame
            else:
                if answer.status < 400:
                    return answer
                wait = self._wait(exchange, policy, len(failures), answer)
                if wait is None:
                    return _as_told(exchange, answer)
                failures.append(given_up(answer, self._clock.seconds()))
            if wait:
                await pause(self._clock, wait)
            exchange.retried += (reason_of(failures[-1], exchange.attempt),)

    def _once_more(self, exchange: Exchange, failures: list[Answer | GatewayError]) -> Answer:
        """What the last attempt came to, since there is not another one: return or raise it."""
        made = len(failures) - 1
        exchange.retried = exchange.retried[:-1]  # (which was not made after all)
        _leave_it(exchange, Declined.NOBODY, made, failures[-1], self._clock.seconds())
        failure = failures.pop()
        if not isinstance(failure, GatewayError):
            return _as_told(exchange, failure)
        try:
            raise failure from None
        finally:
            del failure  # it knows this frame by its traceback

    def _wait(
        self, exchange: Exchange, policy: RetryPolicy, made: int, failure: Answer | GatewayError
    ) -> float | None:
        """Seconds before the next attempt, or None when there is none."""
        now = self._clock.seconds()
        verdict = policy.decide(exchange, made, failure, now)
        if isinstance(verdict, Declined):
            _leave_it(exchange, verdict, made, failure, now)
            return None
        return verdict


def _leave_it(
    exchange: Exchange, why: Declined, made: int, failure: Answer | GatewayError, now: float
) -> None:
    """There is no further attempt: note why, and let no client make up for it where that would do harm.

    A gateway that makes 3 attempts below an SDK that makes 3 makes 9. Only whoever is throttled and told for
    how long comes back at a pace that does no harm.
    """
    exchange.not_retried = why.word
    if why is Declined.CLASS or not (made or why is Declined.BUDGET):
        return
    paced = failure.status == 429 and told_wait(failure, now) is not None
    if not paced and DO_NOT_RETRY not in exchange.added:  # (another model may have been tried before)
        exchange.added = (*exchange.added, DO_NOT_RETRY)


def _as_told(exchange: Exchange, answer: Answer) -> Answer:
    """The answer without the backend's own advice, where ours stands in its place.

    SDKs read two headers of one name as one value, which would be neither.
    """
    if DO_NOT_RETRY not in exchange.added:
        return answer
    return answer._replace(headers=without(answer.headers, _ADVICE))


def given_up(answer: Answer, now: float, code: str | None = None) -> Answer | GatewayError:
    """Settle a failed answer that nobody will read, as what it is, and keep what a client can still be given.

    Args:
        answer: Of status 400 or more. Its attempt is over when this returns.
        now: Seconds since the epoch, for an answer that says until when to wait by a date.
        code: Of the error.

    Returns:
        The same answer, if it was here as a whole, else an error that says as much.
    """
    body, status = answer.body, answer.status
    if body.whole:
        return answer._replace(body=AnswerBody.of(body.take()))
    kind = "rate_limit_error" if status == 429 else None
    refusal = UpstreamRefusal(f"the backend failed with status {status}", status=status, type=kind, code=code)
    refusal.retry_after = told_wait(answer, now)
    body.abandon(refusal)
    return refusal
