"""Decides when slow requests raise an alert. Told the time; does no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jairouter.config.naming import relaxed

if TYPE_CHECKING:
    from jairouter.config.settings.monitoring import SlowAlertSettings, SlowQuerySettings

HOUR: Final = 3600.0


@dataclass
class _Operation:
    """What is known about one kind of request."""

    rules: SlowAlertSettings
    slow: deque[float]
    alerts: deque[float] = field(default_factory=deque)
    last: dict[str, float] = field(default_factory=dict)


class SlowAlerts:
    """Raises alerts, by what `monitoring.slow-query-alert` says.

    An alert needs so many slow requests within an hour, of severities that count; a time since the alert
    before, of whatever severity; a longer one since the one that was like it; and not too many in an hour.

    Args:
        settings: The rules.
    """

    def __init__(self, settings: SlowQuerySettings) -> None:
        self._settings = settings
        self._by_name = {relaxed(name): _merged(settings, name) for name in settings.operations}
        self._operations: dict[str, _Operation] = {}

    def slow(self, operation: str, severity: str, now: float) -> bool:
        """One request was slow.

        Args:
            operation: What kind, such as ``chat_request``.
            severity: How slow.
            now: The clock's seconds.

        Returns:
            Whether that is an alert.
        """
        known = self._operations.get(operation)
        if known is None:
            rules = self._by_name.get(relaxed(operation), self._settings.global_)
            known = _Operation(rules, deque(maxlen=rules.min_occurrences))
            self._operations[operation] = known
        rules = known.rules
        if not (self._settings.enabled and rules.enabled and severity in rules.enabled_severities):
            return False
        known.slow.append(now)
        while known.alerts and now - known.alerts[0] >= HOUR:
            known.alerts.popleft()
        if not self._due(known, severity, now):
            return False
        known.slow.clear()
        known.alerts.append(now)
        known.last[severity] = now
        return True

    def active(self, now: float) -> Mapping[tuple[str, str], int]:
        """Of which kind and severity there was an alert within the time in which it is not repeated."""
        return {
            (name, severity): int(now - at < known.rules.suppression_window_ms)
            for name, known in self._operations.items()
            for severity, at in known.last.items()
        }

    @staticmethod
    def _due(known: _Operation, severity: str, now: float) -> bool:
        rules = known.rules
        if len(known.slow) < rules.min_occurrences or now - known.slow[0] >= HOUR:
            return False
        if known.last and now - max(known.last.values()) < rules.min_interval_ms:
            return False
        if severity in known.last and now - known.last[severity] < rules.suppression_window_ms:
            return False
        return len(known.alerts) < rules.max_alerts_per_hour


def _merged(settings: SlowQuerySettings, name: str) -> SlowAlertSettings:
    """What one kind says, and of the rest what all say."""
    own = settings.operations[name]
    return settings.global_.model_copy(update={each: getattr(own, each) for each in own.model_fields_set})
