"""How much is logged, under the name that the production guide's alert asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families, Labels

_LEVELS: Final = {
    LogLevel.critical: "ERROR",
    LogLevel.error: "ERROR",
    LogLevel.warn: "WARN",
    LogLevel.info: "INFO",
    LogLevel.debug: "DEBUG",
}


@implementer(ILogObserver)
class LogCounts(Source):
    """Counts events by their level, as Logback's metrics do: ``logback_events_total{level="ERROR"}``.

    All levels are there from the start, with 0: a rate is of no use that begins with the first error.

    Args:
        families: Make what is shown.

    Attributes:
        dropped: Says how many lines could not be written because they came too fast.
    """

    def __init__(self, families: Families) -> None:
        self.dropped: Callable[[], int] = lambda: 0
        self._families = families
        self._counts = dict.fromkeys(("ERROR", "WARN", "INFO", "DEBUG", "TRACE"), 0)

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver.__call__`."""
        level = _LEVELS.get(event.get("log_level", LogLevel.info), "INFO")
        if event.get("log_trace") is None:  # what is traced was seen already
            self._counts[level] += 1

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        counts: list[tuple[Labels, int]] = [((level,), count) for level, count in self._counts.items()]
        dropped: list[tuple[Labels, int]] = [((), self.dropped())]
        known = self._families.known
        return lambda: [known("logback_events", counts), known("log_lines_dropped", dropped)]
