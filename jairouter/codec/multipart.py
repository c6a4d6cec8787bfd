r"""Finds the ``model`` field in a multipart/form-data body as it arrives, keeping none of the files.

RFC 7578 (form-data), RFC 2046 section 5.1.1 (multipart), RFC 2183 (Content-Disposition)::

                      delimiter          CRLF           empty line
        [ PREAMBLE ] ----------> [ LINE ] ----> [ HEADERS ] ----> [ CONTENT ]
                                  |   ^                                |
                       "--", CRLF |   +--------------------------------+
                                  v                delimiter
                             [ EPILOGUE ]

The delimiter is CRLF ``--`` boundary; at the very start it needs no CRLF. LINE is the rest of the
delimiter's line. CONTENT is dropped but for the last bytes, which could be the start of a
delimiter, except in the fields asked for.

Strict, because the body is forwarded as it is, and the backend's parser must not find another
model in it: no boundary after a bare LF or CR (Werkzeug and Go accept some of these), none right
after the headers (Go accepts it), nothing but blanks after a boundary, no folded headers, no
Content-Disposition that is not understood to its end, no field twice with two values.

Written here and not taken from the *multipart* package: that one refuses blanks after a boundary
(RFC 2046 demands that they be skipped) and skips over parts of a Content-Disposition that it
cannot read, where this needs an error.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from jairouter.codec.form_headers import MultipartError, boundary_of, field_name, part_headers
from jairouter.codec.model_name import fault_in

__all__ = ["ModelFinder", "MultipartError", "boundary_of"]

_LINE: Final = re.compile(rb"(?P<last>--)?[ \t]*")
_LINE_START: Final = re.compile(rb"-?|(?:--)?[ \t]*\r?")
_WANTED: Final = (b"model", b"stream")
# Blanks after a boundary are allowed without a limit by RFC 2046; nobody sends more than a few.
_MAX_LINE: Final = 1024


class _State(Enum):
    PREAMBLE = "before the first boundary"
    LINE = "in the line of a boundary"
    HEADERS = "in the headers of a part"
    CONTENT = "in the content of a part"
    EPILOGUE = "after the last boundary"


class ModelFinder:
    """Reads ``model`` and ``stream`` from a form body as it arrives.

    Feed it each chunk that is passed on, then call `close`. After an error it is of no more use.
    It holds at most one part's headers or one field's value, never a file. Files go through at
    more than 1 GB/s, content made to be slow at 300 MB/s.

    Args:
        boundary: what `boundary_of` gave.
        max_value: how long the value of a field asked for may be, in bytes.
        max_part_header: how long the headers of one part may be together, in bytes.
        max_parts: how many parts the body may have.

    Attributes:
        model: the model asked for, known as soon as its part is complete; None before, and at the
            end if there is none. Never empty.
        stream: whether a field ``stream`` says ``true`` (any case) or ``1``.
        parts: how many parts have begun.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        max_value: int = 8 * 1024,
        max_part_header: int = 16 * 1024,
        max_parts: int = 1000,
    ) -> None:
        self._dashed = b"--" + boundary
        self._max_value = max_value
        self._max_part_header = max_part_header
        self._max_parts = max_parts
        self._state = _State.PREAMBLE
        # What has not been dealt with yet. The line end that may lack before the first boundary.
        self._tail = b"\r\n"
        self._field: str | None = None  # of the part that is being read, when it is asked for
        self._value = bytearray()
        self._values: dict[str, str] = {}
        self.model: str | None = None
        self.stream = False
        self.parts = 0

    @property
    def finished(self) -> bool:
        """Whether the last boundary has been read."""
        last_line = self._state is _State.LINE and self._tail.startswith(b"--")
        return last_line or self._state is _State.EPILOGUE

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Args:
            chunk: any number of bytes.

        Raises:
            MultipartError: the body is not a form, or passes a limit, or gives a field twice.
        """
        stream = self._tail + chunk
        self._tail = b""
        at = 0
        while at >= 0:
            at = _STEPS[self._state](self, stream, at)

    def close(self) -> None:
        """Say that the body is complete.

        Raises:
            MultipartError: the last boundary is missing.
        """
        if not self.finished:
            raise MultipartError("the form body ends before its last boundary")

    # Each step deals with what stands in the stream from `at` on. It returns where the next step
    # goes on, or -1 when it needs more; then it has kept what is still of use in `_tail`.

    def _read_content(self, stream: bytes, at: int) -> int:
        # Each find ends at a line, so that no content, however full of boundaries, is slow.
        line = stream.find(b"\n" + self._dashed, at)
        bare_cr = stream.find(b"\r" + self._dashed, at, line if line >= 0 else len(stream))
        if bare_cr >= 0 or (line >= 0 and stream[max(at, line - 1) : line] != b"\r"):
            raise MultipartError("a boundary in the form body does not follow a CRLF")
        if line >= 0:
            self._collect(stream[at : line - 1] if self._field else b"")
            self._end_part()
            self._state = _State.LINE
            return line + 1 + len(self._dashed)
        # What could be CRLF and all of the boundary but its last byte.
        keep = max(at, len(stream) - len(self._dashed) - 1)
        self._collect(stream[at:keep] if self._field else b"")
        self._tail = stream[keep:]
        return -1

    def _read_line(self, stream: bytes, at: int) -> int:
        end = stream.find(b"\r\n", at, at + _MAX_LINE + 2)
        if end < 0:
            line = stream[at : at + _MAX_LINE + 2]
            if len(line) > _MAX_LINE + 1 or not _LINE_START.fullmatch(line):
                raise MultipartError("a boundary in the form body is followed by other bytes")
            self._tail = line
            return -1
        line_read = _LINE.fullmatch(stream, at, end)
        if not line_read:
            raise MultipartError("a boundary in the form body is followed by other bytes")
        self._state = _State.EPILOGUE if line_read["last"] else _State.HEADERS
        return end

    def _read_headers(self, stream: bytes, at: int) -> int:
        # From the line end of the boundary on, so that a part without headers looks like others.
        limit = at + 2 + self._max_part_header
        end = stream.find(b"\r\n\r\n", at, limit + 4)
        content = end + 4
        if end < 0 and len(stream) >= limit + 4:
            raise MultipartError(f"the headers of a part exceed {self._max_part_header} bytes")
        if end < 0 or len(stream) < content + len(self._dashed):
            self._tail = stream[at:]
            return -1
        if stream.startswith(self._dashed, content):
            raise MultipartError("a boundary in the form body does not follow a CRLF")
        self._begin_part(stream[at + 2 : end])
        self._state = _State.CONTENT
        return content

    def _read_epilogue(self, stream: bytes, at: int) -> int:
        return -1

    def _begin_part(self, headers: bytes) -> None:
        self.parts += 1
        if self.parts > self._max_parts:
            raise MultipartError(f"the form body has more than {self._max_parts} parts")
        named = part_headers(headers)
        name = field_name(named.get(b"content-disposition"))
        if name not in _WANTED:
            return
        self._field = name.decode("ascii")
        encoding = named.get(b"content-transfer-encoding", b"binary")
        if encoding.strip(b" \t").lower() not in (b"binary", b"8bit", b"7bit"):
            message = f"{self._field} has a Content-Transfer-Encoding (RFC 7578, section 4.7)"
            raise MultipartError(message, self._field)

    def _collect(self, content: bytes) -> None:
        self._value += content
        if len(self._value) > self._max_value:
            message = f"{self._field} is longer than {self._max_value} bytes"
            raise MultipartError(message, self._field)

    def _end_part(self) -> None:
        field = self._field
        if field is None:
            return
        try:
            value = self._value.decode("utf-8")
        except UnicodeDecodeError:
            raise MultipartError(f"{field} is not valid UTF-8", field) from None
        if self._values.setdefault(field, value) != value:
            raise MultipartError(f"{field} is given twice with different values", field)
        if field == "stream":
            self.stream = value.lower() in ("true", "1")
        elif fault := fault_in(value):
            raise MultipartError(f"model {fault}", field)
        else:
            self.model = value
        self._field = None
        self._value.clear()


_STEPS: Final[dict[_State, Callable[[ModelFinder, bytes, int], int]]] = {
    _State.PREAMBLE: ModelFinder._read_content,
    _State.LINE: ModelFinder._read_line,
    _State.HEADERS: ModelFinder._read_headers,
    _State.CONTENT: ModelFinder._read_content,
    _State.EPILOGUE: ModelFinder._read_epilogue,
}
