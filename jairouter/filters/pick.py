"""Pick: one instance for one attempt, held until the last byte of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from jairouter.errors import GatewayError, NoHealthyUpstream
from jairouter.exchange import Attempt, Outcome
from jairouter.interfaces import IResponder
from jairouter.traffic.outcomes import outcome_of_answer, outcome_of_error

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.interfaces import IBalancer
    from jairouter.traffic.permits import Ledger


@implementer(IResponder)
class Pick:
    """Asks the balancer once per attempt and settles the instance's permit exactly once.

    Args:
        inner: Answers, from the instance picked.
        balancer: Chooses.
        ledger: Lends the permits.
        clock: Seconds.
    """

    def __init__(
        self, inner: IResponder, balancer: IBalancer, ledger: Ledger, clock: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._balancer = balancer
        self._ledger = ledger
        self._clock = clock

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        instance = self._balancer.pick(exchange.candidates, b"")
        if instance is None:
            raise NoHealthyUpstream(
                f"no instance of the model {exchange.model!r} takes requests now", retry_after=5
            )
        attempt = Attempt(instance, self._clock)
        exchange.attempts.append(attempt)
        permit = instance.acquire(self._ledger)

        def settle(outcome: Outcome) -> None:
            attempt.outcome = outcome
            permit.settle(outcome)

        try:
            answer = await self._inner.respond(exchange)
        except GatewayError as error:
            settle(outcome_of_error(error))
            raise
        except CancelledError:
            settle(Outcome.ABANDONED)
            raise
        except BaseException:
            # A fault of ours says nothing about the instance, but its slot must come back
            settle(Outcome.NEUTRAL)
            raise
        answer.body.on_done(lambda error: settle(outcome_of_answer(attempt.status, error)))
        return answer
