"""Charge: a request costs its caller what it costs, once, however many attempts it takes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.errors import RateLimited
from jairouter.exchange import Outcome
from jairouter.interfaces import IResponder, Quota

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.interfaces import IAllowance
    from jairouter.traffic.permits import Ledger


@implementer(IResponder)
class Charge:
    """Asks the allowance of whoever asks, and holds what it lends until the last byte.

    It stands inside Validate, since it has to know the model, and outside Resolve: a model that the caller
    may not use is refused in the same way whether there is one or not. What it says of what is left, Limit
    replaces by what it has to say itself, unless that is more.

    Args:
        inner: Answers.
        ledger: Lends the places of those who may have only so many requests under way.
        seconds: The clock's seconds.
    """

    def __init__(self, inner: IResponder, ledger: Ledger, seconds: Callable[[], float]) -> None:
        self._inner = inner
        self._ledger = ledger
        self._seconds = seconds

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        known = exchange.known
        if known is not None:
            allowance = known.allowance
            if allowance is not None:
                if allowance.lends:
                    return self._hold(exchange, allowance)
                self._take(exchange, allowance)
        return self._inner.respond(exchange)

    async def _hold(self, exchange: Exchange, allowance: IAllowance) -> Answer:
        """Where a place is lent: it is held until the last byte."""
        lent = allowance.lends  # the key may have been changed since
        self._take(exchange, allowance)
        if not lent:
            return await self._inner.respond(exchange)
        permit = self._ledger.open("key", lambda _: allowance.give_back(self._seconds()))
        try:
            answer = await self._inner.respond(exchange)
        except BaseException:
            permit.settle(Outcome.NEUTRAL)
            raise
        answer.body.on_done(lambda _: permit.settle(Outcome.NEUTRAL))
        return answer

    def _take(self, exchange: Exchange, allowance: IAllowance) -> None:
        try:
            exchange.quota = allowance.take(exchange.model, self._seconds())
        except RateLimited as error:
            exchange.quota = None if error.quota is None else Quota(*error.quota)
            raise
