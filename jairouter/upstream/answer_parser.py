"""Answers as llhttp reads them: bytes in, one head and the body's bytes out. Knows of no connection.

::

                 expect               end of the head            last byte
    (nothing) -----------> IN HEAD -------------------> IN BODY -----------> COMPLETE
                            |   ^                          |                    |
                            +---+ interim answer           | not HTTP           | more bytes
                            |                              v                    v
                            +------------------------> `fault` is set <---------+
                               not HTTP

llhttp takes RTSP for HTTP, and line ends for nothing, and does not say where in the bytes it is. So heads
are given to it one by one, and what they begin with is checked here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import httptools

from jairouter.headers import by_name, content_length, keeps_alive
from jairouter.known_head import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jairouter.exchange import HeaderPairs
    from jairouter.known_head import KnownHead

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer's head, or of what is no content between two pieces of its body (trailers, chunk
extensions), that are accepted; Envoy's default is 60 KB."""

NO_BODY_STATUSES: Final = frozenset({204, 304})

_NOTHING: Final[Mapping[bytes, bytes]] = {}
_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_LINE: Final = re.compile(rb"HTTP/(1\.[01]) ([1-5][0-9]{2})(?: [\t -~\x80-\xff]*)?")
_FINAL: Final = frozenset({b"2", b"3", b"4", b"5"})
"""The first digit of a status that is no interim one's."""
_LONG: Final = 1024
"""Bytes in which a status line ends."""


class AnswerParser:
    """See the module's picture.

    Args:
        max_head: See `MAX_HEAD`.

    Attributes:
        fault: What is wrong with the bytes, or empty. What came before stays valid.
        head_done: Whether the head of the answer, which is no interim one, is complete. Only then are valid:
        status: The status.
        version: ``1.0`` or ``1.1``.
        pairs: The headers in order.
        fields: The value of each header by its name in lower case; several are joined by commas.
        length: Bytes of the body if that was said.
        until_close: Whether the body ends with the connection.
        keep_alive: Whether another answer may follow on the connection.
        complete: Whether the last byte has come, as far as the bytes say.
    """

    def __init__(self, max_head: int = MAX_HEAD) -> None:
        self._max_head = max_head
        # What llhttp calls must not re-enter it, so these callbacks only take note
        self._llhttp: Any = httptools.HttpResponseParser(self)
        self._lines: list[tuple[bytes, bytes]] = []
        self._memory = Memory()
        self._known: KnownHead | None = None
        self._known_start = ("", 0)  # version and status
        self.expect()

    def expect(self, *, to_head: bool = False) -> None:
        """The next answer will be a new one.

        Args:
            to_head: Whether HEAD was asked: such an answer has no body, whatever it announces.
        """
        self.fault = ""
        self.head_done = self.complete = self.until_close = False
        self.status = 0
        self.version = ""
        self.pairs: HeaderPairs = ()
        self.fields: Mapping[bytes, bytes] = _NOTHING
        self.length: int | None = None
        self.keep_alive = True
        self._to_head = to_head
        self._chunks: list[bytes] = []
        self._without_content = 0
        self._start = self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Parse the next bytes.

        Returns:
            The body's bytes among them.
        """
        in_head = not self.head_done
        if in_head and self._known is not None:
            again = self._again(data)
            if again is not None:
                return again
        rest = self._feed_heads(data) if in_head else data
        if rest:
            self._parse(rest)
        chunks = self._chunks
        if chunks:
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            self._without_content = 0
            return body
        self._without_content += len(data)
        if self._without_content > self._max_head:
            self.fault = self.fault or "an endless head, or endless trailers"
        if in_head and self.head_done:
            self._without_content = 0
        return b""

    def _again(self, data: bytes) -> bytes | None:
        """The body, if what came is the head that is known and all of its body.

        llhttp need not know: between two answers it is where it was before the first one.
        """
        known = self._known
        if known is None or self._start or self._tail or self._to_head or self._without_content:
            return None
        digits = known.match(data)
        if digits is None or self.fault:
            return None
        length, start = int(digits), known.size + len(digits)
        if len(data) != start + length:
            return None
        self.version, self.status = self._known_start
        self.pairs, self.fields = known.headers(digits)
        self.length = length
        self.head_done = self.complete = True
        self._memory.helped()
        return data[start:]

    def _learn(self, start: bytes) -> None:
        """Remember a head, if there can be another one behind it."""
        if self.keep_alive and self.length is not None and b"content-length" in self.fields:
            self._known = self._memory.learn(start, self.pairs, self.fields)
            self._known_start = self.version, self.status
        else:
            self._known = None  # this answer may take an hour, and there may be thousands of such

    def _feed_heads(self, data: bytes) -> bytes:
        """Parse interim heads, and at last the one that counts. Returns what is to be parsed behind it."""
        if not self._start and data[9:10] in _FINAL:
            # Nearly always: no interim head comes first, so all may be parsed at once
            self._start, self._tail = data, data[-3:]
            return data
        at = 0
        while at < len(data) and not (self.head_done or self.fault):
            end = self._end_of_head(data, at)
            piece = data[at:end]
            if len(self._start) < _LONG:
                self._start += piece
            self._parse(piece)
            at = end
        return b"" if self.fault else data[at:]

    def _end_of_head(self, data: bytes, at: int) -> int:
        tail, self._tail = self._tail, b""
        found = (tail + data[:3]).find(_END_OF_HEAD) if tail else -1
        if found >= 0:
            return found + 4 - len(tail)
        found = data.find(_END_OF_HEAD, at)
        if found >= 0:
            return found + 4
        self._tail = (tail + data[max(at, len(data) - 3) :])[-3:]
        return len(data)

    def _parse(self, data: bytes) -> None:
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fault = "an answer that changes the protocol"
        except httptools.HttpParserError as error:
            self.fault = self.fault or f"no valid HTTP/1.1 ({error})"

    def close(self) -> None:
        """Parse nothing any more. Breaks the cycle of references with llhttp."""
        self._llhttp = self._known = None

    # -- called by llhttp ---------------------------------------------------

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self.complete:
            self.fault = "more than one answer to one request"

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header is complete; after the head, a trailer, which is dropped."""
        if not self.head_done:
            self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self.complete:
            return
        # All is asked for now: when the answer is complete, llhttp has forgotten how it was framed
        start, self._start = self._start, b""
        lines, self._lines = self._lines, []
        self.pairs = tuple([(name, value.rstrip(b" \t")) for name, value in lines])
        self.fields, repeated = by_name(self.pairs)
        self.version, self.status = _status_line(start[:_LONG].partition(b"\r\n")[0])
        length, chunked, fault = None, b"transfer-encoding" in self.fields, ""
        if b"content-length" in self.fields:  # llhttp has refused what is ambiguous
            length = content_length(self.fields[b"content-length"])
        if not self.status:
            fault = "no HTTP/1.1 status line"
        elif chunked and _codings(lines) != [b"chunked"]:
            # None was offered (there is no TE header in our requests), and what is passed on must not be in
            # a coding whose header stops here
            fault = "a transfer coding that was not asked for"
        elif self.status < 200 and (length or chunked):
            fault = "an interim answer with a body"
        self.fault = self.fault or fault
        if not self.fault and self.status >= 200:
            self.head_done = True
            self._frame(length, chunked)
            if not (repeated or self.complete):
                self._learn(start[: start.find(_END_OF_HEAD) + 4])

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if not self.complete:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer's last byte, or the end of an interim answer (RFC 9110, section 15.2)."""
        if self.head_done and not self.fault:
            self.complete = True

    def _frame(self, length: int | None, chunked: bool) -> None:
        self.length = length
        self.keep_alive = self._llhttp.should_keep_alive()
        if self.version == "1.0" and not keeps_alive(self.fields.get(b"connection", b"")):
            self.keep_alive = False
        if self._to_head or self.status in NO_BODY_STATUSES:
            self.complete, self.length = True, 0
            if self._to_head or length or chunked:
                # What it announces may follow all the same, and would be the next answer. (After HEAD
                # llhttp would wait for it)
                self.keep_alive = False
        elif not chunked and length is None:
            self.until_close = True
        if self.until_close or (chunked and self.version == "1.0"):
            self.keep_alive = False  # RFC 9112, section 6.1, of chunks in HTTP/1.0


def _codings(lines: list[tuple[bytes, bytes]]) -> list[bytes]:
    """To the letter: before a tab llhttp does not recognise "chunked", and takes the chunks for the body."""
    return [value.lower() for name, value in lines if name.lower() == b"transfer-encoding"]


@lru_cache(200)
def _status_line(line: bytes) -> tuple[str, int]:
    """Version and status of an answer's first line; nothing and 0 if it is none."""
    match = _STATUS_LINE.fullmatch(line)
    return (match[1].decode("ascii"), int(match[2])) if match else ("", 0)
