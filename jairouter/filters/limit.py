"""Limit: a request costs each limit that it stands under once, however many attempts it takes."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.errors import RateLimited
from jairouter.exchange import Outcome
from jairouter.filters.pause import pause
from jairouter.interfaces import IResponder
from jairouter.traffic.rule import Admitted, Refused

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jairouter.exchange import Answer, Exchange
    from jairouter.interfaces import ILimiter
    from jairouter.traffic.limits import Limits
    from jairouter.traffic.permits import Ledger, Permit
    from jairouter.traffic.rule import Rule


@implementer(IResponder)
class Limit:
    """Asks all limits on an exchange, takes from all of them, and lets it wait for its turn.

    Args:
        inner: Answers.
        limits: What is configured.
        ledger: Lends the places under limits of how many may be under way or wait.
        clock: Seconds, and waits.
    """

    def __init__(self, inner: IResponder, limits: Limits, ledger: Ledger, clock: IReactorTime) -> None:
        self._inner = inner
        self._rule = limits.rule
        self._ledger = ledger
        self._clock = clock
        self._seconds = clock.seconds

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        rule = self._rule(exchange.request.route.service)
        if rule is not None:
            if rule.lends:
                return self._hold(exchange, rule)
            _admit(exchange, rule, self._seconds())
        return self._inner.respond(exchange)

    async def _hold(self, exchange: Exchange, rule: Rule) -> Answer:
        """Where something is lent out: it is held until the last byte."""
        now = self._seconds()
        admitted = _admit(exchange, rule, now)
        permit = self._lend(admitted.lent)
        try:
            if admitted.wait:
                await self._wait(exchange, admitted.wait)
            answer = await self._inner.respond(exchange)
        except BaseException:
            permit.settle(Outcome.NEUTRAL)
            raise
        answer.body.on_done(lambda _: permit.settle(Outcome.NEUTRAL))
        return answer

    def _lend(self, lent: list[tuple[ILimiter, float]]) -> Permit:
        def give_back(_: Outcome) -> None:
            now = self._seconds()
            for limiter, turn in lent:
                limiter.give_back(now, turn)

        return self._ledger.open("limit", give_back)

    async def _wait(self, exchange: Exchange, wait: float) -> None:
        began = self._seconds()
        try:
            await pause(self._clock, wait)
        finally:
            exchange.waited += self._seconds() - began


def _admit(exchange: Exchange, rule: Rule, now: float) -> Admitted:
    """Take from all limits.

    Raises:
        RateLimited: Some refuses, and nothing was taken.
    """
    verdict = rule.admit(exchange, now)
    before, exchange.quota = exchange.quota, verdict.quota
    if isinstance(verdict, Refused):
        message = f"the limit of {verdict.name} is reached"
        raise RateLimited(message, retry_after=verdict.wait, limit=verdict.told)
    exchange.passed = (*exchange.passed, *rule.told) if exchange.passed else rule.told
    if before is not None and before.remaining < verdict.quota.remaining:
        exchange.quota = before  # the key may do less than everybody
    return verdict
