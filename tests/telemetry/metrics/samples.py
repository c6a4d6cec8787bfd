"""What a source shows, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Source

Shown = dict[str, dict[tuple[str, ...], float]]
"""Values by the labels' values, by the name of the sample."""


def shown(source: Source) -> Shown:
    """All samples of a source."""
    return of(source.collect())


def of(families: Iterable[Metric]) -> Shown:
    """All samples of some families."""
    found: Shown = {}
    for family in families:
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found
