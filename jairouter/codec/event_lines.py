r"""Takes the data out of an event of a stream, and writes other data into it: WHATWG HTML, section 9.2.6."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_BORDER: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}(?:\r\n|\n|\r)*+")
_DATA_LINE: Final = re.compile(
    r"(?:\A\ufeff?|(?<=[\r\n]))data(?:: ?|(?=[\r\n]|\Z))([^\r\n]*+)(\r\n|\n|\r|\Z)"
)
_LF: Final = "\n"
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def split(events: bytes) -> Iterator[bytes]:
    """Whole events, each with its empty line."""
    if events.find(b"\n\n") == len(events) - 2 and b"\r" not in events:
        yield events  # the usual case, in a tenth of the time
        return
    at = 0
    for border in _BORDER.finditer(events):
        yield events[at : border.end()] if at or border.end() < len(events) else events
        at = border.end()
    if at < len(events):
        yield events[at:] if at else events


def first_end(before: bytes, events: bytes) -> int:
    """Where the event ends of which something came before; 0 if that is still to come.

    Args:
        before: The last byte that came.
        events: The next ones.
    """
    border = _BORDER.search(before + events)
    return border.end() - len(before) if border else 0


def last_end(events: bytes) -> int:
    """Where the last whole event ends."""
    return max((border.end() for border in _BORDER.finditer(events)), default=0)


def data_of(event: str) -> str:
    """The values of all ``data`` lines, with LF between them."""
    return "\n".join([line[1] for line in _DATA_LINE.finditer(event)])


def with_data(event: str, data: str) -> str:
    """An event with other data in place of its own.

    All else in it stays. If the new data has more lines than the old, or fewer, all of it stands where the
    old began.
    """
    lines = list(_DATA_LINE.finditer(event))
    new = _LINE_END.split(data)
    if len(new) == len(lines):
        ends = [line.end(1) for line in lines]
    else:
        new = [f"{lines[0][2] or _LF}data: ".join(new)] + [""] * (len(lines) - 1)
        ends = [lines[0].end(1)] + [line.end() for line in lines[1:]]
    parts: list[str] = []
    at = 0
    for line, text, end in zip(lines, new, ends, strict=True):
        start = line.start(1) if end == line.end(1) else line.start()
        colon = "" if event[line.start() : start].rstrip(" ").endswith(":") or not text else ": "
        parts += (event[at:start], colon, text)
        at = end
    return "".join((*parts, event[at:]))
