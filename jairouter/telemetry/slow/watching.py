"""Everything that watches for slow requests and errors, as one part of the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jairouter.config.settings.monitoring import AlertNotificationSettings, MonitoringSettings
    from jairouter.interfaces import IRecorder
    from jairouter.telemetry.slow.errors import ErrorCounts
    from jairouter.telemetry.slow.requests import SlowRequests


class Posts(Protocol):
    """Posts alerts."""

    settings: AlertNotificationSettings | None

    def close(self) -> None:
        """Give up what is under way."""


class Watching:
    """Slow requests, errors, and the webhook that is told of the former.

    Args:
        slow: Says which requests are slow.
        errors: Counts errors.
        webhook: Posts alerts.
    """

    def __init__(self, slow: SlowRequests, errors: ErrorCounts, webhook: Posts) -> None:
        self._slow, self._errors, self._webhook = slow, errors, webhook

    def recorders(self, settings: MonitoringSettings) -> Sequence[IRecorder]:
        """Those who are told how requests ended, by these settings: who would do nothing takes no time."""
        slow = (self._slow,) if settings.enabled else ()
        return (*slow, self._errors) if settings.error_tracking.enabled else slow

    def configure(self, settings: MonitoringSettings) -> None:
        """Go by these settings from now on."""
        self._webhook.settings = settings.slow_query_alert.notification
        self._slow.configure(settings)
        self._errors.configure(settings.error_tracking)

    def close(self) -> None:
        """Say what was not said yet, and leave nothing behind."""
        self._errors.sum_up()
        self._webhook.close()
