"""Metrics one by one, as Spring Boot shows them: https://docs.spring.io/spring-boot/api/rest/actuator/metrics.html.

There a metric has the name that Micrometer gives it, such as ``http.server.requests``: Prometheus's without
its unit and ``_total``, with dots. Here both are known. Maxima are not kept, so none are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.samples import Sample

_UNITS: Final = ("seconds", "bytes")
_STATISTICS: Final = {"counter": {"_total": "COUNT"}, "gauge": {"": "VALUE"}}


class Shown(NamedTuple):
    """One metric.

    Attributes:
        dotted: Its name, as Micrometer has it.
        unit: Its base unit, or None.
        family: Itself.
    """

    dotted: str
    unit: str | None
    family: Metric


def shown(families: Iterable[Metric]) -> dict[str, Shown]:
    """All metrics by their dotted names.

    Of several that have the same one, a histogram is shown: it has the count of the counter beside it.
    """
    found: dict[str, Shown] = {}
    for family in families:
        stem, _, last = family.name.rpartition("_")
        unit = last if last in _UNITS and stem else None
        dotted = (stem if unit else family.name).replace("_", ".")
        if dotted not in found or family.type == "histogram":
            found[dotted] = Shown(dotted, unit, family)
    return found


def find(families: Sequence[Metric], name: str) -> Shown | None:
    """One metric by its dotted name, or by Prometheus's own with dots or underscores; None without one."""
    by_name = shown(families)
    if name in by_name:
        return by_name[name]
    plain = name.replace(".", "_").removesuffix("_total")
    for family in families:
        if family.name == plain:
            stem, _, last = plain.rpartition("_")
            unit = last if last in _UNITS and stem else None
            return Shown(name, unit, family)
    return None


def described(found: Shown, tags: Sequence[tuple[str, str]]) -> dict[str, Any] | None:
    """What is shown of one metric.

    Args:
        found: The metric.
        tags: Labels, with the values that are asked for.

    Returns:
        As JSON; None if it has no series with these labels.
    """
    family = found.family
    samples = [each for each in family.samples if all(each.labels.get(tag) == value for tag, value in tags)]
    if tags and not samples:
        return None
    asked = {tag for tag, _ in tags} | {"le"}
    available: dict[str, dict[str, None]] = {}
    for sample in samples:
        for tag, value in sample.labels.items():
            if tag not in asked:
                available.setdefault(tag, {})[value] = None
    return {
        "name": found.dotted,
        "description": family.documentation,
        "baseUnit": found.unit,
        "measurements": [
            {"statistic": statistic, "value": value} for statistic, value in _measured(found, samples).items()
        ],
        "availableTags": [{"tag": tag, "values": list(values)} for tag, values in available.items()],
    }


def _measured(found: Shown, samples: Iterable[Sample]) -> dict[str, float]:
    family = found.family
    statistics = _STATISTICS.get(family.type)
    if statistics is None:
        total = "TOTAL_TIME" if found.unit == "seconds" else "TOTAL"
        statistics = {"_count": "COUNT", "_sum": total}
    measured = dict.fromkeys(statistics.values(), 0.0)
    for sample in samples:
        statistic = statistics.get(sample.name.removeprefix(family.name))
        if statistic is not None:
            measured[statistic] += sample.value
    return measured
