"""One event is one line, whatever is in it."""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""What ends a line, moves a terminal's cursor or sets its colours (ESC and C1), makes text read the other way
round (https://trojansource.codes), or cannot be written in UTF-8."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b"}

MOST: Final = 64 * 1024
"""Characters of a message; what is beyond is cut off."""
CUT: Final = "... (cut)"


def one_line(text: str) -> str:
    """A text with all escaped that would not stay within its line."""
    if len(text) > MOST:
        text = text[:MOST] + CUT
    if text.isprintable():  # which is ten times as fast, and nearly always so
        return text
    return _UNSAFE.sub(_escaped, text)


def indented(text: str) -> str:
    """The lines of a traceback, so that none of them can be taken for an event."""
    return "".join(f"    {one_line(line)}\n" for line in text.splitlines())


def _escaped(match: re.Match[str]) -> str:
    each = match[0]
    code = ord(each)
    return _SHORT.get(each) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
