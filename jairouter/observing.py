"""What is known about requests and the gateway once they are over, or now: a part of the composition root."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from jairouter.config.inheritance import load_balance_for
from jairouter.reloading.error_rate import ErrorRate
from jairouter.telemetry.access_log import AccessLog
from jairouter.telemetry.decisions import DecisionLog
from jairouter.telemetry.logs.levels import Levels
from jairouter.telemetry.metrics.checks import CheckMetrics
from jairouter.telemetry.metrics.exposition import Exposition, Sources, Wanted
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.foreign import Tagged
from jairouter.telemetry.metrics.instances import InstanceMetrics
from jairouter.telemetry.metrics.ledger import LedgerMetrics
from jairouter.telemetry.metrics.log_counts import LogCounts
from jairouter.telemetry.metrics.loop_lag import LoopLag
from jairouter.telemetry.metrics.process import ProcessMetrics
from jairouter.telemetry.metrics.recording import NoRecording, Recording
from jairouter.telemetry.metrics.room import RoomMetrics
from jairouter.telemetry.metrics.serving import Serving, ServingMetrics
from jairouter.telemetry.slow.errors import ErrorCounts
from jairouter.telemetry.slow.requests import SlowRequests
from jairouter.telemetry.slow.watching import Watching
from jairouter.telemetry.tracing.tracing import Tracing
from jairouter.upstream.webhook import Webhook

if TYPE_CHECKING:
    from random import Random

    from twisted.internet.defer import Deferred

    from jairouter.config.settings.root import Settings
    from jairouter.interfaces import IRecorder
    from jairouter.policies import Policies
    from jairouter.request_body.spool import RunInThread
    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger


class Observing:
    """Who is told of requests, and what can be asked about the gateway.

    Args:
        settings: What is configured at the start.
        reactor: Is the clock.
        wheel: Likewise, for what need not be exact.
        run_in_thread: For what takes long.
        today: Seconds since the epoch.
        ledger: What is lent out.
        request: Sends a request somewhere; see `IAgent.request`.
        random: For what is left to chance.

    Attributes:
        registry: All metrics.
        families: Make them.
        exposition: Writes them down.
        metrics: Counts requests.
        access_log: One line per request, if that is wanted.
        decisions: Why recent requests went where they went, if that is remembered.
        rate: How many requests fail.
        checks: Counts checks of instances.
        loop_lag: How late the event loop is.
        log_counts: Counts what is logged; an observer of the log.
        levels: What is logged.
        watching: Watches for slow requests and errors.
        tracing: Knows the traces of requests.
    """

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        wheel: TimerWheel,
        run_in_thread: RunInThread,
        today: Callable[[], float],
        ledger: Ledger,
        request: Callable[..., Deferred[Any]],
        random: Random,
    ) -> None:
        management, monitoring = settings.management, settings.monitoring
        self._seconds = wheel.seconds
        self.registry = registry = Sources()
        self.families = families = Families.of(settings)
        self.exposition = Exposition(
            registry,
            run_in_thread,
            wheel.seconds,
            families,
            partial(reactor.callLater, 0),
            Wanted.of(settings),
            descriptions=management.metrics.export.prometheus.descriptions,
            time_to_live=management.endpoint.prometheus.cache.time_to_live,
        )
        wanted = monitoring.enabled and monitoring.metrics.enabled
        self.metrics = Recording(registry, wheel.seconds, families) if wanted else NoRecording()
        self.access_log = AccessLog(wheel, today) if settings.logging.access.enabled else None
        self.decisions = _decisions(settings, reactor.seconds)
        self.rate = ErrorRate(wheel.seconds)
        self.checks, self.log_counts = CheckMetrics(families), LogCounts(families)
        self.loop_lag = LoopLag(reactor, families)
        self.levels = Levels(settings.logging.level)
        self.watching = self._watching(wheel, Webhook(request, wheel))
        self.tracing = Tracing(random, wheel, today, run_in_thread, families)
        self._register(ProcessMetrics(families, today(), _versions()), ledger)

    def _register(self, process: ProcessMetrics, ledger: Ledger) -> None:
        aside = CollectorRegistry()
        for collector in (ProcessCollector(registry=aside), GCCollector(registry=aside)):
            self.registry.register(Tagged(collector, self.families.tags))
        ledger_metrics = LedgerMetrics(ledger, self.families)
        for source in (process, ledger_metrics, self.checks, self.log_counts, self.loop_lag, self.tracing):
            self.registry.register(source)

    def _watching(self, wheel: TimerWheel, webhook: Webhook) -> Watching:
        slow = SlowRequests(wheel.seconds, self.families, webhook.post)
        errors = ErrorCounts(wheel, self.families)
        self.registry.register(slow)
        self.registry.register(errors)
        return Watching(slow, errors, webhook)

    def watch(self, policies: Callable[[], Policies], serving: Callable[[], Serving]) -> None:
        """Show how it stands with traffic from now on.

        Args:
            policies: How traffic is controlled; asked anew each time, since a reload makes others.
            serving: What is going on.
        """
        seconds, families = self._seconds, self.families
        for source in (
            InstanceMetrics(lambda: policies().services, seconds, families),
            RoomMetrics(lambda: policies().limits, lambda: policies().retries, seconds, families),
            ServingMetrics(serving, families),
        ):
            self.registry.register(source)

    def recorders_for(self, settings: Settings) -> Sequence[IRecorder]:
        """Who is told of every exchange under these settings."""
        slow, tracer = self.watching.recorders(settings.monitoring), self.tracing.tracer_for(settings)
        told = (self.access_log, self.decisions, self.rate, *self.metrics.recorders, *slow, tracer)
        return [each for each in told if each is not None]

    def configure(self, settings: Settings, policies: Policies) -> None:
        """Other settings are in force."""
        strategies = {each: load_balance_for(settings.model, each).type for each in policies.services}
        groups = (group for models in policies.services.values() for group in models.values())
        self.checks.configure(each for group in groups for each in group.instances)
        self.metrics.configure(policies.services, policies.limits, strategies)
        self.watching.configure(settings.monitoring)
        self.levels.configure(settings.logging.level)
        self.tracing.configure(settings.tracing, settings.monitoring)

    def start(self) -> None:
        """Begin with what is measured all the time."""
        self.loop_lag.start()

    def stop(self) -> None:
        """Measure no more, and write down what waits for it."""
        self.loop_lag.stop()
        self.watching.close()
        self.tracing.close()
        if self.access_log is not None:
            self.access_log.flush()


def _decisions(settings: Settings, seconds: Callable[[], float]) -> DecisionLog | None:
    monitor = settings.loadbalancer.routing_monitor
    if not monitor.enabled:
        return None
    return DecisionLog(monitor.history_size, monitor.sample_rate, seconds)


def _versions() -> tuple[str, str, str]:
    return version("jairouter"), platform.python_version(), version("twisted")
