"""Sends spans by OTLP, through the OpenTelemetry SDK.

Why that: docs/decisions/0025-otlp-through-the-opentelemetry-sdk.md. The SDK is an extra, ``jairouter[otlp]``,
and is imported in the thread that sends the first batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from jairouter.telemetry.tracing.export import NotSent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from jairouter.config.settings.tracing import TracingSettings
    from jairouter.telemetry.tracing.span import Span

_NANO: Final = 1_000_000_000


class Otlp:
    """Sends batches to one receiver.

    Args:
        settings: Where, and under which names.
        version: Of the gateway.
    """

    def __init__(self, settings: TracingSettings, version: str) -> None:
        self._settings, self._version = settings, version
        self._made: tuple[Any, Any, Any] | None = None
        self._why = ""

    def send(self, spans: Sequence[Span]) -> None:
        """Send a batch. Blocks, for as long as the receiver's timeout says; never called twice at a time.

        Raises:
            NotSent: The receiver did not take it.
        """
        exporter, resource, scope = self._made = self._made or self._make()
        result = exporter.export([_readable(each, resource, scope) for each in spans])
        if not result.value == 0:
            raise NotSent(f"the receiver of tracing.exporter.otlp did not take {len(spans)} spans")

    def stop(self) -> None:
        """Wait no longer before a batch is sent once more."""
        if self._made is not None:
            self._made[0].shutdown()

    def _make(self) -> tuple[Any, Any, Any]:
        from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415 - see the module
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        # Its own words about each try go nowhere: one line of the gateway's log says what came of it
        own = logging.getLogger("opentelemetry")
        own.addHandler(logging.NullHandler())
        own.propagate = False
        settings, otlp = self._settings, self._settings.exporter.otlp
        exporter = OTLPSpanExporter(
            endpoint=otlp.endpoint,
            headers={name: value.reveal() for name, value in otlp.headers.items()},
            timeout=otlp.timeout,
            compression=Compression(otlp.compression),
        )
        resource = Resource(
            {
                "service.name": settings.service_name,
                "service.version": settings.service_version,
                "service.namespace": settings.service_namespace,
            }
        )
        return exporter, resource, InstrumentationScope("jairouter", self._version)


def _readable(span: Span, resource: Any, scope: Any) -> ReadableSpan:
    from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415 - see the module
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415

    def context(span_id: str, *, is_remote: bool) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote, flags)

    of_another = span.kind.value == "SERVER"
    return ReadableSpan(
        span.name,
        context=context(span.span_id, is_remote=False),
        parent=context(span.parent_id, is_remote=of_another) if span.parent_id else None,
        resource=resource,
        attributes=span.attributes,
        events=[Event(each.name, timestamp=int(each.at * _NANO)) for each in span.events],
        kind=SpanKind[span.kind.value],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=int(span.start * _NANO),
        end_time=int(span.end * _NANO),
        instrumentation_scope=scope,
    )
