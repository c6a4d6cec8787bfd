"""The tables of docs/metrics.md, made from the table of all metrics.

`python -m jairouter.telemetry.metrics.reference` writes them, and compares them with `--check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from jairouter.page_table import PageTable
from jairouter.telemetry.metrics.families import PREFIX
from jairouter.telemetry.metrics.meaning import COUNTER, Meaning
from jairouter.telemetry.metrics.meanings import GROUPS

BEGIN: Final = "<!-- metrics: made by `make docs` -->"
END: Final = "<!-- end of metrics -->"


def table() -> str:
    """All metrics, in Markdown."""
    parts = []
    for title, group in GROUPS.items():
        parts.append(f"\n## {title}\n")
        parts += _rows(group)
    return "\n".join([*parts, ""])


def shown_name(meaning: Meaning) -> str:
    """The name of its samples; of a histogram without ``_bucket``, ``_sum`` and ``_count``."""
    name = meaning.name if meaning.foreign else f"{PREFIX}_{meaning.name}"
    return f"{name}_total" if meaning.kind == COUNTER else name


def _rows(group: Iterable[Meaning]) -> Iterator[str]:
    group = tuple(group)
    stand_ins = any(meaning.stands_for for meaning in group)
    yield "| metric | type | labels | category | meaning |" + (" measured here |" if stand_ins else "")
    yield "|---|---|---|---|---|" + ("---|" if stand_ins else "")
    for meaning in group:
        labels = ", ".join(f"`{label}`" for label in meaning.labels)
        cells = [f"`{shown_name(meaning)}`", meaning.kind, labels, meaning.category, meaning.about]
        if stand_ins:
            cells.append(meaning.stands_for)
        yield f"| {' | '.join(cells)} |"


_PLACE: Final = PageTable(Path("docs/metrics.md"), "metrics", BEGIN, END, table)
page = _PLACE.replaced


if __name__ == "__main__":
    raise SystemExit(_PLACE.main(sys.argv[1:]))
