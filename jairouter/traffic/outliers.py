"""Instances that fail the traffic they get are left out for a while (Envoy's outlier detection).

A row of failures has an instance *ejected*: for the ejection time at first, and for as much longer each time
that it happens again. That is forgotten step by step while the instance behaves: one step for each ejection
time.

| outcome                       | what it does                             |
|-------------------------------|------------------------------------------|
| succeeded                     | ends a row of failures                   |
| failed                        | one more in the row, which may eject it  |
| throttled, neutral, abandoned | nothing                                  |

Attempts that began before the instance was there again say nothing.

A breaker looks at one instance by itself, and if all fail then all are left alone. This here looks at the
group, and leaves out only as many as the others can do without. What is known about an instance is kept in
its `Live`, so that it survives a reload.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.exchange import Outcome

if TYPE_CHECKING:
    from jairouter.config.settings.balancing import OutlierSettings
    from jairouter.traffic.instance import Instance
    from jairouter.traffic.live import Live

_SUCCEEDED, _FAILED = Outcome.SUCCEEDED, Outcome.FAILED  # looking into an Enum costs more than all the rest


@dataclass(frozen=True, slots=True)
class OutlierLimits:
    """What of the settings the detection goes by.

    Attributes:
        failures: In a row, that have an instance ejected.
        ejection_time: Seconds, the first time.
        longest: Seconds, at most.
        percent: Of the group, that may be ejected at a time; one instance always may.
    """

    failures: int = 5
    ejection_time: float = 30.0
    longest: float = 300.0
    percent: int = 10

    @classmethod
    def of(cls, settings: OutlierSettings) -> OutlierLimits:
        """Those of one model."""
        return cls(
            settings.consecutive_failures,
            settings.ejection_time,
            settings.max_ejection_time,
            settings.max_ejection_percent,
        )


class Outliers:
    """Watches the instances of one group.

    Args:
        instances: All of the group.
        limits: When it does what.
        on_eject: Is told which instance was ejected, after how many failures, and for how many seconds.
    """

    __slots__ = ("_limits", "_lives", "_most", "_on_eject")

    def __init__(
        self,
        instances: Iterable[Instance],
        limits: OutlierLimits,
        on_eject: Callable[[Instance, int, float], None] | None = None,
    ) -> None:
        self._limits = limits
        self._on_eject = on_eject
        self._lives = [each.live for each in instances if each.weight]  # the others get no traffic anyway
        self._most = max(1, len(self._lives) * limits.percent // 100)

    def settled(self, instance: Instance, outcome: Outcome, now: float, began: float) -> None:
        """An attempt is over.

        Args:
            instance: At which.
            outcome: How it ended.
            now: The clock's seconds.
            began: When it was picked, likewise.
        """
        live = instance.live
        if (live.ejected_until and live.ejected(now)) or began < live.returned <= now:
            return
        if outcome is _SUCCEEDED:
            live.failures = 0
        elif outcome is _FAILED:
            live.failures += 1
            if live.failures >= self._limits.failures and self._may_eject(live, now):
                self._eject(instance, now)

    def _may_eject(self, which: Live, now: float) -> bool:
        """Whether the others can do without it."""
        if which not in self._lives or sum(each.ejected(now) for each in self._lives) >= self._most:
            return False
        return any(each.dependable(now) for each in self._lives if each is not which)

    def _eject(self, instance: Instance, now: float) -> None:
        live, limits = instance.live, self._limits
        forgotten = int(max(0.0, now - live.returned) // limits.ejection_time)
        # More than would make it the longest time would only take longer to be forgotten
        most = math.ceil(limits.longest / limits.ejection_time)
        live.ejections = min(max(0, live.ejections - forgotten) + 1, most)
        failures, live.failures = live.failures, 0
        seconds = min(limits.ejection_time * live.ejections, limits.longest)
        live.eject(now + seconds, now)
        if self._on_eject is not None:
            self._on_eject(instance, failures, seconds)
