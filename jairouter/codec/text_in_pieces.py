"""A text that comes in pieces, of which as much is settled as no further piece can change."""

from __future__ import annotations

from collections import Counter
from typing import Final

from jairouter.codec.masking import Edit, Find, Rule, Rules, joined, replaced
from jairouter.codec.patience import Patience

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
        self._rules = rules
        self._counts = counts
        self._max_held = max_held
        self._text = ""
        self._begin = 0  # where that begins in the whole text
        self._places = [0] * len(rules.all)  # up to where each rule knows
        self._finds: list[Find] = []

    def feed(self, text: str, patience: Patience) -> None:
        """More of it has come.

        Raises:
            Unreadable: It takes too long.
        """
        self._text += text
        self.size += len(text)
        if not self._is_idle(patience):
            self._places = [self._look(order, patience) for order in range(len(self._rules.all))]
            self._settle(min(self._places, default=self.size))
        if self.size - self.settled > self._max_held:
            self._push(patience)
        self._forget()

    def finish(self, patience: Patience) -> None:
        """That was all of it, or nobody wants to wait for more.

        Raises:
            Unreadable: It takes too long.
        """
        if self.settled < self.size:
            for order in range(len(self._rules.all)):
                self._find_before(self.size, order, patience)
            self._places = [self.size] * len(self._places)
            self._settle(self.size)
            self._forget()

    def _is_idle(self, patience: Patience) -> bool:
        """Settle what one look for all rules says, if that is enough: usually nothing is found."""
        if self._finds:
            return False
        begin = self._begin
        opened = self._rules.open_from(self._text, min(self._places, default=self.size) - begin, patience)
        if opened is None:
            return False
        self._places = [max(place, begin + opened) for place in self._places]
        self.settled = max(self.settled, begin + opened)
        return True

    def _push(self, patience: Patience) -> None:
        """Let go of what waits for too long, but not of the last characters, which may begin anew."""
        oldest = self.size - self._max_held
        for order, place in enumerate(self._places):
            if place < oldest:
                self._places[order] = max(oldest, self._find_before(oldest, order, patience))
        groups = joined(self._finds)
        # (Where a find goes beyond, all of it goes, and with it what others might have found in it)
        oldest = max((group.end for group in groups if group.start < oldest), default=oldest)
        oldest = max(oldest, self.settled)
        self._places = [max(place, oldest) for place in self._places]
        self._settle(min(self._places))

    def _find_before(self, end: int, order: int, patience: Patience) -> int:
        """Find what begins before a place, as if no more came; returns where the last one ends."""
        at = self._places[order]
        while (found := self._rules.all[order].find(self._text, at - self._begin, patience)) is not None:
            start, stop = (self._begin + place for place in found)
            if start >= end:
                break
            self._finds.append(Find(start, stop, order))
            at = stop
        return at

    def _settle(self, settled: int) -> None:
        groups = joined(self._finds)
        if groups and groups[-1].end > settled:
            # Another find may still reach into the last of them
            inside = [group for group in groups if group.end > settled]
            settled = min(settled, inside[0].start)
            groups = groups[: -len(inside)]
        self._finds = [find for find in self._finds if find.start >= settled]
        self.edits += replaced(self._rules.all, groups, self._text, self._begin, self._counts)
        self.settled = settled

    def _look(self, order: int, patience: Patience) -> int:
        """Let one rule go on; returns up to where it knows."""
        rule, text, begin = self._rules.all[order], self._text, self._begin
        at = self._places[order] - begin
        while True:
            found = rule.find(text, at, patience)
            opened = rule.open_from(text, at, found, patience)
            if found is None or opened <= found[0]:
                return begin + opened
            self._finds.append(Find(begin + found[0], begin + found[1], order))
            at = found[1]

    def _forget(self) -> None:
        """Of what is settled only the end is still needed, to look back at."""
        spare = min(self.settled, *self._places) - CONTEXT - self._begin
        if spare > CONTEXT:
            self._text = self._text[spare:]
            self._begin += spare
