"""All of tracing, as the composition root makes it: the tracer, what it keeps, and where its spans go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList

from jairouter.telemetry.logs.often import Often
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.tracing.export import EVERY, Counts, Export
from jairouter.telemetry.tracing.otlp import Otlp
from jairouter.telemetry.tracing.span_log import SpanLog
from jairouter.telemetry.tracing.tracer import Tracer

if TYPE_CHECKING:
    from random import Random

    from prometheus_client.core import Metric

    from jairouter.config.settings.monitoring import MonitoringSettings
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.tracing import TracingSettings
    from jairouter.telemetry.metrics.families import Families
    from jairouter.telemetry.tracing.export import RunInThread
    from jairouter.telemetry.tracing.ring import Ring
    from jairouter.telemetry.tracing.span import Span
    from jairouter.timers import TimerWheel


class Tracing(Source):
    """Traces requests, where settings want that.

    Args:
        random: For ids.
        wheel: The clock, and waits.
        today: Seconds since the epoch.
        run_in_thread: Sends.
        families: Make metrics.

    Attributes:
        tracer: Knows the trace of each request.
        counts: What became of spans.
        enabled: Whether requests are traced now.
    """

    def __init__(
        self,
        random: Random,
        wheel: TimerWheel,
        today: Callable[[], float],
        run_in_thread: RunInThread,
        families: Families,
    ) -> None:
        self._wheel, self._run, self._families = wheel, run_in_thread, families
        self.tracer = Tracer(random, wheel.seconds, today, self._send)
        self.counts, self._often = Counts(), Often(wheel.seconds, EVERY)
        self.enabled = False
        self._settings: TracingSettings | None = None
        self._export: Export | None = None
        self._otlp: Otlp | None = None
        self._log: SpanLog | None = None
        self._closing: list[Deferred[None]] = []

    @property
    def ring(self) -> Ring:
        """What is kept."""
        return self.tracer.ring

    @property
    def service_name(self) -> str:
        """Under which spans are sent."""
        return "" if self._settings is None else self._settings.service_name

    @property
    def exporter(self) -> str:
        """What kind of receiver there is."""
        return "none" if self._settings is None else self._settings.exporter.type

    @property
    def failing(self) -> bool:
        """Whether the last batch was not taken."""
        return self._export is not None and self._export.failing

    @property
    def waiting(self) -> int:
        """How many spans wait to be sent."""
        return 0 if self._export is None else self._export.waiting

    def tracer_for(self, settings: Settings) -> Tracer | None:
        """Who traces under these settings; None where nothing is traced."""
        return self.tracer if settings.tracing.enabled else None

    def configure(self, settings: TracingSettings, monitoring: MonitoringSettings) -> None:
        """Go by these settings from now on. What is kept, and what waits, goes on."""
        self.enabled = settings.enabled
        self.tracer.configure(settings, monitoring)
        before, self._settings = self._settings, settings
        if before is None or _sent_where(before) != _sent_where(settings):
            self._close_export()
            if settings.enabled:
                self._open_export(settings)

    def _open_export(self, settings: TracingSettings) -> None:
        exporter = settings.exporter
        both = exporter.type == "composite"
        if exporter.type == "otlp" or (both and exporter.otlp.enabled):
            self._otlp = Otlp(settings, version("jairouter"))
            self._export = Export(
                self._otlp.send, exporter.batch, self._wheel, self._run, self.counts, self._often
            )
        if exporter.type == "logging" or (both and exporter.logging.enabled):
            self._log = SpanLog(settings.logging.structured_logging and settings.logging.format == "json")

    def _close_export(self) -> None:
        export, otlp, self._export, self._otlp, self._log = self._export, self._otlp, None, None, None
        if export is None or otlp is None:
            return
        closing = export.close()
        closing.addCallback(lambda _: otlp.stop())
        self._closing = [each for each in self._closing if not each.called]
        self._closing.append(closing)

    def _send(self, spans: Sequence[Span]) -> None:
        if self._export is not None:
            self._export.add(spans)
        if self._log is not None:
            self._log.add(spans)

    def close(self) -> None:
        """Send what waits, and take no more."""
        self._close_export()

    def closed(self) -> Deferred[Any]:
        """Fires when everything has been sent after `close`, or the time for that is over."""
        return DeferredList(self._closing)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        tracer, counts = self.tracer, self.counts
        spans = {"recorded": tracer.recorded, "exported": counts.exported, "dropped": counts.dropped}
        decisions = {"sampled": tracer.sampled, "not_sampled": tracer.not_sampled}
        batches = {"success": counts.succeeded, "failure": counts.failed}

        def made() -> Iterable[Metric]:
            for name, values in (
                ("tracing_spans", spans),
                ("tracing_sampling_decisions", decisions),
                ("tracing_export", batches),
            ):
                yield self._families.known(name, [((label,), value) for label, value in values.items()])

        return made


def _sent_where(settings: TracingSettings) -> tuple[object, ...]:
    """All that says where spans go, and how."""
    names = settings.service_name, settings.service_version, settings.service_namespace
    return (settings.enabled, settings.exporter, settings.logging, *names)
