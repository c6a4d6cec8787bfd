"""How late the event loop is: what keeps it busy holds up everybody.

A timer that is due every so often measures it, as Node's `monitorEventLoopDelay` does: what it comes late is
what any other event would have waited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from jairouter.telemetry.metrics.families import Histogram, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.telemetry.metrics.families import Families

INTERVAL: Final = 0.1
"""Seconds from one measurement to the next."""
BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""


class LoopLag(Source):
    """Measures it, from `start` to `stop`.

    Args:
        clock: The reactor, or a fake clock.
        families: Make what is shown.

    Attributes:
        latest: What was measured last, in seconds.
    """

    def __init__(self, clock: IReactorTime, families: Families) -> None:
        self.latest = 0.0
        self._clock = clock
        self._families = families
        self._counts = Histogram(BOUNDS)
        self._due = 0.0
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin; does nothing when that has begun."""
        if self._call is None:
            self._wait()

    def stop(self) -> None:
        """Measure no more; may be called again."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        taken = self._counts.taken()
        return lambda: [self._families.known("event_loop_lag_seconds", [((), taken)])]

    def _wait(self) -> None:
        self._due = self._clock.seconds() + INTERVAL
        self._call = self._clock.callLater(INTERVAL, self._measure)

    def _measure(self) -> None:
        self.latest = max(0.0, self._clock.seconds() - self._due)
        self._counts.observe(self.latest)
        self._wait()
