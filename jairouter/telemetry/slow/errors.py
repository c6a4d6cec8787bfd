"""Counts errors that are alike, and sums them up now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.config.settings.monitoring import ErrorTrackingSettings
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.metrics.families import Families
    from jairouter.timers import Timer, TimerWheel

SHOWN: Final = 10
"""Kinds of errors that a summary tells, those that were most often."""

_Kind = tuple[str, str, str, int]


@implementer(IRecorder)
class ErrorCounts(Source):
    """Counts errors by type and service, and those of a few minutes also by instance.

    Args:
        wheel: The clock.
        families: Make metrics.
    """

    _log = Logger()

    def __init__(self, wheel: TimerWheel, families: Families) -> None:
        self._wheel, self._families = wheel, families
        self._settings: ErrorTrackingSettings | None = None
        self._counts: Counter[tuple[str, str]] = Counter()
        self._window: Counter[_Kind] = Counter()
        self._others = 0
        self._timer: Timer | None = None

    def configure(self, settings: ErrorTrackingSettings) -> None:
        """Go by these settings from now on."""
        self._settings = settings

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        settings = self._settings
        if error is None or settings is None or not settings.enabled:
            return
        # (The class, not the code, which may be a backend's: there are only so many classes)
        kind, service = type(error).__name__, exchange.request.route.service
        self._counts[kind, service] += 1
        where = exchange.attempts[-1].instance.base_url if exchange.attempts else "-"
        key = kind, service, where, status
        if key in self._window or len(self._window) < settings.max_aggregations:
            self._window[key] += 1
        else:
            self._others += 1
        if self._timer is None:
            self._timer = self._wheel.start(settings.aggregation_window_minutes * 60, self.sum_up)

    def sum_up(self) -> None:
        """Say what there was since it was said last."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        window, others = self._window, self._others
        self._window, self._others = Counter(), 0
        for (kind, service, where, status), count in window.most_common(SHOWN):
            self._log.warn(
                "errors: {count} x {kind} ({service} at {where}, status {status})",
                count=count,
                kind=kind,
                service=service,
                where=where,
                status=status,
            )
        rest = others + sum(count for _, count in window.most_common()[SHOWN:])
        if rest:
            self._log.warn("errors: {count} of other kinds", count=rest)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        counts = dict(self._counts)
        return lambda: [self._families.known("errors", counts.items())]
