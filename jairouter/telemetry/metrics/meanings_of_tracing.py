"""Metrics of tracing itself, under the names that the original's dashboards know."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import COUNTER, SYSTEM, Meaning


def _known(name: str, label: str, about: str) -> Meaning:
    return Meaning(name, COUNTER, (label,), SYSTEM, about, foreign=True)


TRACING: Final = (
    _known(
        "tracing_spans",
        "result",
        "Spans that were made (`recorded`), that a receiver has taken (`exported`), and that were not sent "
        "because too many waited or their receiver failed (`dropped`).",
    ),
    _known(
        "tracing_sampling_decisions",
        "decision",
        "Requests that were to be traced (`sampled`), and that were not (`not_sampled`).",
    ),
    _known("tracing_export", "result", "Batches of spans that were sent: `success` or `failure`."),
)
