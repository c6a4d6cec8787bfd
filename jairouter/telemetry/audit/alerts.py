"""When too many events of a kind come: one line in the log, and one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.auditing import ALLOWED, DENIED, Event, IAudit
from jairouter.dates import date_of

if TYPE_CHECKING:
    from jairouter.config.settings.auditing import AlertThresholdSettings

WINDOW: Final = 60
"""Seconds over which is counted."""
COOL_DOWN: Final = 900.0
"""Seconds until the same alert is raised again."""

AUTH_FAILURES: Final = "auth-failures"
SANITIZATIONS: Final = "sanitization-operations"
SUSPICIOUS: Final = "suspicious-requests"

_KINDS: Final[Mapping[str, str]] = {
    "AUTHENTICATION_FAILURE": AUTH_FAILURES,
    "REQUEST_SANITIZATION": SANITIZATIONS,
    "RESPONSE_SANITIZATION": SANITIZATIONS,
    "AUTHORIZATION_FAILURE": SUSPICIOUS,
    "ACCOUNT_LOCKED": SUSPICIOUS,
    "JWT_TOKEN_REUSED": SUSPICIOUS,
    "SUSPICIOUS_ACTIVITY": SUSPICIOUS,
}
"""What an event counts as."""


class Threshold(NamedTuple):
    """When an alert is raised.

    Attributes:
        name: What it is called.
        most: Events within `WINDOW` that raise it.
    """

    name: str
    most: int


def thresholds(settings: AlertThresholdSettings) -> tuple[Threshold, ...]:
    """Those that are configured."""
    return (
        Threshold(AUTH_FAILURES, settings.auth_failures_per_minute),
        Threshold(SANITIZATIONS, settings.sanitization_operations_per_minute),
        Threshold(SUSPICIOUS, settings.suspicious_requests_per_minute),
    )


class _Rate:
    """How many came within the last `WINDOW` seconds, to the second; and what was raised."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.raised = 0
        self.last_raised = 0.0
        self.quiet_until = float("-inf")
        self._counts = [0] * WINDOW
        self._second = 0

    def count(self, now: float) -> int:
        """How many there are."""
        second = int(now)
        passed = second - self._second
        if passed >= WINDOW or passed < 0:
            self._counts = [0] * WINDOW
        else:
            for each in range(self._second + 1, second + 1):
                self._counts[each % WINDOW] = 0
        self._second = second
        return sum(self._counts)

    def add(self, now: float) -> int:
        """One more; returns how many there are."""
        number = self.count(now) + 1
        self._counts[self._second % WINDOW] += 1
        return number


@implementer(IAudit)
class Alerts:
    """Raises alerts.

    Args:
        limits: When.
        tell: Is told of them, and is not this.
        seconds: The clock.
        today: Seconds since the epoch.
    """

    _log = Logger()

    def __init__(
        self,
        limits: tuple[Threshold, ...],
        tell: IAudit,
        seconds: Callable[[], float],
        today: Callable[[], float],
    ) -> None:
        self._tell, self._seconds, self._today = tell, seconds, today
        self._rates = {each.name: _Rate(each.most) for each in limits}

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        name = _KINDS.get(event.kind)
        if name is None or (name != SANITIZATIONS and event.result == ALLOWED):
            return
        rate, now = self._rates.get(name), self._seconds()
        if rate is None:
            return
        number = rate.add(now)
        if number >= rate.most and now >= rate.quiet_until:
            rate.quiet_until = now + COOL_DOWN
            rate.raised += 1
            rate.last_raised = self._today()
            self._raise(name, number, rate.most, event)

    often = record

    def statistics(self) -> dict[str, Any]:
        """What was counted and raised, by the name of the alert."""
        now = self._seconds()
        return {
            name: {
                "count": rate.count(now),
                "threshold": rate.most,
                "raised": rate.raised,
                "lastRaised": date_of(rate.last_raised) if rate.raised else None,
                "coolDownSeconds": max(0.0, round(rate.quiet_until - now, 3)) if rate.raised else 0.0,
            }
            for name, rate in self._rates.items()
        }

    def reset(self) -> None:
        """Count from nothing, and be ready to raise any of them again."""
        self._rates = {name: _Rate(rate.most) for name, rate in self._rates.items()}

    def _raise(self, name: str, number: int, most: int, event: Event) -> None:
        self._log.warn(
            "security alert: {name}: {number} within {window} s (threshold {most}); quiet for {quiet} min",
            name=name,
            number=number,
            window=WINDOW,
            most=most,
            quiet=int(COOL_DOWN // 60),
        )
        details = {"alert": name, "events": number, "threshold": most, "windowSeconds": WINDOW}
        told = Event(
            "SECURITY_ALERT", ip=event.ip, resource=name, result=DENIED, reason=event.kind, details=details
        )
        self._tell.record(told)
