"""How metrics are read, named and labelled: one place for what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.registry import Collector

from jairouter.telemetry.metrics.family import Family
from jairouter.telemetry.metrics.histogram import Histogram, Taken
from jairouter.telemetry.metrics.meaning import COUNTER, GAUGE, HISTOGRAM
from jairouter.telemetry.metrics.meanings import MEANINGS

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.config.settings.root import Settings

__all__ = ["PREFIX", "Families", "Histogram", "Labels", "Series", "Source", "Taken"]

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


@dataclass(frozen=True)
class Families:
    """Makes families that carry what all metrics carry.

    Names that dashboards know from elsewhere (``foreign``) have neither the prefix nor the labels of our own.
    Where a label that all carry has the name of one that tells the series of a family apart, the family's own
    stands.

    Attributes:
        tags: Labels of every series (``management.metrics.tags``).
        prefix: What the names of the gateway's own metrics begin with (``monitoring.metrics.prefix``).
        own_tags: Labels that these carry besides (``monitoring.metrics.custom-tags``).
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    prefix: str = PREFIX
    own_tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Families:
        """Those of a configuration."""
        own = settings.monitoring.metrics
        return cls(settings.management.metrics.tags, own.prefix, own.custom_tags)

    def known(self, name: str, series: Series) -> Metric:
        """A metric of the table `MEANINGS`, which says what there is to say about it.

        Args:
            name: As it is there.
            series: Values of the labels, in the order of the table; numbers, or what `Histogram.taken` says.
        """
        meaning = MEANINGS[name]
        return self._filled(meaning.kind, name, meaning.about, meaning.labels, series, meaning.foreign)

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
        return self._filled(COUNTER, name, about, labels, series, foreign)

    def gauge(
        self, name: str, about: str, labels: Labels, series: Series, *, foreign: bool = False
    ) -> Metric:
        """A gauge; see `counter`."""
        return self._filled(GAUGE, name, about, labels, series, foreign)

    def histogram(
        self, name: str, about: str, labels: Labels, series: Series, *, foreign: bool = False
    ) -> Metric:
        """A histogram; see `counter`. The series are of what `Histogram.taken` says."""
        return self._filled(HISTOGRAM, name, about, labels, series, foreign)

    def _filled(
        self, kind: str, name: str, about: str, labels: Labels, series: Series, foreign: bool
    ) -> Metric:
        if name in MEANINGS:
            about = MEANINGS[name].about
        common = self.tags if foreign else {**self.tags, **self.own_tags}
        taken = {*labels, "le"} if kind == HISTOGRAM else labels
        if not common.keys().isdisjoint(taken):
            common = {tag: value for tag, value in common.items() if tag not in taken}
        return Family(kind, name if foreign else f"{self.prefix}_{name}", about, common, labels, list(series))
