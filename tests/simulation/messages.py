"""HTTP/1.1 as the simulation reads it.

Written apart from the gateway's parser, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [^\r\n]*")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")


@dataclass
class Message:
    """One answer, as far as it came.

    Attributes:
        status: 0 if there is no valid status line.
        headers: Names in lower case.
        body: Decoded.
        complete: Whether HTTP says that this is all of it.
        raw: How it came, with what was said in the meantime before it, if it was read with others.
    """

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False
    raw: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header."""
        return next((value for each, value in self.headers if each == name), None)

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return (self.header(b"connection") or b"").lower() == b"close"

    @property
    def is_event_stream(self) -> bool:
        """Whether its body is an event stream."""
        return (self.header(b"content-type") or b"").startswith(b"text/event-stream")


def read_answers(data: bytes, ended_well: bool) -> list[Message]:
    """Read everything that came over a connection.

    Args:
        data: The bytes.
        ended_well: Whether the connection was closed in good order, which completes a body without length.
    """
    answers: list[Message] = []
    before = data
    while data:
        message, data = read_answer(data, ended_well)
        message.raw = before[: len(before) - len(data)]
        if message.status >= 200 or not message.complete:
            answers.append(message)
            before = data
    return answers


def read_answer(data: bytes, ended_well: bool) -> tuple[Message, bytes]:
    """Read one answer. Returns it and the bytes behind it."""
    head, found, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(lines[0])
    if not found or status_line is None:
        return Message(), b""
    message = Message(int(status_line[1]))
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            return Message(), b""
        message.headers.append((name.lower(), value.strip()))
    length = message.header(b"content-length")
    if message.status < 200 or message.status in (204, 304):
        message.complete = True
    elif (message.header(b"transfer-encoding") or b"").lower() == b"chunked":
        message.body, message.complete, rest = read_chunks(rest)
    elif length is not None:
        message.body, rest = rest[: int(length)], rest[int(length) :]
        message.complete = len(message.body) == int(length)
    else:
        message.body, message.complete, rest = rest, ended_well, b""
    return message, rest


def read_chunks(data: bytes) -> tuple[bytes, bool, bytes]:
    """Decode a chunked body. Returns what there is of it, whether that is all, and what stands behind it."""
    body = bytearray()
    at = 0
    while size_line := _CHUNK_SIZE.match(data, at):
        size, at = int(size_line[1], 16), size_line.end()
        if size == 0:
            return bytes(body), data[at : at + 2] == b"\r\n", data[at + 2 :]
        body += data[at : at + size]
        if data[at + size : at + size + 2] != b"\r\n":
            break
        at += size + 2
    return bytes(body), False, b""


def chunked(pieces: list[bytes], end: bool = True) -> bytes:
    """Encode a body in chunks."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return chunks + (b"0\r\n\r\n" if end else b"")
