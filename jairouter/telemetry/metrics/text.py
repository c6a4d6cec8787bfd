"""The text that Prometheus reads: the format 0.0.4, and OpenMetrics 1.0.

https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md

To the byte what prometheus-client's `generate_latest` makes of the same families, in a fraction of the time:
the labels of a series are put together once, and not again for each bucket of a histogram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from jairouter.telemetry.metrics.family import Family

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_EOF = "# EOF\n"
_Compose = Callable[[tuple[str, ...]], str]
"""Makes the labels of a series out of their values."""


_Failed = Callable[["Metric", Exception], None]


def in_text(
    families: Iterable[Metric],
    *,
    openmetrics: bool,
    descriptions: bool = True,
    failed: _Failed | None = None,
) -> bytes:
    """The page.

    Args:
        families: What is on it.
        openmetrics: Whether it is OpenMetrics, or else the format 0.0.4.
        descriptions: Whether it says what each metric is.
        failed: Is told which metric cannot be written, and why; it is left out. None: that is raised.
    """
    numbers, escaped = _Numbers(), _Escaped()
    lines: list[str] = []
    for family in families:
        begun = len(lines)
        try:
            if isinstance(family, Family):
                _add(family, lines, numbers, escaped, openmetrics, descriptions)
            else:
                lines += _by_the_book(family, openmetrics, descriptions)
        except Exception as error:  # a number that is none, above all
            if failed is None:
                raise
            del lines[begun:]
            failed(family, error)
    if openmetrics:
        lines.append(_EOF)
    return "".join(lines).encode("utf-8", "replace")


class _Numbers(dict[int, str]):
    """Whole numbers as they are written; most of them come again and again."""

    def __missing__(self, number: int) -> str:
        text = self[number] = str(floatToGoString(number))
        return text


class _Escaped(dict[str, str]):
    """Values of labels as they are written; likewise."""

    def __missing__(self, value: str) -> str:
        text = self[value] = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        return text


def _add(
    family: Family,
    lines: list[str],
    numbers: _Numbers,
    escaped: _Escaped,
    openmetrics: bool,
    descriptions: bool,
) -> None:
    name = f"{family.name}_total" if family.type == "counter" and not openmetrics else family.name
    if descriptions:
        about = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
        lines.append(f"# HELP {name} {about.replace(chr(34), chr(92) + chr(34)) if openmetrics else about}\n")
    lines.append(f"# TYPE {name} {family.type}\n")
    if family.type == "histogram":
        _add_histograms(family, lines, numbers, escaped)
    else:
        _add_numbers(family, lines, numbers, escaped)


def _add_numbers(family: Family, lines: list[str], numbers: _Numbers, escaped: _Escaped) -> None:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    compose = _composing(family, escaped)
    for values, number in family.series:
        labels = compose(tuple(values))
        text = numbers[number] if number.__class__ is int else floatToGoString(number)
        lines.append(f"{name}{{{labels}}} {text}\n" if labels else f"{name} {text}\n")


def _add_histograms(family: Family, lines: list[str], numbers: _Numbers, escaped: _Escaped) -> None:
    name, whole = family.name, _composing(family, escaped)
    before, after = (_composing(family, escaped, side) for side in (False, True))
    bounds_of: dict[int, list[str]] = {}
    for series, (bounds, counts, total) in family.series:
        names = bounds_of.get(id(bounds))
        if names is None:
            names = bounds_of[id(bounds)] = [*map(floatToGoString, bounds), "+Inf"]
        values = tuple(series)
        head, tail = before(values), after(values)
        head = f'{name}_bucket{{{head},le="' if head else f'{name}_bucket{{le="'
        tail = f'",{tail}}} ' if tail else '"} '
        added = list(accumulate(counts))
        lines.extend(
            [f"{head}{bound}{tail}{numbers[count]}\n" for bound, count in zip(names, added, strict=True)]
        )
        labels = whole(values)
        labels = f"{{{labels}}}" if labels else ""
        lines.append(f"{name}_count{labels} {numbers[added[-1]]}\n")
        lines.append(f"{name}_sum{labels} {floatToGoString(total)}\n")


def _composing(family: Family, escaped: _Escaped, after: bool | None = None) -> _Compose:
    """What makes the labels of each series, in the order of their names.

    Args:
        family: Whose series they are.
        escaped: Values as they are written.
        after: Of a bucket: only those that come before ``le``, or only those that come after it.
    """
    names = sorted((*family.common, *family.labels))
    if after is not None:
        names = [name for name in names if (name > "le") is after]
    parts, places = [], []
    for name in names:
        if name in family.labels:
            parts.append(f'{name}="%s"')
            places.append(family.labels.index(name))
        else:
            parts.append(f'{name}="{escaped[family.common[name]]}"'.replace("%", "%%"))
    form = ",".join(parts)
    if not places:
        constant = form % ()
        return lambda values: constant
    if len(places) == 1:
        (place,) = places
        return lambda values: form % escaped[values[place]]
    chosen, known = itemgetter(*places), escaped.__getitem__
    return lambda values: form % tuple(map(known, chosen(values)))


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


def _by_the_book(family: Metric, openmetrics: bool, descriptions: bool) -> list[str]:
    """A family that is not ours, by prometheus-client itself."""
    make = generate_openmetrics if openmetrics else generate_latest
    lines = [f"{line}\n" for line in make(_One(family)).decode("utf-8").split("\n")[:-1]]
    return [line for line in lines if line != _EOF and (descriptions or not line.startswith("# HELP "))]
