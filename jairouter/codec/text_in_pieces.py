"""A text that comes in pieces, of which as much is settled as no further piece can change."""

from __future__ import annotations

from collections import Counter
from typing import Final

from jairouter.codec.masking import Edit, Find, Patience, Rule, Rules, joined, replaced

CONTEXT: Final = 256
"""Characters in front of a place that stay in sight for assertions that look back."""

MAX_HELD: Final = 256
"""Characters of a text in pieces that may wait for the next piece."""


class TextInPieces:
    """A text that comes in pieces, and what of it is settled.

    Args:
        rules: What is looked for.
        counts: Where it is counted what was found.
        max_held: Characters that may wait for more.

    Attributes:
        size: Characters that have come.
        settled: How many of them no further one can change.
        edits: What is replaced in these, in order; whoever has used one may take it out.
    """

    __slots__ = (
        "_begin",
        "_counts",
        "_finds",
        "_max_held",
        "_places",
        "_rules",
        "_text",
        "edits",
        "settled",
        "size",
    )

    def __init__(self, rules: Rules, counts: Counter[Rule], max_held: int = MAX_HELD) -> None:
        self.size = 0
        self.settled = 0
        self.edits: list[Edit] = []
        self._rules = rules.all
        self._counts = counts
        self._max_held = max_held
        self._text = ""
        self._begin = 0  # where that begins in the whole text
        self._places = [0] * len(self._rules)  # up to where each rule knows
        self._finds: list[Find] = []

    def feed(self, text: str, patience: Patience) -> None:
        """More of it has come.

        Raises:
            Unreadable: It takes too long.
        """
        self._text += text
        self.size += len(text)
        self._settle(patience, final=False)
        if self.size - self.settled > self._max_held:
            self._settle(patience, final=True)

    def finish(self, patience: Patience) -> None:
        """That was all of it, or nobody wants to wait for more.

        Raises:
            Unreadable: It takes too long.
        """
        if self.settled < self.size:
            self._settle(patience, final=True)

    def _settle(self, patience: Patience, *, final: bool) -> None:
        places = [self._look(order, patience, final=final) for order in range(len(self._rules))]
        self._places = places
        settled = self.size if final else min(places, default=self.size)
        groups = joined(self._finds)
        if groups and groups[-1].end > settled:
            # Another find may still reach into the last of them
            inside = [group for group in groups if group.end > settled]
            settled = min(settled, inside[0].start)
            groups = groups[: -len(inside)]
        self._finds = [find for find in self._finds if find.start >= settled]
        self.edits += replaced(self._rules, groups, self._text, self._begin, self._counts)
        self.settled = settled
        self._forget()

    def _look(self, order: int, patience: Patience, *, final: bool) -> int:
        """Let one rule go on; returns up to where it knows."""
        rule, text, begin = self._rules[order], self._text, self._begin
        at = self._places[order] - begin
        while True:
            found = rule.find(text, at, patience)
            if not final:
                opened = rule.open_from(text, at, found, patience)
                if found is None or opened <= found[0]:
                    return begin + opened
            elif found is None:
                return self.size
            self._finds.append(Find(begin + found[0], begin + found[1], order))
            at = found[1]

    def _forget(self) -> None:
        """Of what is settled only the end is still needed, to look back at."""
        spare = min(self.settled, *self._places) - CONTEXT - self._begin
        if spare > CONTEXT:
            self._text = self._text[spare:]
            self._begin += spare
