"""The ledger, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families
    from jairouter.traffic.permits import Ledger


class LedgerMetrics(Source):
    """Shows the ledger: what is lent out now, by kind. At rest all are zero."""

    def __init__(self, ledger: Ledger, families: Families) -> None:
        self._ledger = ledger
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        outstanding = dict(self._ledger.outstanding())
        series = [((kind,), count) for kind, count in outstanding.items()]
        return lambda: [self._families.known("ledger_outstanding", series)]
