"""The head that came last on a connection, in case it comes again.

A client sends the same headers with every request, and a backend with every answer of a second; what differs
is the number in Content-Length. To find that out takes two comparisons of bytes, to parse the head again
takes a tenth of a request.

What is remembered is what the parser has found, and applies to the same bytes only. It belongs to one
connection and goes with it, since there are keys in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jairouter.exchange import HeaderPairs

LONGEST: Final = 2048
"""Bytes of a head that is worth its memory."""
MAX_DIGITS: Final = 15
"""Of a length; more would have to be held against the limits of 64 bits."""
EAGER: Final = 8
"""Heads in a row, none of them known, of which each is remembered instead of the one before."""
SELDOM: Final = 16
"""Behind these, every so many: when none is like the one before, remembering them is a waste."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})\r\n", re.IGNORECASE)


class KnownHead:
    """A head that was parsed, with the number in its Content-Length left open.

    Args:
        head: All of its bytes, with the empty line.
        pairs: Its headers.
        fields: The value of each header by its name in lower case.
        at: Where in `head` the number begins.
        digits: The number.

    Attributes:
        size: Bytes besides the number.
        digits: The number that it came with.
    """

    __slots__ = ("_after", "_before", "_fields", "_index", "_pairs", "_start", "_usual", "digits", "size")

    def __init__(
        self, head: bytes, pairs: HeaderPairs, fields: Mapping[bytes, bytes], at: int, digits: bytes
    ) -> None:
        self._before = head[:at]
        self._start = at
        self._usual = head[at:]
        self._after = head[at + len(digits) :]
        self._pairs = pairs
        self._fields = fields
        self._index = [name.lower() for name, _ in pairs].index(b"content-length")
        self.digits = digits
        self.size = len(head) - len(digits)

    def match(self, data: bytes) -> bytes | None:
        """The digits of the length, if `data` begins with this head."""
        if not data.startswith(self._before):
            return None
        start = self._start
        if data.startswith(self._usual, start):
            return self.digits
        end = data.find(b"\r", start, start + MAX_DIGITS + 1)
        if end < 0 or not data.startswith(self._after, end):
            return None
        digits = data[start:end]
        return digits if digits.isdigit() else None

    def headers(self, digits: bytes) -> tuple[HeaderPairs, Mapping[bytes, bytes]]:
        """The headers, and the values by name, with this length."""
        if digits == self.digits:
            return self._pairs, self._fields
        pairs, at = list(self._pairs), self._index
        pairs[at] = (pairs[at][0], digits)
        return tuple(pairs), {**self._fields, b"content-length": digits}


class Memory:
    """Decides which heads are worth remembering.

    Not the first one, since many connections see no other, and seldom those of somebody who never sends the
    same one twice.

    Attributes:
        in_vain: How many heads have come, one after the other, that were not known.
    """

    __slots__ = ("in_vain",)

    def __init__(self) -> None:
        self.in_vain = 0

    def helped(self) -> None:
        """One was known: so may be the one that follows the next that is not."""
        self.in_vain = 1

    def learn(self, head: bytes, pairs: HeaderPairs, fields: Mapping[bytes, bytes]) -> KnownHead | None:
        """Remember a head that was valid and had to be parsed.

        Args:
            head: All of its bytes, as far as they are known.
            pairs: Its headers.
            fields: The value of each by its name in lower case; none of them came twice.
        """
        self.in_vain += 1
        if self.in_vain == 1 or (self.in_vain > EAGER and self.in_vain % SELDOM):
            return None
        number = _LENGTH.search(head)
        # A line for each header, one before them and an empty one: no other way of reading them
        if number is None or len(head) > LONGEST or head.count(b"\n") != len(pairs) + 2:
            return None
        if not head.endswith(b"\r\n\r\n"):
            return None
        return KnownHead(head, pairs, fields, number.start(1), number[1])
