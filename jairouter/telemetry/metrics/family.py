"""A metric with many series, as it is shown: labels and values are put together only when it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from jairouter.telemetry.metrics.histogram import Taken

Values = Sequence[str]
"""Of a series: of its own labels, in the order of their names."""


class Family(Metric):
    """As `Metric`, whose samples are made when somebody asks for them.

    prometheus-client makes a dictionary and a tuple for each line of the page; that of 500 instances has some
    twenty thousand. `jairouter.telemetry.metrics.text` writes the lines without them.

    Args:
        kind: ``counter``, ``gauge`` or ``histogram``.
        name: The whole name; of a counter without ``_total``.
        about: What it says, in a sentence.
        common: Labels that all series have.
        labels: Names of the labels that tell them apart.
        series: Their values, and a number or, of a histogram, what `Histogram.taken` says.

    Attributes:
        common: As given.
        labels: As given.
        series: As given.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        about: str,
        common: Mapping[str, str],
        labels: Sequence[str],
        series: Sequence[tuple[Values, Any]],
    ) -> None:
        self.common = common
        self.labels = tuple(labels)
        self.series = series
        super().__init__(name, about, kind)

    @property
    def samples(self) -> list[Sample]:
        """As prometheus-client has them."""
        return list(self._samples())

    @samples.setter
    def samples(self, samples: list[Sample]) -> None:
        """`Metric` begins with none."""

    def _samples(self) -> Iterator[Sample]:
        for values, what in self.series:
            labels = {**self.common, **dict(zip(self.labels, values, strict=True))}
            if self.type == "histogram":
                yield from self._buckets(labels, what)
            else:
                suffix = "_total" if self.type == "counter" else ""
                yield Sample(self.name + suffix, labels, what, None, None)

    def _buckets(self, labels: dict[str, str], taken: Taken) -> Iterator[Sample]:
        bounds, counts, total = taken
        names = (*(floatToGoString(bound) for bound in bounds), "+Inf")
        for name, count in zip(names, accumulate(counts), strict=True):
            yield Sample(f"{self.name}_bucket", {**labels, "le": name}, count, None, None)
        yield Sample(f"{self.name}_count", labels, sum(counts), None, None)
        yield Sample(f"{self.name}_sum", labels, total, None, None)
