r"""Masks the arguments of a tool call: JSON inside of a JSON string, which may come in pieces.

Only what stands in string values is masked, and the result is JSON again. Names and numbers stay: whoever
reads the arguments relies on them. What is no JSON is masked as any text::

              { [ "                     "                        "
    BEGINNING ------> BETWEEN --------------------> STRING -----------> BETWEEN
        |    ^        |     |                         |  ^
        |    +--------+     | neither structure       +--+ more of it
        |     its end       | nor number
        |                   |
        | anything else     v
        +----------------> TEXT, and so is all that follows
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from jairouter.codec.json_strings import NO_JSON, decoded, escaped
from jairouter.codec.masking import Edit, Rule, Rules
from jairouter.codec.patience import Patience, Unreadable
from jairouter.codec.text_in_pieces import (
    MAX_HELD,
    TextInPieces,
)

_VALUES: Final = re.compile(r"[\s0-9eE.+\-truefalsnNIity]*+")
"""Numbers and the words of JSON, as far as a look tells."""
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
    """As `jairouter.codec.text_in_pieces.TextInPieces`, for texts that are JSON.

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
        self._written: list[int] = []  # where the characters of that were written, from one of them on
        self._first = 0  # from which

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
                self._turn_to_text()
        return at

    def _turn_to_text(self) -> None:
        self._state = _State.TEXT
        self._open()

    def _go_between(self, text: str, at: int) -> int:
        values = _VALUES.match(text, at)
        at = values.end() if values else at
        sign = text[at : at + 1]
        if sign == '"':
            self._state = _State.STRING
            if not self._name_next:
                self._open()
        elif sign and sign in "{[":
            self._objects.append(sign == "{")
            self._name_next = sign == "{"
        elif sign and sign in "}]":
            del self._objects[-1:]
            self._end_value()
        elif sign and sign in ",:":
            self._name_next = sign == "," and bool(self._objects) and self._objects[-1]
        elif sign:
            self._turn_to_text()
            return at
        return at + len(sign)

    def _end_value(self) -> None:
        """A string, an object or a list has ended, and perhaps all of it."""
        self._name_next = False
        self._state = _State.BETWEEN if self._objects else _State.BEGINNING

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
        self._end_value()
        return end + 1

    def _open(self) -> None:
        self._inside = TextInPieces(*self._made)
        self._written = []
        self._first = 0

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
        if inside is None or not self._written:
            self.settled = self.size - len(self._rest)
            return
        if final:
            inside.finish(patience)
        edits, inside.edits = inside.edits, []
        for start, end, text in edits:
            written = self._written[start - self._first], self._written[end - self._first]
            self.edits.append(Edit(*written, text if self._state is _State.TEXT else escaped(text)))
        # Of what is settled, nobody asks any more where it was written
        del self._written[: inside.settled - self._first]
        self._first = inside.settled
        self.settled = self._written[0]
