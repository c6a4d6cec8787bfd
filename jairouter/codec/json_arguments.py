r"""Masks the arguments of a tool call: JSON inside of a JSON string, which may come in pieces.

Only what stands in string values is masked, and the result is JSON again. Names and numbers stay: whoever
reads the arguments relies on them. What is no JSON is masked as any text::

              { [ "                     "                        "
    BEGINNING ------> BETWEEN --------------------> STRING -----------> BETWEEN
        |                                             |  ^
        | anything else                               +--+ more of it
        v
      TEXT
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from jairouter.codec.json_strings import NO_JSON, decoded, moved
from jairouter.codec.masking import (
    Edit,
    Patience,
    Rule,
    Rules,
    Unreadable,
)
from jairouter.codec.text_in_pieces import (
    MAX_HELD,
    TextInPieces,
)

_STRUCTURE: Final = re.compile(r'["{}\[\],:]')
_HIGH: Final = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW: Final = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Up to a quote, or to what is not all here: an escape, or the second half of what is one character
_PLAIN: Final = re.compile(
    r'(?:[^"\\]|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|'
    + _HIGH
    + r"(?:"
    + _LOW
    + r"|(?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{4})))*+",
    re.DOTALL,
)
_LONGEST_ESCAPE: Final = len(r"\ud83d\ude00")
_BLANK: Final = re.compile(r"\s*+")


class _State(enum.Enum):
    BEGINNING = "nothing yet"
    BETWEEN = "between strings"
    STRING = "in a string"
    TEXT = "no JSON"


class ArgumentsInPieces:
    """As `jairouter.codec.masking.TextInPieces`, for texts that are JSON.

    Args:
        rules: What is looked for.
        counts: Where it is counted what was found.
        max_held: Characters that may wait for more.

    Attributes:
        size: Characters that have come.
        settled: How many of them no further one can change.
        edits: What is replaced in these, in order; whoever has used one may take it out.
    """

    def __init__(self, rules: Rules, counts: Counter[Rule], max_held: int = MAX_HELD) -> None:
        self.size = 0
        self.settled = 0
        self.edits: list[Edit] = []
        self._made = rules, counts, max_held
        self._state = _State.BEGINNING
        self._rest = ""  # what has not been dealt with; an escape that was cut in two
        self._objects: list[bool] = []  # of what it is inside of, whether each is an object
        self._name_next = False
        self._inside: TextInPieces | None = None
        self._written: list[int] = []  # where each character of that was written

    def feed(self, text: str, patience: Patience) -> None:
        """See `TextInPieces.feed`."""
        self.size += len(text)
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            at = self._step(text, at, patience)
        self._take(patience, final=False)

    def finish(self, patience: Patience) -> None:
        """See `TextInPieces.finish`."""
        self._rest = ""
        self._take(patience, final=True)
        self.settled = self.size

    def _step(self, text: str, at: int, patience: Patience) -> int:
        """Deal with what stands at `at`; returns where it goes on."""
        if self._state is _State.BEGINNING:
            return self._begin(text, at)
        if self._state is _State.BETWEEN:
            return self._go_between(text, at)
        start = self.size - len(text)
        if self._state is _State.TEXT:
            self._feed_inside(text[at:], start + at, patience, plain=True)
            return len(text)
        return self._go_inside(text, at, start, patience)

    def _begin(self, text: str, at: int) -> int:
        first = _BLANK.match(text, at)
        at = first.end() if first else at
        if at < len(text):
            if text[at] in '{["':
                self._state = _State.BETWEEN
            else:
                self._state = _State.TEXT
                self._open()
        return at

    def _go_between(self, text: str, at: int) -> int:
        mark = _STRUCTURE.search(text, at)
        if mark is None:
            return len(text)
        sign = mark[0]
        if sign == '"':
            self._state = _State.STRING
            if not self._name_next:
                self._open()
        elif sign in "{[":
            self._objects.append(sign == "{")
            self._name_next = sign == "{"
        elif sign in "}]":
            if self._objects:
                self._objects.pop()
            self._name_next = False
        else:
            self._name_next = sign == "," and bool(self._objects) and self._objects[-1]
        return mark.end()

    def _go_inside(self, text: str, at: int, start: int, patience: Patience) -> int:
        plain = _PLAIN.match(text, at)
        end = plain.end() if plain else at
        ended = text[end : end + 1] == '"'
        if not ended and len(text) - end >= _LONGEST_ESCAPE:
            raise Unreadable(NO_JSON)
        if self._inside is not None and end > at:
            self._feed_inside(text[at:end], start + at, patience)
        if not ended:
            self._rest = text[end:]
            return len(text)
        self._take(patience, final=True)
        self._inside = None
        self._name_next = False
        self._state = _State.BETWEEN
        return end + 1

    def _open(self) -> None:
        self._inside = TextInPieces(*self._made)
        self._written = []

    def _feed_inside(self, raw: str, start: int, patience: Patience, *, plain: bool = False) -> None:
        assert self._inside is not None
        places: Sequence[int]
        text, places = (raw, range(len(raw) + 1)) if plain else decoded(raw)
        del self._written[-1:]
        self._written += [start + place for place in places]
        self._inside.feed(text, patience)

    def _take(self, patience: Patience, *, final: bool) -> None:
        """Take over what is known of the string that it is in."""
        inside = self._inside
        if inside is None:
            self.settled = self.size - len(self._rest)
            return
        if final:
            inside.finish(patience)
        edits, inside.edits = inside.edits, []
        if self._state is _State.TEXT:
            self.edits += [
                Edit(self._written[edit.start], self._written[edit.end], edit.text) for edit in edits
            ]
        else:
            self.edits += moved(edits, self._written, 0)
        self.settled = self._written[inside.settled] if self._written else self.size - len(self._rest)
