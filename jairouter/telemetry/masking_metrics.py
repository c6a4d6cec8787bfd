"""Metrics of what is masked in bodies: how often and by which rule, never what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from jairouter.codec.masking import Rule

MOST_RULES = 200
"""Rules that have series of their own: there may be others after each reload."""


class MaskingMetrics(Collector):
    """Counts bodies in which something was masked, and what masked it.

    Args:
        registry: Where they are registered.
        tags: Labels that every series carries.
    """

    def __init__(self, registry: CollectorRegistry, tags: Mapping[str, str]) -> None:
        self._tags = tags
        self._operations: Counter[tuple[str, str]] = Counter()
        self._matches: Counter[tuple[str, str]] = Counter()
        self._unreadable: Counter[tuple[str, str]] = Counter()
        registry.register(self)

    def masked(self, direction: str, content_type: str, counts: Mapping[Rule, int]) -> None:
        """Something was masked in one body.

        Args:
            direction: ``request`` or ``response``.
            content_type: One of a few.
            counts: How often each rule has found something.
        """
        self._operations[content_type, direction] += 1
        for rule, number in counts.items():
            key = (rule.name, rule.type)
            if key not in self._matches and len(self._matches) >= MOST_RULES:
                key = ("other", rule.type)
            self._matches[key] += number

    def unreadable(self, direction: str, reason: str) -> None:
        """A body could not be looked through.

        Args:
            direction: ``request`` or ``response``.
            reason: One of a few words.
        """
        self._unreadable[direction, reason] += 1

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        prefix = "jairouter_security_sanitization"
        yield self._family(
            f"{prefix}_operations",
            "Bodies in which something was masked.",
            ("content_type", "direction"),
            self._operations,
        )
        yield self._family(
            f"{prefix}_rule_matches", "What rules have masked.", ("rule_id", "rule_type"), self._matches
        )
        yield self._family(
            f"{prefix}_unreadable",
            "Bodies, and events of streams, that could not be looked through.",
            ("direction", "reason"),
            self._unreadable,
        )

    def _family(
        self, name: str, about: str, labels: tuple[str, ...], series: Mapping[tuple[str, str], int]
    ) -> Metric:
        family = CounterMetricFamily(name, about, labels=(*self._tags, *labels))
        for values, number in series.items():
            family.add_metric((*self._tags.values(), *values), number)
        return family
