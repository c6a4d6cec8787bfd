"""The Markdown that a run prints and writes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

_WIDTH = 110

READING = """\
CPU time is that of one process, user and system together: the gateway's, or that of nginx's one worker. It is
the figure to compare, because rates and latencies depend on what the backend and the load, which run on the
same machine, leave of its cores. "x nginx" is that figure divided by nginx's of the same round. Everything is
the median of the rounds; "from - to" are the lowest and the highest. "gateway" is one `twistd` process with
every filter switched on and its access log, which here goes to a file."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise of the design, and what was measured.

    Attributes:
        what: Of what.
        limit: Largest value that keeps the promise.
        measured: The value.
        unit: Of both.
    """

    what: str
    limit: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.limit


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one measurement.

    Attributes:
        title: Its heading.
        about: What was done, and how to read the table.
        columns: The table's head.
        rows: Its cells, as text.
        texts: How many of the columns are no figures.
        budgets: What they are held against.
        notes: What a reader has to know about this very run.
    """

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    budgets: Sequence[Budget] = ()
    notes: Sequence[str] = field(default_factory=list)

    def markdown(self) -> str:
        """As text."""
        parts = [
            f"## {self.title}",
            paragraph(self.about),
            table(self.columns, self.rows, self.texts),
        ]
        parts += [f"Note: {note}" for note in self.notes]
        return "\n\n".join(parts)


def paragraph(text: str) -> str:
    """Text as lines of one length."""
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """A table whose columns line up in plain text too. The first columns are `texts`, the others figures."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells[:texts], widths[:texts], strict=True)]
        padded += [cell.rjust(width) for cell, width in zip(cells[texts:], widths[texts:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width for width in widths[:texts]]
    rule += ["-" * (width - 1) + ":" for width in widths[texts:]]
    return "\n".join([line(columns), line(rule), *map(line, rows)])


def budgets(sections: Sequence[Section]) -> str:
    """All budgets of all sections in one table."""
    rows = [
        (each.what, f"{each.measured:.2f} {each.unit}", f"<= {each.limit:g} {each.unit}", verdict(each))
        for section in sections
        for each in section.budgets
    ]
    return table(("budget", "measured", "budget", ""), rows) if rows else "None of them was measured."


def verdict(budget: Budget) -> str:
    """In words."""
    return "met" if budget.met else "NOT MET"


def document(title: str, preface: Sequence[str], sections: Sequence[Section], failures: Sequence[str]) -> str:
    """The whole page."""
    parts = [f"# {title}"]
    if failures:
        parts.append("**This run FAILED; its figures are not to be used.**")
        parts += [f"* {failure}" for failure in failures]
    parts += [*preface, paragraph(READING), "## Budgets", budgets(sections)]
    parts += [section.markdown() for section in sections]
    return "\n\n".join(parts) + "\n"
