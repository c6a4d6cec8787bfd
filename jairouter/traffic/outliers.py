"""Instances that fail the traffic they get are left out for a while (Envoy's outlier detection)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.exchange import Outcome
    from jairouter.traffic.instance import Instance


class Outliers:
    """Watches the instances of one group."""

    def settled(self, instance: Instance, outcome: Outcome, now: float) -> None:
        """An attempt is over."""
