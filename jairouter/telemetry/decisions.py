"""Why this instance: the record of recent decisions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import IDecisionLog, IRecorder
from jairouter.traffic.decision import Decision, Key
from jairouter.traffic.exclusion import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.traffic.group import Excluded

_CONFIGURED = (Reason.DRAINED, Reason.TIER)

MAX_EXCLUDED = 50
"""Instances of which is kept why one attempt could not use them."""
MAX_MODEL = 100
"""Characters of a model's name that are kept: clients may write what they like there."""


@implementer(IRecorder, IDecisionLog)
class DecisionLog:
    """Keeps the last so many.

    Of requests that went the usual way (one attempt, no instance excluded, no error) a share is kept, evenly
    spread. The others are what one looks for, and all of them are.

    Args:
        size: How many are kept.
        share: Of the usual ones, 0 to 1.
        seconds: The clock.
    """

    def __init__(self, size: int, share: float, seconds: Callable[[], float]) -> None:
        self._kept: deque[Decision] = deque(maxlen=size)
        self._share = share
        self._seconds = seconds
        self._due = 0.0

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        attempts = exchange.attempts
        # A refusal before any attempt says nothing about instances, and whoever hits a limit all day long
        # must not push the others out
        usual = status < 400 and len(attempts) == 1
        if usual and attempts[0].excluded:
            usual = _nothing_wrong(attempts[0].excluded)
        if usual or not (attempts or exchange.excluded):
            self._due += self._share
            if self._due < 1:
                return
            self._due -= 1
        self._keep(exchange, status, error)

    def recent(self, most: int = 100, model: str | None = None) -> Sequence[Decision]:
        """See `IDecisionLog.recent`."""
        latest: Iterable[Decision] = reversed(self._kept)
        if model is not None:
            latest = (each for each in latest if each.model == model)
        return tuple(islice(latest, most))

    def _keep(self, exchange: Exchange, status: int, error: GatewayError | None) -> None:
        request, attempts = exchange.request, exchange.attempts
        for attempt in attempts:
            attempt.excluded = attempt.excluded[:MAX_EXCLUDED]
        self._kept.append(
            Decision(
                exchange.started,
                request.id,
                request.route.path,
                request.route.service,
                exchange.model[:MAX_MODEL],
                status,
                (error.code or error.type)[:MAX_MODEL] if error is not None else "",
                exchange.waited,
                self._seconds() - exchange.started,
                exchange.fallback,
                attempts,
                exchange.excluded[:MAX_EXCLUDED],
                Key.of(exchange),
            )
        )


def _nothing_wrong(excluded: Excluded) -> bool:
    """Whether those that were not used are so because the configuration says so."""
    return all(why.reason in _CONFIGURED for _, why in excluded)
