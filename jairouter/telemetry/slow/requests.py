"""Slow requests: a line each, with where the time went; metrics; alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.logs.often import Often, left_out
from jairouter.telemetry.metrics.families import Histogram, Source
from jairouter.telemetry.slow.alerts import SlowAlerts
from jairouter.telemetry.slow.thresholds import severity_of, thresholds_of

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.config.settings.monitoring import MonitoringSettings
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.metrics.families import Families

BUCKETS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
EVERY: Final = 1.0
"""Seconds between two lines about the same service and instance."""


@implementer(IRecorder)
class SlowRequests(Source):
    """Says and counts which requests are slow.

    A request is judged by its whole time; an answer that is a stream, by the time until it began: how long it
    goes on is a matter of how much there is to say.

    Args:
        seconds: The clock.
        families: Make metrics.
        post: Posts an alert to the webhook.
    """

    _log = Logger()

    def __init__(
        self, seconds: Callable[[], float], families: Families, post: Callable[[dict[str, Any]], object]
    ) -> None:
        self._seconds, self._families, self._post = seconds, families, post
        self._often = Often(seconds, EVERY)
        self._thresholds: dict[str, float] = {}
        self._alerts: SlowAlerts | None = None
        self._settings: MonitoringSettings | None = None
        self._slow: Counter[tuple[str, str]] = Counter()
        self._raised: Counter[tuple[str, str]] = Counter()
        self._took: dict[str, Histogram] = {}
        self._times: dict[str, float] = {}

    def configure(self, settings: MonitoringSettings) -> None:
        """Go by these settings from now on."""
        if settings == self._settings:
            return  # what alerts know goes on
        before, self._settings = self._settings, settings
        self._thresholds = thresholds_of(settings) if settings.enabled else {}
        if before is None or before.slow_query_alert != settings.slow_query_alert:
            self._alerts = SlowAlerts(settings.slow_query_alert)

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        service = exchange.request.route.service
        threshold = self._thresholds.get(service)
        now = self._seconds()
        if threshold is None or now - exchange.started <= threshold:
            return
        answered = exchange.attempts[-1].answered if exchange.attempts else 0.0
        took = (answered if exchange.stream and answered else now) - exchange.started
        if took > threshold:
            self._tell(exchange, status, took, took / threshold, now)

    def _tell(self, exchange: Exchange, status: int, took: float, times: float, now: float) -> None:
        operation = exchange.request.route.service + "_request"
        severity = severity_of(times)
        self._slow[operation, severity] += 1
        self._took.setdefault(operation, Histogram(BUCKETS)).observe(took)
        self._times[operation] = times
        where = exchange.attempts[-1].instance.base_url if exchange.attempts else "no instance"
        untold = self._often.turn((operation, where))
        if untold is not None:
            trace = exchange.trace
            ids = {} if trace is None else {"trace_id": trace.trace_id, "span_id": trace.span_id}
            self._log.warn(
                "slow request: {operation} at {where} took {took} ms, {times} times the threshold "
                "({severity}): {parts}; status {status}, id={id}{left_out}",
                operation=operation,
                where=where,
                took=round(took * 1000),
                times=round(times, 1),
                severity=severity,
                parts=", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in parts(exchange, now)),
                status=status,
                id=exchange.request.id,
                left_out=left_out(untold),
                **ids,
            )
        assert self._alerts is not None
        if self._alerts.slow(operation, severity, now):
            self._alert(operation, severity, took, times)

    def _alert(self, operation: str, severity: str, took: float, times: float) -> None:
        self._raised[operation, severity] += 1
        assert self._settings is not None
        notification = self._settings.slow_query_alert.notification
        if notification.enable_structured_logging:
            self._log.error(
                "slow-query alert: {operation} is slow ({severity}): {took} ms, {times} times the threshold",
                operation=operation,
                severity=severity,
                took=round(took * 1000),
                times=round(times, 1),
            )
        if notification.enable_webhook and notification.webhook_url is not None:
            self._post(
                {
                    "alert": "slow_query",
                    "operation": operation,
                    "severity": severity,
                    "durationMs": round(took * 1000),
                    "thresholdMultiplier": round(times, 1),
                    "slowRequests": self._slow.total(),
                }
            )

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        settings = self._settings
        alerts = settings is None or settings.slow_query_alert.notification.enable_prometheus_metrics
        slow, raised, times = dict(self._slow), dict(self._raised), dict(self._times)
        took = [((name,), each.taken()) for name, each in self._took.items()]
        active = dict(self._alerts.active(self._seconds())) if self._alerts is not None else {}

        def made() -> Iterable[Metric]:
            known = self._families.known
            yield known("slow_query", slow.items())
            yield known("slow_query_duration_seconds", took)
            ratios = (((name,), value) for name, value in times.items())
            yield known("slow_query_threshold_multiplier", ratios)
            if alerts:
                yield known("slow_query_alert_triggered", raised.items())
                yield known("slow_query_alert_active", active.items())

        return made


def parts(exchange: Exchange, now: float) -> list[tuple[str, float]]:
    """Where the time of an exchange went, in seconds, in the order in which it was spent.

    Args:
        exchange: That is over.
        now: The clock's seconds.
    """
    found = [("limit wait", exchange.waited)]
    if not exchange.attempts:
        return [*found, ("the rest", now - exchange.started - exchange.waited)]
    attempt = exchange.attempts[-1]
    before = attempt.began - exchange.started - exchange.waited
    others = len(exchange.attempts) - 1
    found.append((f"{others} attempts before" if others else "before", before))
    end = attempt.ended or now
    if not attempt.answered:
        sent = attempt.sent if attempt.sent > attempt.began else end
        return [*found, ("connection and request", sent - attempt.began), ("no answer", end - sent)]
    found.append(("connection and request", attempt.sent - attempt.began))
    found.append(("first byte", attempt.answered - attempt.sent))
    return [*found, ("stream" if exchange.stream else "body", end - attempt.answered)]
