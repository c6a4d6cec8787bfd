r"""Finds the string values of a JSON text where they stand, to write into them and leave all else as it is.

What is decoded and encoded again is another text: order, numbers, escapes and blanks would not survive. So of
each value only its place is told, and of a decoded value, where each of its characters was written.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple, overload

from jairouter.codec.masking import Edit
from jairouter.codec.patience import Unreadable

Path = tuple[str | int, ...]
"""Names of members; in a list, how many objects and lists stand before."""

NO_JSON: Final = "json"

# Numbers, words and commas need no look: a string behind which a colon stands is a name, any other is a value
_TOKEN: Final = re.compile(
    r'[\s0-9eE.+\-truefalsnNIity,]*+(?:"((?:[^"\\]|\\.)*+)"(\s*+:)?|([{\[])|([}\]]))', re.DOTALL
)
_REST: Final = re.compile(r"[\s0-9eE.+\-truefalsnNIity]*+\Z")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BOM: Final = "\ufeff"
_DECODER: Final = json.JSONDecoder(strict=False)  # line ends and the like are taken where they stand


class Value(NamedTuple):
    """A string value.

    Attributes:
        path: The members and lists in which it stands.
        start: Where its first character is written.
        end: Where its closing quote is.
        empty: Of an object or a list that is to be emptied, what stands in its place; the other two are then
            where it begins and where it ends.
    """

    path: Path
    start: int
    end: int
    empty: str = ""


class Places:
    """Members that are left alone, with all that is in them.

    Args:
        names: Names, or several of them with dots between: the last one, and those around it.
        emptied: Names of members whose objects become null, and whose lists become empty.
    """

    def __init__(self, names: Collection[str], emptied: Collection[str] = ()) -> None:
        self.emptied = frozenset(emptied)
        self._last: dict[str, list[tuple[str, ...]]] = {}
        for name in names:
            *around, last = name.split(".")
            self._last.setdefault(last, []).append(tuple(around))

    def holds(self, name: str, around: Sequence[str | int]) -> bool:
        """Whether a member is one of them.

        Args:
            name: Its own.
            around: The path of what it is in.
        """
        wanted = self._last.get(name)
        if wanted is None:
            return False
        if () in wanted:
            return True
        names = [step for step in around if isinstance(step, str)]
        return any(tuple(names[-len(each) :]) == each for each in wanted)


def string_values(text: str, places: Places) -> Iterator[Value]:
    """The string values outside of such places, in order.

    Raises:
        Unreadable: It is no JSON. (Not all that is none is found out.)
    """
    walk = _Walk(places)
    at = len(_BOM) if text.startswith(_BOM) else 0
    while (token := _TOKEN.match(text, at)) is not None:
        at = token.end()
        group = token.lastindex
        if group == 2:
            walk.name(_name(token[1]))
        elif group == 1:
            path = walk.string()
            if path is not None:
                yield Value(path, token.start(1), token.end(1))
        elif group == 3:
            walk.open(token[3] == "{", token.start(3))
        else:
            emptied = walk.close()
            if emptied is not None and text[emptied + 1 : at - 1].strip():
                yield Value(tuple(walk.steps), emptied, at, "null" if token[4] == "}" else "[]")
    if walk.depth or not _REST.match(text, at):
        raise Unreadable(NO_JSON)


class _Walk:
    """Where one is in a document.

    Attributes:
        steps: The path of the object or list that it is in.
    """

    __slots__ = ("_alone", "_counts", "_emptied", "_name", "_places", "steps")

    def __init__(self, places: Places) -> None:
        self.steps: list[str | int] = []
        self._places = places
        self._counts: list[int] = []  # of objects and lists in each list; -1 in an object
        self._name: str | int = ""
        self._alone = 0  # how deep it is inside of a member that is left alone; 0 outside
        self._emptied = -1  # where such a one begins that is to be emptied

    @property
    def depth(self) -> int:
        """How many objects and lists it is in."""
        return len(self._counts)

    def name(self, name: str) -> None:
        """A member begins."""
        self._name = name
        depth = len(self._counts)
        if self._alone > depth:
            self._alone = 0  # that was a number, or the like
        if not self._alone and (name in self._places.emptied or self._places.holds(name, self.steps)):
            self._alone = depth + 1
            self._emptied = -1

    def string(self) -> Path | None:
        """A string; returns its path, if it is not left alone."""
        counts = self._counts
        if self._alone:
            if self._alone > len(counts):
                self._alone = 0
            return None
        return (*self.steps, self._name) if counts and counts[-1] < 0 else tuple(self.steps)

    def open(self, is_object: bool, at: int) -> None:
        """An object or a list begins."""
        counts = self._counts
        if self._alone == len(counts) + 1 and self._name in self._places.emptied:
            self._emptied = at
        if counts:
            if counts[-1] >= 0:
                self._name = counts[-1]
                counts[-1] += 1
            self.steps.append(self._name)
        counts.append(-1 if is_object else 0)

    def close(self) -> int | None:
        """One ends; returns where it began, if it is to be emptied."""
        if not self._counts:
            raise Unreadable(NO_JSON)
        if self._alone > len(self._counts):
            self._alone = 0  # the last member was a number, or the like
        self._counts.pop()
        if self._counts:
            self.steps.pop()
        if self._alone != len(self._counts) + 1:
            return None
        self._alone = 0
        emptied, self._emptied = self._emptied, -1
        return emptied if emptied >= 0 else None


def _name(raw: str) -> str:
    return decoded(raw)[0] if "\\" in raw else raw


def decoded(raw: str) -> tuple[str, Sequence[int]]:
    """What a string means.

    Args:
        raw: As it stands between its quotes.

    Returns:
        The text, and where each of its characters was written, with the end of the last one.
    """
    if "\\" not in raw:
        return raw, range(len(raw) + 1)
    try:
        text = _DECODER.decode(f'"{raw}"')
    except ValueError:
        text = _ESCAPE.sub(_meant, raw)
    return text, _Written(raw, len(text))


class _Written(Sequence[int]):
    """Where the characters of a string with escapes were written.

    Most strings hold nothing that is masked, and nobody asks. A list of all places would take forty times
    the memory of the text.
    """

    __slots__ = ("_after", "_escapes", "_raw", "_size")

    def __init__(self, raw: str, size: int) -> None:
        self._raw = raw
        self._size = size
        self._escapes: array[int] | None = None
        self._after = array("Q")

    def __len__(self) -> int:
        return self._size + 1

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[int]: ...
    def __getitem__(self, at: int | slice) -> int | Sequence[int]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not 0 <= at <= self._size:
            raise IndexError(at)
        escapes = self._escapes if self._escapes is not None else self._find()
        before = bisect_left(escapes, at) - 1
        return at if before < 0 else self._after[before] + at - escapes[before] - 1

    def _find(self) -> array[int]:
        """Note of each escape which character it is, and where it ends."""
        escapes, after, longer = array("Q"), self._after, 0
        for escape in _ESCAPE.finditer(self._raw):
            escapes.append(escape.start() - longer)
            after.append(escape.end())
            longer += escape.end() - escape.start() - 1
        self._escapes = escapes
        return escapes


def _meant(escape: re.Match[str]) -> str:
    try:
        return _DECODER.decode(f'"{escape[0]}"')  # type: ignore[no-any-return]
    except ValueError:
        if escape[0][1] == "u":
            raise Unreadable(NO_JSON) from None
        return escape[0][1]  # no JSON, but what some would read all the same


def escaped(text: str) -> str:
    """How a text is written between quotes."""
    return json.dumps(text, ensure_ascii=_SURROGATE.search(text) is not None)[1:-1]


def moved(edits: Sequence[Edit], places: Sequence[int], start: int) -> list[Edit]:
    """The same edits where the text was written.

    Args:
        edits: In a decoded text.
        places: Where each of its characters was written.
        start: What is added to these.
    """
    return [Edit(start + places[edit.start], start + places[edit.end], escaped(edit.text)) for edit in edits]
