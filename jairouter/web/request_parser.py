r"""Bytes in, requests out: HTTP/1.1 by llhttp, with limits. No I/O.

::

                  first byte of a head              end of the head
    BETWEEN --------------------------> IN_HEAD --------------------> IN_BODY
       ^                                   |                             |
       |                                   | not HTTP, too large         | not HTTP
       |                                   v                             v
       |                                FAILED (`error` says why) <------+
       +-------------------------------- last byte of the body ----------+

llhttp calls back while it parses and cannot be stopped half-way, so the callbacks only note what they were
told, and `feed` hands the notes out afterwards. Nor does it say where in the bytes it is. So it is given
them in pieces that end where a message may end, which tells where the next one begins: what it is too kind
to is then checked by `head_rules`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import httptools

from jairouter.errors import BadRequest, GatewayError, HeadersTooLarge, UriTooLong
from jairouter.headers import by_name, keeps_alive
from jairouter.known_head import LONGEST, MAX_DIGITS, Memory
from jairouter.web.head_rules import body_length, request_line

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs
    from jairouter.known_head import KnownHead


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """How large a head may be.

    Attributes:
        max_header_bytes: Of one request's headers, and of its trailers. nginx: 32 KB in all by default.
        max_headers: Of one request.
        max_request_line: Bytes of the request target; nginx and Apache: 8 KB.
    """

    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
    max_request_line: int = 8 * 1024


class Head(NamedTuple):
    """A request line and its headers.

    Attributes:
        method: Such as ``POST``.
        target: As it was sent.
        version: Such as ``1.1``.
        pairs: The headers in wire order.
        fields: The value of each header by its name in lower case; several are joined by commas.
        repeated: The names in lower case that came more than once.
        keep_alive: Whether the client may send another request after this one.
        length: Of the body, from Content-Length; 0 without one, None for a chunked body.
    """

    method: bytes
    target: bytes
    version: str
    pairs: HeaderPairs
    fields: Mapping[bytes, bytes]
    repeated: frozenset[bytes]
    keep_alive: bool
    length: int | None = 0


_SMALL = 1024
"""A piece of a body below this length is joined to the next one: each costs some forty bytes of its own."""


class End(enum.Enum):
    """The last byte of a request."""

    END = "end"


END: Final = End.END
Event = Head | bytes | End
"""A head, a piece of the body of the head that came last, or that body's end."""

_FRAMING = (b"content-length", b"transfer-encoding")
_EMPTY_LINE: Final = b"\r\n\r\n"
_EMPTY_LINES: Final = re.compile(rb"\A(?:\r\n)+")
_CHUNKED: Final = -1
_MARGIN: Final = 64
"""More than what is in a request line besides the target."""
_FRAME: Final = 4
"""Bytes of a header's line that are neither name nor value."""
_TOO_LARGE: Final = "the request's headers are too large"


class RequestParser:
    """See the module's picture.

    Args:
        limits: Of every head.

    Attributes:
        error: Why the bytes are no request, or None. Nothing is parsed any more once it is set.
        in_head: Whether a head has begun that is not complete.
    """

    def __init__(self, limits: HeadLimits) -> None:
        self.error: GatewayError | None = None
        self.in_head = False
        self._limits = limits
        self._llhttp: Any = httptools.HttpRequestParser(self)
        self._events: list[Event] = []
        self._start = b""  # the head that has begun, as far as it may be needed
        self._pairs: list[tuple[bytes, bytes]] = []
        self._size = 0  # bytes of that head, later of trailers
        self._left = 0  # bytes of a body that has begun, or `_CHUNKED`
        self._tail = b""  # what may be the start of an empty line
        self._tunnel = False
        self._resuming = False
        self._quiet = 0
        self._memory = Memory()
        self._known: KnownHead | None = None
        self._known_head: Head | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Parse the next bytes.

        Returns:
            What has become complete, in order; also when `error` is set, for what came before the fault.
        """
        if self._known is not None and not (self._left or self._start or self._tail or self._tunnel):
            again = self._again(data)
            if again is not None:
                return again
        at, size = 0, len(data)
        while at < size and self.error is None and not self._tunnel:
            end = self._end_of_piece(data, at)
            piece = data if end - at == size else data[at:end]
            if not self._left:
                if self._start or piece[:1] == b"\r" or end - at > self._limits.max_request_line:
                    self._remember(piece)
                else:
                    self._start, self._size = piece, end - at  # nearly always
            elif self._left > 0:
                self._left -= end - at
            self._parse(piece)
            at = end
        events, self._events = self._events, []
        if events or not self._left:
            self._quiet = 0
        else:
            # Trailers and chunk extensions are never asked for: such bytes are limited by themselves
            self._quiet += size
            if self._quiet > self._limits.max_header_bytes and self.error is None:
                self.error = HeadersTooLarge("the request's trailers are too large")
        return events

    def close(self) -> None:
        """Parse nothing any more. Breaks the cycle of references with llhttp."""
        self._tunnel = True
        self._llhttp = self._known = self._known_head = None

    def forget(self) -> None:
        """Keep no head for the next request."""
        self._known = self._known_head = None

    def _again(self, data: bytes) -> list[Event] | None:
        """The events of the head that is known, and its body, if they are all that came.

        llhttp need not know: between two requests it is where it was before the first one.
        """
        known, head = self._known, self._known_head
        assert known is not None
        assert head is not None
        digits = known.match(data)
        if digits is None or self.error is not None:
            return None
        length, start = int(digits), known.size + len(digits)
        if len(data) != start + length:
            return None
        if digits != known.digits:
            pairs, fields = known.headers(digits)
            method, target, version, _, _, repeated, keep_alive, _ = head
            head = Head(method, target, version, pairs, fields, repeated, keep_alive, length)
        self._quiet = 0
        self._memory.helped()
        return [head, data[start:], END] if length else [head, END]

    def _learn(self, start: bytes, head: Head) -> None:
        """Remember a head, if there can be another one behind it."""
        if head.keep_alive and b"content-length" in head.fields and b"upgrade" not in head.fields:
            self._known = self._memory.learn(start, head.pairs, head.fields)
            self._known_head = None if self._known is None else head

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """Where llhttp must stop: a message may end here, and does not end before.

        A head ends with an empty line, and so does a chunked body; another ends where it said.
        """
        if self._left > 0:
            return min(at + self._left, len(data))
        if self._tail:
            tail, self._tail = self._tail, b""
            found = (tail + data[:3]).find(_EMPTY_LINE)
            if found >= 0:
                return found + 4 - len(tail)
        else:
            tail = b""
        found = data.find(_EMPTY_LINE, at)
        if found >= 0:
            return found + 4
        self._tail = (tail + data[max(at, len(data) - 3) :])[-3:]
        return len(data)

    def _remember(self, piece: bytes) -> None:
        """A piece of a head, or empty lines before one, which RFC 9112, section 2.2, wants ignored."""
        limits = self._limits
        self._size += len(piece)
        if not self._start:
            self._start = piece
        elif len(self._start) <= limits.max_request_line + _MARGIN:
            self._start += piece
        if self._start[:1] == b"\r":
            self._start = _EMPTY_LINES.sub(b"", self._start)
        if self._size > limits.max_request_line + _MARGIN:
            self._check_size()

    def _check_size(self) -> None:
        limits, line = self._limits, self._start.find(b"\r\n")
        if self._start and b" " not in self._start[:_MARGIN]:
            return  # what is too long is the method, and llhttp knows none of that length
        if (line if line >= 0 else len(self._start)) > limits.max_request_line + _MARGIN:
            self.error = UriTooLong("the request line is too long")
        elif self._size - line > limits.max_header_bytes + _FRAME * (limits.max_headers + 1):
            self.error = HeadersTooLarge(_TOO_LARGE)

    def _parse(self, piece: bytes) -> None:
        if self.error is not None:
            return
        try:
            self._llhttp.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
        except httptools.HttpParserError as error:
            self._fail(error)
        if self.error is not None:
            self.error.__traceback__ = self.error.__context__ = None  # they know this parser and the head

    def _fail(self, error: httptools.HttpParserError) -> None:
        if self.error is None:
            self.error = BadRequest(f"this is not valid HTTP/1.1 ({error})")

    def _ignore_upgrade(self) -> None:
        """Go on in HTTP/1.1 (RFC 9110, section 7.8, lets a server ignore an upgrade).

        curl and Java's client offer h2c with ordinary requests. llhttp believes that the protocol changes:
        to it the request ended with its head. So a new parser is told about the body that follows.
        """
        head = self._events[-2]
        assert isinstance(head, Head)
        if head.method == b"CONNECT":
            self._tunnel = True  # what follows is another protocol, and CONNECT is refused
            return
        self._events.pop()
        self._left = _CHUNKED if head.length is None else head.length
        self._llhttp = httptools.HttpRequestParser(self)
        self._resuming = True
        framing = [b"%b: %b\r\n" % pair for pair in head.pairs if pair[0].lower() in _FRAMING]
        if not head.keep_alive:
            framing.append(b"Connection: close\r\n")
        try:
            self._llhttp.feed_data(b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(framing) + b"\r\n")
        except httptools.HttpParserError as error:
            self._fail(error)

    # -- called by llhttp -----------------------------------------------------

    def on_message_begin(self) -> None:
        """A request line begins."""
        if not self._resuming:
            self.in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or, after the head was handed out, one trailer, which comes too late to be in it."""
        self._pairs.append((name, value))
        if not self.in_head:
            limits = self._limits
            self._size += len(name) + len(value)
            if self._size > limits.max_header_bytes or len(self._pairs) > limits.max_headers:
                self._stop(HeadersTooLarge("the request's trailers are too large"))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._resuming:
            self._resuming = False
            self._pairs, self._size = [], 0
            return
        self.in_head = False
        pairs, start, limits = tuple(self._pairs), self._start, self._limits
        self._pairs = []  # from here on trailers
        fields, repeated = by_name(pairs)
        try:
            line = request_line(start[: start.find(b"\r\n")])
            length = body_length(line, fields, repeated)
        except BadRequest as error:
            self._stop(error)
        method, target, version, _ = line
        if len(target) > limits.max_request_line:
            self._stop(UriTooLong("the request line is too long"))
        if len(pairs) > limits.max_headers or (
            self._size > limits.max_header_bytes and _bytes_of(pairs) > limits.max_header_bytes
        ):
            self._stop(HeadersTooLarge(_TOO_LARGE))
        whole, self._size = self._size == len(start), 0
        self._left = _CHUNKED if length is None else length
        keep_alive = self._llhttp.should_keep_alive()
        if version == "1.0":
            keep_alive = keep_alive and keeps_alive(fields.get(b"connection", b""))
        head = Head(method, target, version, pairs, fields, repeated, keep_alive, length)
        self._events.append(head)
        if whole and not repeated and len(start) <= min(LONGEST, limits.max_header_bytes - MAX_DIGITS):
            self._learn(start, head)

    def on_body(self, data: bytes) -> None:
        """A piece of a body."""
        last = self._events[-1] if self._events else END
        if isinstance(last, bytes) and len(last) < _SMALL:
            self._events[-1] = last + data  # a client may send chunks of a single byte each
        else:
            self._events.append(data)

    def on_message_complete(self) -> None:
        """A request's last byte."""
        self._left = self._size = 0
        self._start = b""
        if self._pairs:
            self._pairs = []  # trailers
        self._events.append(END)

    def _stop(self, error: GatewayError) -> NoReturn:
        self.error = error
        raise error  # llhttp stops and reports that a callback failed


def _bytes_of(pairs: HeaderPairs) -> int:
    return sum([len(name) + len(value) for name, value in pairs])
