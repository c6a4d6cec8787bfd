"""Dates inside log lines, in the notation of Java's date patterns: ``yyyy-MM-dd HH:mm:ss.SSS``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DEFAULT: Final = "yyyy-MM-dd HH:mm:ss.SSS"

NAMED: Final = {
    "": DEFAULT,
    "ISO8601": "yyyy-MM-dd HH:mm:ss,SSS",
    "STRICT": "yyyy-MM-dd'T'HH:mm:ss,SSS",
    "ABSOLUTE": "HH:mm:ss,SSS",
}
"""Patterns that have names."""

LETTERS: Final = "yuMdHhKkmsSaEDzZXx"
"""What can be told of a moment; see java.time.format.DateTimeFormatter."""

_PIECE: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'")
_MOST: Final = 9


class DatePiece(NamedTuple):
    """One piece of a date.

    Attributes:
        letter: One of `LETTERS`; empty for text that stands for itself.
        width: How often the letter is written.
        text: That stands for itself.
    """

    letter: str
    width: int = 0
    text: str = ""


def parse_date(pattern: str) -> tuple[DatePiece, ...]:
    """Take a date pattern apart.

    Args:
        pattern: In Java's notation, or one of the names in `NAMED`.

    Raises:
        ValueError: It is none; the text says why.
    """
    pattern = NAMED.get(pattern, pattern)
    return tuple(_piece(each) for each in _PIECE.finditer(pattern))


def _piece(found: re.Match[str]) -> DatePiece:
    text = found[0]
    if text == "'":
        raise ValueError("a quote in the date is not closed")
    if text.startswith("'"):
        return DatePiece("", text=found[1].replace("''", "'") or "'")
    letter = found[2]
    if letter is None:
        return DatePiece("", text=text)
    if letter not in LETTERS:
        raise ValueError(f"a date has no {letter!r}; quote letters that stand for themselves, as in 'T'")
    if len(text) > _MOST:
        raise ValueError(f"a date has {letter!r} at most {_MOST} times in a row")
    return DatePiece(letter, len(text))


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        ValueError: There is none.
    """
    name = name.strip()
    try:
        return ZoneInfo({"GMT": "UTC", "Z": "UTC"}.get(name, name))
    except (KeyError, ValueError, OSError):  # (a name that is none, that leads elsewhere, or to a directory)
        raise ValueError(f"there is no time zone {name!r}") from None
