"""Reads multipart/form-data as it arrives, keeping sizes and digests but no large part.

Its own parser on purpose: a test of the gateway's multipart code must not be checked by that code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re

_NAME = re.compile(r'[;\s]name="((?:[^"\\]|\\.)*)"')
_FILENAME = re.compile(r'[;\s]filename="((?:[^"\\]|\\.)*)"')
_TYPE = re.compile(r"^content-type:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)

# A form field's text is kept up to this size; a file's bytes are only counted and hashed.
_FIELD_LIMIT = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a form, as it was received.

    Attributes:
        name: The field's name.
        filename: The file's name, `None` for a plain field.
        content_type: The part's own content type, empty when it gave none.
        size: Its length in bytes.
        sha256: The digest of its bytes, in hexadecimal.
        text: The value of a plain field; empty for a file.
    """

    name: str
    filename: str | None
    content_type: str
    size: int
    sha256: str
    text: str

    def described(self) -> dict[str, object]:
        """Return what was received as members of a JSON answer."""
        return {
            "name": self.name,
            "filename": self.filename,
            "content_type": self.content_type,
            "size": self.size,
            "sha256": self.sha256,
        }


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary a multipart `Content-Type` names, or `None`."""
    if not content_type.lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return found.group(1).encode("latin-1") if found else None


class FormReader:
    """Takes the bytes of a form in any portions and lists its parts.

    Attributes:
        parts: The parts that are complete.
        complete: Whether the closing boundary has been seen.
    """

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._delimiter = b"\r\n--" + boundary
        # The first boundary has no line end before it; lending it one makes all alike.
        self._buffer = b"\r\n"
        self._head: str | None = None
        self._started = False
        self._open(None)

    def _open(self, head: str | None) -> None:
        self._head = head
        self._size = 0
        self._digest = hashlib.sha256()
        self._text = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._buffer += data
        while not self.complete and self._step():
            pass

    def _step(self) -> bool:
        """Take one element off the buffer; `False` when more bytes are needed."""
        if self._head is None and self._started:
            return self._read_head()
        at = self._buffer.find(self._delimiter)
        if at < 0:
            # All but what might be the beginning of a delimiter belongs to the part.
            self._take(max(0, len(self._buffer) - len(self._delimiter) + 1))
            return False
        if len(self._buffer) < at + len(self._delimiter) + 2:
            return False
        self._take(at)
        self._close_part()
        end = len(self._delimiter) + 2
        self.complete = self._buffer[end - 2 : end] == b"--"
        self._buffer = self._buffer[end:]
        self._started = True
        return True

    def _read_head(self) -> bool:
        # The head may be empty: then its blank line follows the boundary at once.
        head, blank, rest = (b"\r\n" + self._buffer).partition(b"\r\n\r\n")
        if not blank:
            return False
        self._buffer = rest
        self._open(head.decode("utf-8", "replace"))
        return True

    def _take(self, count: int) -> None:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        if self._head is None:
            return
        self._size += len(data)
        self._digest.update(data)
        if len(self._text) < _FIELD_LIMIT and not _FILENAME.search(self._head):
            self._text += data

    def _close_part(self) -> None:
        if self._head is None:
            return
        name, filename = _NAME.search(self._head), _FILENAME.search(self._head)
        content_type = _TYPE.search(self._head)
        self.parts.append(
            Part(
                name=name.group(1) if name else "",
                filename=filename.group(1) if filename else None,
                content_type=content_type.group(1) if content_type else "",
                size=self._size,
                sha256=self._digest.hexdigest(),
                text=self._text.decode("utf-8", "replace"),
            )
        )
        self._open(None)
