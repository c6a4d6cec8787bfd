"""Metrics of what is masked in bodies: how often and by which rule, never what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from jairouter.codec.masking import Rule
    from jairouter.telemetry.metrics.families import Families

MOST_RULES = 200
"""Rules that have series of their own: there may be others after each reload."""


class MaskingMetrics(Source):
    """Counts bodies in which something was masked, and what masked it.

    Args:
        registry: Where they are registered.
        families: Make what is shown.
    """

    def __init__(self, registry: CollectorRegistry, families: Families) -> None:
        self._families = families
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

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        counts = [
            ("operations", list(self._operations.items())),
            ("rule_matches", list(self._matches.items())),
            ("unreadable", list(self._unreadable.items())),
        ]
        known = self._families.known
        return lambda: [known(f"security_sanitization_{name}", series) for name, series in counts]
