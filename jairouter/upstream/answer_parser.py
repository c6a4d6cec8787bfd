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
from typing import Any, Final

import httptools

from jairouter.headers import content_length

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer's head, or of what is no content between two pieces of its body (trailers, chunk
extensions), that are accepted; Envoy's default is 60 KB."""

NO_BODY_STATUSES: Final = frozenset({204, 304})

_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] [1-5][0-9]{2}(?: [\t -~\x80-\xff]*)?\r\n")
_FINAL: Final = frozenset({b"2", b"3", b"4", b"5"})
"""The first digit of a status that is no interim one's."""
_LONG: Final = 1024
"""Bytes in which a status line ends."""


class AnswerParser:
    """See the module's picture.

    Attributes:
        fault: What is wrong with the bytes, or empty. What came before stays valid.
        head_done: Whether the head of the answer, which is no interim one, is complete. Only then are valid:
        status: The status.
        version: ``1.0`` or ``1.1``.
        pairs: The headers in order.
        length: Bytes of the body if that was said.
        until_close: Whether the body ends with the connection.
        keep_alive: Whether another answer may follow on the connection.
        complete: Whether the last byte has come, as far as the bytes say.
    """

    def __init__(self) -> None:
        # What llhttp calls must not re-enter it, so these callbacks only take note
        self._llhttp: Any = httptools.HttpResponseParser(self)
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
        self.pairs: list[tuple[bytes, bytes]] = []
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
        if self._without_content > MAX_HEAD:
            self.fault = self.fault or "an endless head, or endless trailers"
        if in_head and self.head_done:
            self._without_content = 0
        return b""

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
        self._llhttp = None

    # -- called by llhttp ---------------------------------------------------

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self.complete:
            self.fault = "more than one answer to one request"

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header is complete; after the head, a trailer, which is dropped."""
        if self.head_done:
            return
        stripped = value.rstrip(b" \t")
        if len(stripped) < len(value) and name.lower() == b"transfer-encoding":
            # Before a tab llhttp does not recognise "chunked", and takes the chunks for the body
            self.fault = "a transfer coding that is not chunked alone"
        self.pairs.append((name, stripped))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self.complete:
            return
        # All is asked for now: when the answer is complete, llhttp has forgotten how it was framed
        self.status = self._llhttp.get_status_code()
        self.version = self._llhttp.get_http_version()
        length, chunked, fault = _framing(self.pairs)
        if _STATUS_LINE.match(self._start) is None:
            fault = "no HTTP/1.1 status line"
        elif self.status < 200 and (length or chunked):
            fault = "an interim answer with a body"
        self._start = b""
        self.fault = self.fault or fault
        if not self.fault and self.status >= 200:
            self.head_done = True
            self._frame(length, chunked)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if not self.complete:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer's last byte, or the end of an interim answer (RFC 9110, section 15.2)."""
        if not self.head_done:
            self.pairs.clear()
        elif not self.fault:
            self.complete = True

    def _frame(self, length: int | None, chunked: bool) -> None:
        self.length = length
        self.keep_alive = self._llhttp.should_keep_alive()
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


def _framing(pairs: list[tuple[bytes, bytes]]) -> tuple[int | None, bool, str]:
    """Length, whether chunked, and what is wrong with them; llhttp has refused what is ambiguous.

    Only ``chunked`` may come: no other coding was offered (there is no TE header in our requests), and
    what is passed on must not be in a coding whose header stops here.
    """
    length, codings = None, []
    for name, value in pairs:
        lowered = name.lower()
        if lowered == b"content-length":
            length = content_length(value)
        elif lowered == b"transfer-encoding":
            codings.append(value.lower())
    fault = "a transfer coding that was not asked for" if codings not in ([], [b"chunked"]) else ""
    return length, bool(codings), fault
