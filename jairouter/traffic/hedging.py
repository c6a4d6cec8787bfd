"""When a second attempt is made beside one that takes long, and whether it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.traffic.budget import LoadCap
from jairouter.traffic.percentile import RecentTimes

if TYPE_CHECKING:
    from collections.abc import Collection

    from jairouter.config.settings.retrying import HedgeSettings
    from jairouter.exchange import Exchange, Route
    from jairouter.traffic.retry import RetryPolicy


class HedgePolicy:
    """Decides for one service.

    Args:
        settings: What is configured.
        retry: Of the same service; a hedge is a further attempt like any other.

    Attributes:
        retry: As given.
    """

    def __init__(self, settings: HedgeSettings, retry: RetryPolicy) -> None:
        self.retry = retry
        self._delay = settings.delay
        self._percent = settings.percentile
        self._cap = LoadCap(settings.max_extra_load)
        # Of models that exist, so there is an end of them. A whole answer begins when it is complete: where
        # clients stream and where they do not, the same model has two speeds
        self._times: dict[tuple[Route, str, bool], RecentTimes] = {}

    def carry_over(self, old: HedgePolicy, models: Collection[str]) -> None:
        """Go on with what another one knows, after a reload; another percentile begins anew.

        Args:
            old: The one before.
            models: Those that there still are.
        """
        if old._percent == self._percent:
            self._times = {kind: times for kind, times in old._times.items() if kind[1] in models}

    def begin(self) -> None:
        """A request came."""
        self._cap.deposit()

    def delay(self, exchange: Exchange) -> float:
        """How long the first attempt is waited for, in seconds."""
        times = self._times.get(_kind_of(exchange))
        found = None if times is None else times.percentile
        return self._delay if found is None else found

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """A first attempt took so long to begin its answer, or so long when a hedge overtook it.

        The second kind has to be told as well: if only those counted that were not overtaken, each hedge
        would make the next one come earlier.
        """
        if self._percent is None:
            return
        kind = _kind_of(exchange)
        times = self._times.get(kind)
        if times is None:
            times = self._times[kind] = RecentTimes(self._percent)
        times.observe(seconds)

    def allows(self, exchange: Exchange, now: float) -> bool:
        """Whether there may be a second attempt now; what it costs is taken then."""
        group = exchange.group
        tried = exchange.tried
        if (
            self._cap.reached
            or group is None
            or any(attempt.hedge for attempt in exchange.attempts)
            or all(each in tried for each in group.instances)  # none is asked twice at a time
            or self.retry.late(exchange, now) is not None
            or not group.could_choose(now, tried, exchange.busy)
            or not self.retry.budget.withdraw(now)
        ):
            return False
        self._cap.withdraw()
        return True


def _kind_of(exchange: Exchange) -> tuple[Route, str, bool]:
    return exchange.request.route, exchange.model, exchange.stream
