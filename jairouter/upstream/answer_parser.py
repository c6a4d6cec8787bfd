"""Answers as llhttp reads them: bytes in, one head and the body's bytes out. Knows of no connection.

::

                 expect               end of the head            last byte
    (nothing) -----------> IN HEAD -------------------> IN BODY -----------> COMPLETE
                            |   ^                          |                    |
                            +---+ interim answer           | not HTTP           | more bytes
                            |                              v                    v
                            +------------------------> `fault` is set <---------+
                               not HTTP
"""

from __future__ import annotations

from typing import Any, Final

import httptools

from jairouter.headers import content_length

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer's head, or of what is no content between two pieces of its body (trailers, chunk
extensions), that are accepted; Envoy's default is 60 KB."""

NO_BODY_STATUSES: Final = frozenset({204, 304})


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
        length: Bytes of the body if that was said.
        until_close: Whether the body ends with the connection.
        keep_alive: Whether another answer may follow on the connection.
        complete: Whether the last byte has come, as far as the bytes say.
    """

    def __init__(self, max_head: int = MAX_HEAD) -> None:
        self._max_head = max_head
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

    def feed(self, data: bytes) -> bytes:
        """Parse the next bytes.

        Returns:
            The body's bytes among them.
        """
        in_head = not self.head_done
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fault = "an answer that changes the protocol"
        except httptools.HttpParserError as error:
            self.fault = self.fault or f"no valid HTTP/1.1 ({error})"
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
        if not self.head_done:
            self.pairs.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self.complete:
            return
        # All is asked for now: when the answer is complete, llhttp has forgotten how it was framed
        self.status = self._llhttp.get_status_code()
        self.version = self._llhttp.get_http_version()
        length, chunked, fault = _framing(self.pairs)
        if self.version not in ("1.0", "1.1") or not 100 <= self.status <= 599:
            fault = "no HTTP/1.1 status line"
        if fault:
            self.fault = self.fault or fault
        elif self.status >= 200:
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
        elif not chunked and length is None:
            self.until_close = True
        if self.until_close or self._to_head:
            # (After HEAD llhttp would wait for the body that was announced)
            self.keep_alive = False


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
