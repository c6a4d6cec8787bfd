"""A reader of HTTP/1.1 that is slow, obvious and strict: what `grammar` says, message by message.

It has all the bytes from the start, keeps nothing but a position, and stops at the first thing that is
wrong. Where the RFC lets a recipient choose between repair and refusal, it refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.fuzz.grammar import (
    ABSOLUTE_FORM,
    AUTHORITY,
    AUTHORITY_FORM,
    CHUNK_LINE,
    CONTENT_LENGTH,
    FIELD_LINE,
    ORIGIN_FORM,
    REQUEST_LINE,
    STATUS_LINE,
)

Fields = tuple[tuple[bytes, bytes], ...]
WITHOUT_BODY = (204, 304)
DISGUISED = (b"content_length", b"transfer_encoding")
"""Valid names, which CGI and its heirs take for those with a dash."""


class Invalid(Exception):
    """These bytes are no HTTP/1.1."""


class Incomplete(Exception):
    """As far as they go they are, but there is more to come."""


@dataclass(frozen=True)
class Message:
    """A request or an answer.

    Attributes:
        start: Method, target and version of a request; version and status of an answer.
        fields: The headers, without blanks round the values.
        body: What is in it, as far as it has come.
        keeps: Whether another may follow on the connection.
    """

    start: tuple[bytes, ...]
    fields: Fields
    body: bytes = b""
    keeps: bool = True

    def values(self, name: bytes) -> list[bytes]:
        """The values of one field, by its name in lower case."""
        return [value for each, value in self.fields if each.lower() == name]


@dataclass(frozen=True)
class Reading:
    """What was found.

    Attributes:
        messages: Those that are complete.
        begun: One whose head is complete, and its body is not.
        fault: What is wrong with what follows; empty when nothing is.
        rest: Bytes behind the last complete message.
    """

    messages: list[Message]
    begun: Message | None = None
    fault: str = ""
    rest: bytes = b""


@dataclass
class Reader:
    """A place in the bytes."""

    data: bytes
    at: int = 0
    body: bytearray = field(default_factory=bytearray)

    def line(self) -> bytes:
        """The next line, without its end."""
        end = self.data.find(b"\r\n", self.at)
        if end < 0:
            raise Incomplete
        line, self.at = self.data[self.at : end], end + 2
        return line

    def fields(self) -> Fields:
        """The header section, or the trailer section."""
        found = []
        while line := self.line():
            match = FIELD_LINE.fullmatch(line)
            if match is None:
                raise Invalid(f"no field line: {line!r}")
            found.append((match[1], match[2]))
        return tuple(found)

    def take(self, size: int) -> None:
        """That many bytes of the body."""
        piece = self.data[self.at : self.at + size]
        self.body += piece
        self.at += len(piece)
        if len(piece) < size:
            raise Incomplete

    def chunks(self) -> None:
        """A chunked body (RFC 9112, section 7.1)."""
        while True:
            match = CHUNK_LINE.fullmatch(self.line())
            if match is None:
                raise Invalid("no line that begins a chunk")
            size = _number(match[1], 16)
            if size == 0:
                self.fields()
                return
            self.take(size)
            end = self.data[self.at : self.at + 2]
            if end != b"\r\n"[: len(end)]:
                raise Invalid("a chunk of another size than it said")
            if len(end) < 2:
                raise Incomplete
            self.at += 2


def read_requests(data: bytes) -> Reading:
    """Every request on a connection."""
    reader, messages = Reader(data), list[Message]()
    begun: Message | None = None
    after = 0
    try:
        while not messages or messages[-1].keeps:
            after = reader.at
            begun = None
            head, length = _request_head(reader)
            reader.body.clear()
            begun = head
            _body(reader, length)
            messages.append(_with(head, reader.body))
        begun, after = None, reader.at
    except Invalid as fault:
        return Reading(messages, begun and _with(begun, reader.body), str(fault), data[after:])
    except Incomplete:
        return Reading(messages, begun and _with(begun, reader.body), "", data[after:])
    return Reading(messages, None, "", data[after:])


def read_answer(data: bytes, *, closed: bool, to_head: bool = False) -> Reading:
    """The answers to one request: interim ones, and at last the one that counts.

    Args:
        data: What the backend sent.
        closed: Whether it then closed the connection in good order.
        to_head: Whether HEAD was asked.

    Returns:
        `messages` holds the last one if it is complete, `rest` what came behind it.
    """
    reader = Reader(data)
    begun: Message | None = None
    try:
        head, length, until_close = _answer_head(reader)
        while head.start[1].startswith(b"1"):
            head, length, until_close = _answer_head(reader)
        begun = head
        if to_head or int(head.start[1]) in WITHOUT_BODY:
            length = 0
            # What it announces may follow all the same, from one who does not know better
            if to_head or _announces(head):
                begun = head = Message(head.start, head.fields, keeps=False)
        elif until_close:
            reader.take(len(data) - reader.at)
            if not closed:
                raise Incomplete
        _body(reader, length)
    except Invalid as fault:
        return Reading([], begun and _with(begun, reader.body), str(fault))
    except Incomplete:
        return Reading([], begun and _with(begun, reader.body))
    return Reading([_with(head, reader.body)], None, "", data[reader.at :])


def read_answers(data: bytes, requests: Reading, *, closed: bool) -> Reading:
    """All that a client got for what it sent.

    Args:
        data: What it got.
        requests: What it sent: an answer to HEAD has no body.
        closed: Whether the connection was then closed.
    """
    asked = [*requests.messages, *([requests.begun] if requests.begun else [])]
    messages = list[Message]()
    while data := data.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"):
        number = len(messages)
        to_head = number < len(asked) and asked[number].start[0] == b"HEAD"
        reading = read_answer(data, closed=closed, to_head=to_head)
        if to_head and not reading.rest.startswith(b"HTTP/1."[: len(reading.rest)]):
            reading = read_answer(data, closed=closed)  # it was refused by its head, so it was no HEAD
        if not reading.messages:
            return Reading(messages, reading.begun, reading.fault or "not complete", data)
        messages += reading.messages
        data = reading.rest
    return Reading(messages)


def _with(head: Message, body: bytearray) -> Message:
    return Message(head.start, head.fields, bytes(body), head.keeps)


def _body(reader: Reader, length: int | None) -> None:
    if length is None:
        reader.chunks()
    else:
        reader.take(length)


def _request_head(reader: Reader) -> tuple[Message, int | None]:
    while not (line := reader.line()):
        pass  # RFC 9112, section 2.2: empty lines before a request are ignored
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise Invalid(f"no request line: {line!r}")
    method, target, version = match.groups()
    fields = reader.fields()
    head = Message((method, target, version), fields, keeps=_keeps(version, fields))
    _check_target(head, _host(head))
    if any(name.lower() in DISGUISED for name, _ in fields):
        raise Invalid("a framing field in disguise")
    length = _length(head)
    if length is None and version == b"1.0":
        raise Invalid("Transfer-Encoding in HTTP/1.0")
    if method == b"CONNECT":
        return Message(head.start, fields, keeps=False), 0
    return head, length


def _answer_head(reader: Reader) -> tuple[Message, int | None, bool]:
    match = STATUS_LINE.fullmatch(reader.line())
    if match is None:
        raise Invalid("no status line")
    version, status = match.groups()
    fields = reader.fields()
    head = Message((version, status), fields, keeps=_keeps(version, fields))
    length = _length(head)
    if status == b"101":
        raise Invalid("an answer that changes the protocol")
    if status.startswith(b"1") and _announces(head):
        raise Invalid("an interim answer with a body")
    until_close = not head.values(b"transfer-encoding") and not head.values(b"content-length")
    # RFC 9112, section 6.1: HTTP/1.0 knows no transfer codings, so who knows what it means
    if (until_close and int(status) not in WITHOUT_BODY) or (length is None and version == b"1.0"):
        head = Message(head.start, fields, keeps=False)
    return head, length, until_close


def _announces(head: Message) -> bool:
    """Whether there is said to be a body."""
    lengths = head.values(b"content-length")
    return bool(head.values(b"transfer-encoding")) or any(each.strip(b"0") for each in lengths)


def _keeps(version: bytes, fields: Fields) -> bool:
    """RFC 9112, section 9.3."""
    values = [value for name, value in fields if name.lower() == b"connection"]
    options = {option.strip(b" \t").lower() for value in values for option in value.split(b",")}
    if b"close" in options:
        return False
    return version == b"1.1" or b"keep-alive" in options


def _length(head: Message) -> int | None:
    """RFC 9112, section 6.3; 0 when nothing is said, None for chunks."""
    codings, lengths = head.values(b"transfer-encoding"), head.values(b"content-length")
    if codings:
        if lengths:
            raise Invalid("both Transfer-Encoding and Content-Length")
        if [coding.lower() for coding in codings] != [b"chunked"]:
            raise Invalid("a transfer coding that is not chunked alone")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not CONTENT_LENGTH.fullmatch(lengths[0]):
        raise Invalid("no Content-Length")
    return _number(lengths[0], 10)


def _number(digits: bytes, base: int) -> int:
    """A length; nobody can be sure that the other side counts further than 64 bits."""
    digits = digits.lstrip(b"0") or b"0"
    number = int(digits[:40], base)
    if len(digits) > 40 or number >= 2**64:
        raise Invalid("a number of more than 64 bits")
    return number


def _host(head: Message) -> bytes | None:
    """RFC 9112, section 3.2."""
    hosts = head.values(b"host")
    if len(hosts) > 1 or (not hosts and head.start[2] == b"1.1"):
        raise Invalid("not one Host")
    if hosts and not re.fullmatch(AUTHORITY, hosts[0]):
        raise Invalid("a Host that is none")
    return hosts[0] if hosts else None


def _check_target(head: Message, host: bytes | None) -> None:
    """RFC 9112, section 3.2."""
    method, target, _ = head.start
    if method == b"CONNECT":
        if not re.fullmatch(AUTHORITY_FORM, target):
            raise Invalid("CONNECT to nowhere")
    elif absolute := re.fullmatch(ABSOLUTE_FORM, target):
        if host is not None and _normal(absolute[1]) != _normal(host):
            raise Invalid("two different hosts")
    elif not re.fullmatch(ORIGIN_FORM, target) and (target != b"*" or method != b"OPTIONS"):
        raise Invalid(f"no target: {target!r}")


def _normal(authority: bytes) -> bytes:
    """Without the port that is meant when none is named."""
    return re.sub(rb":(80|443)?$", b"", authority.lower())
