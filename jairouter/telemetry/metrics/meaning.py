"""What there is to say about a metric."""

from __future__ import annotations

from typing import Final, NamedTuple

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"

SYSTEM: Final = "system"
"""The process, its configuration, its security and its logs."""
BUSINESS: Final = "business"
"""What clients ask for and what they get: requests, models, tokens, times, limits."""
INFRASTRUCTURE: Final = "infrastructure"
"""What lies between: backends, connections, breakers, balancers, further attempts."""

CATEGORIES: Final = (SYSTEM, BUSINESS, INFRASTRUCTURE)
"""Words of ``monitoring.metrics.enabled-categories``."""


class Meaning(NamedTuple):
    """A row of the table.

    Attributes:
        name: Without the prefix, if it is one of ours; of a counter without ``_total``.
        kind: One of the three above.
        labels: Names of the labels that tell its series apart.
        category: One of `CATEGORIES`.
        about: What it says, in a sentence.
        foreign: Whether dashboards know the name from elsewhere, so that it gets no prefix.
        stands_for: What is measured, where the name speaks of something that is not here.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    category: str
    about: str
    foreign: bool = False
    stands_for: str = ""


def counter(name: str, labels: str, category: str, about: str) -> Meaning:
    """A counter of ours; the names of its labels with spaces between."""
    return Meaning(name, COUNTER, tuple(labels.split()), category, about)


def gauge(name: str, labels: str, category: str, about: str) -> Meaning:
    """A gauge of ours; likewise."""
    return Meaning(name, GAUGE, tuple(labels.split()), category, about)


def histogram(name: str, labels: str, category: str, about: str) -> Meaning:
    """A histogram of ours; likewise."""
    return Meaning(name, HISTOGRAM, tuple(labels.split()), category, about)
