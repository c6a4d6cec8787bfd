"""How metrics are read, named and labelled: one place for what all of them have in common."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PREFIX: Final = "jairouter"

Labels = Sequence[str]
"""Names, or values, of the labels that tell the series of a family apart."""

Series = Iterable[tuple[Labels, Any]]
"""Each with its labels' values: numbers, or of a histogram what `Histogram.taken` says."""


class Source(Collector):
    """Metrics of one part of the gateway.

    With many instances it takes longer to write them out than the reactor may stand still. So they are read
    in two steps: `look` takes, in the reactor's thread, what is needed, and that alone; what it returns makes
    families of that in another thread, where nothing that changes may be looked at.
    """

    def look(self) -> Callable[[], Iterable[Metric]]:
        """Take what the metrics are now.

        Returns:
            What makes families of it; called once, in any thread.
        """
        raise NotImplementedError

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`: both steps at once."""
        return self.look()()


class Histogram:
    """A histogram's counts, for one thread; prometheus-client's own take a lock at each step.

    Args:
        bounds: Upper bounds of the buckets, rising, without infinity.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def taken(self) -> Taken:
        """What it is now; that does not change any more."""
        return self._bounds, self._counts.copy(), self._total


Taken = tuple[Sequence[float], list[int], float]


@dataclass(frozen=True)
class Families:
    """Makes families that carry what all metrics carry.

    Names that dashboards know from elsewhere (``foreign``) have neither the prefix nor the labels of our own.

    Attributes:
        tags: Labels of every series (``management.metrics.tags``).
        prefix: What the names of the gateway's own metrics begin with (``monitoring.metrics.prefix``).
        own_tags: Labels that these carry besides (``monitoring.metrics.custom-tags``).
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    prefix: str = PREFIX
    own_tags: Mapping[str, str] = field(default_factory=dict)

    def counter(
        self, name: str, about: str, labels: Labels, series: Series, *, foreign: bool = False
    ) -> Metric:
        """A counter.

        Args:
            name: Without the prefix, and without ``_total``.
            about: What is counted, in a sentence.
            labels: Names of the labels that tell its series apart.
            series: Values of the labels, and the count.
            foreign: Whether the name is not one of ours.
        """
        return self._filled(CounterMetricFamily, name, about, labels, series, foreign)

    def gauge(
        self, name: str, about: str, labels: Labels, series: Series, *, foreign: bool = False
    ) -> Metric:
        """A gauge; see `counter`."""
        return self._filled(GaugeMetricFamily, name, about, labels, series, foreign)

    def histogram(
        self, name: str, about: str, labels: Labels, series: Series, *, foreign: bool = False
    ) -> Metric:
        """A histogram; see `counter`. The series are of what `Histogram.taken` says."""
        buckets = ((values, (_buckets(bounds, counts), total)) for values, (bounds, counts, total) in series)
        return self._filled(HistogramMetricFamily, name, about, labels, buckets, foreign)

    def _filled(
        self, kind: Any, name: str, about: str, labels: Labels, series: Series, foreign: bool
    ) -> Metric:
        common = self.tags if foreign else {**self.tags, **self.own_tags}
        family: Metric = kind(name if foreign else f"{self.prefix}_{name}", about, labels=(*common, *labels))
        add: Any = family.add_metric  # type: ignore[attr-defined]  # each kind has one of its own
        values = tuple(common.values())
        for own, what in series:
            add((*values, *own), *(what if isinstance(what, tuple) else (what,)))
        return family


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """How many were no more than each bound."""
    names = (*(floatToGoString(bound) for bound in bounds), "+Inf")
    return list(zip(names, accumulate(counts), strict=True))
