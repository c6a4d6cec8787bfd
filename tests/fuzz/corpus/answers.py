"""Answers of backends that are none, that are two, or that could be read in two ways.

Somebody who controls a backend, or what it answers with, must not control what the next client gets.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.fuzz.corpus.chunks import BLANKS, EXTENSIONS, LINE_ENDS, SIZES, TERMINATORS, TRAILERS
from tests.fuzz.corpus.framing import CODINGS, LENGTHS, NAMES
from tests.fuzz.corpus.lines import FIELDS
from tests.fuzz.corpus.pieces import CHUNKED, CRLF, JSON

OK = b"HTTP/1.1 200 OK"
BODY = b'{"an":"aw"}ok'
"""As long as the body of the requests, so that the same lengths fit."""
LENGTH = b"Content-Length: 13"
CHUNK = b"d\r\n" + BODY + b"\r\n"
CHUNKS = CHUNK + b"0\r\n\r\n"


def answer(*lines: bytes, start: bytes = OK, body: bytes = BODY) -> bytes:
    """An answer; nothing is added that frames it."""
    return CRLF.join((start, JSON, *lines)) + CRLF * 2 + body


POISON = answer(b"Content-Length: 8", body=b"POISONED")
"""What the next client must never see."""


@dataclass(frozen=True)
class Answered:
    """One case.

    Attributes:
        name: What it is.
        data: What the backend sends.
        status: What the client gets; 502 when the answer is refused, 0 when it breaks off.
        body: The same.
        reused: Whether the connection is used again; None for either.
        hangs_up: Whether the backend then closes the connection.
    """

    name: str
    data: bytes
    status: int = 200
    body: bytes = BODY
    reused: bool | None = False
    hangs_up: bool = False


def refused(cases: dict[str, bytes]) -> list[Answered]:
    """The client is told that the answer was none."""
    return [Answered(name, data, 502, b"") for name, data in cases.items()]


def broken_off(cases: dict[str, bytes]) -> list[Answered]:
    """The head was good: the client has it, or is told, and sees that the body is not complete."""
    return [Answered(name, data, 0, b"") for name, data in cases.items()]


def kept(cases: dict[str, bytes]) -> list[Answered]:
    """Good answers, after which the connection is used again."""
    return [Answered(name, data, reused=True) for name, data in cases.items()]


def closed(cases: dict[str, bytes]) -> list[Answered]:
    """Good answers, after which it is not."""
    return [Answered(name, data) for name, data in cases.items()]


TE = b"Transfer-Encoding"

STATUS_LINES = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2",
    "HTTP/0.9": b"<html>hello</html>",
    "version 0.9": b"HTTP/0.9 200 OK",
    "version 1.2": b"HTTP/1.2 200 OK",
    "version 2.0": b"HTTP/2.0 200 OK",
    "version 2": b"HTTP/2 200",
    "version 11.1": b"HTTP/11.1 200 OK",
    "small letters": b"http/1.1 200 OK",
    "RTSP": b"RTSP/1.0 200 OK",
    "ICE": b"ICE/1.0 200 OK",
    "ICY": b"ICY 200 OK",
    "two blanks before the status": b"HTTP/1.1  200 OK",
    "tab before the status": b"HTTP/1.1\t200 OK",
    "tab behind the status": b"HTTP/1.1 200\tOK",
    "blank in front": b" HTTP/1.1 200 OK",
    "NUL in front": b"\0HTTP/1.1 200 OK",
    "a byte in front": b"XHTTP/1.1 200 OK",
    "an empty line in front": b"\r\nHTTP/1.1 200 OK",
    "a line feed in front": b"\nHTTP/1.1 200 OK",
    "a carriage return in front": b"\rHTTP/1.1 200 OK",
    "no status": b"HTTP/1.1 OK",
    "one digit": b"HTTP/1.1 2 OK",
    "two digits": b"HTTP/1.1 20 OK",
    "four digits": b"HTTP/1.1 2000 OK",
    "a sign": b"HTTP/1.1 +20 OK",
    "a letter": b"HTTP/1.1 2OO OK",
    "nothing between status and reason": b"HTTP/1.1 200OK",
    "status 000": b"HTTP/1.1 000 OK",
    "status 099": b"HTTP/1.1 099 OK",
    "status 600": b"HTTP/1.1 600 OK",
    "status 999": b"HTTP/1.1 999 OK",
    "NUL in the reason": b"HTTP/1.1 200 O\0K",
    "control character in the reason": b"HTTP/1.1 200 O\x01K",
    "DEL in the reason": b"HTTP/1.1 200 O\x7fK",
    "carriage return in the reason": b"HTTP/1.1 200 OK\rX: y",
    "line feed in the reason": b"HTTP/1.1 200 OK\nX: y",
    "two carriage returns": b"HTTP/1.1 200 OK\r",
    "101": b"HTTP/1.1 101 Switching Protocols",
    "a request": b"GET / HTTP/1.1",
}

_TWICE = {"two Content-Types", "two Content-Types with another case", "two Content-Encodings"}
BAD_FIELDS = {name: line for name, line in FIELDS.items() if name not in _TWICE}
BAD_NAMES = {name: line for name, line in NAMES.items() if name != "underscore"}

REFUSED = [
    *refused({f"status line: {name}": answer(LENGTH, start=line) for name, line in STATUS_LINES.items()}),
    *refused({f"field: {name}": answer(LENGTH, line) for name, line in BAD_FIELDS.items()}),
    *refused(
        {f"TE: {name}": answer(TE + b": " + value, body=CHUNKS + POISON) for name, value in CODINGS.items()}
    ),
    *refused(
        {
            f"CL and TE: {name}": answer(LENGTH, TE + b": " + value, body=CHUNKS)
            for name, value in {"chunked": b"chunked", **CODINGS}.items()
        }
    ),
    *refused(
        {
            f"TE and CL: {name}": answer(TE + b": " + value, LENGTH, body=CHUNKS)
            for name, value in {"chunked": b"chunked", **CODINGS}.items()
        }
    ),
    *refused({f"TE name: {name}": answer(LENGTH, line) for name, line in BAD_NAMES.items()}),
    *refused({f"CL: {name}": answer(b"Content-Length: " + value) for name, value in LENGTHS.items()}),
    *refused(
        {
            "two CL, the same": answer(LENGTH, LENGTH),
            "two CL, the second less": answer(LENGTH, b"Content-Length: 0"),
            "two CL, the first less": answer(b"Content-Length: 0", LENGTH),
            "two TE": answer(CHUNKED, CHUNKED, body=CHUNKS),
            "two TE, the second another": answer(CHUNKED, TE + b": identity", body=CHUNKS),
            "two TE, the first another": answer(TE + b": identity", CHUNKED, body=CHUNKS),
            "line feeds only": answer(LENGTH).replace(CRLF, b"\n"),
            "carriage returns only": answer(LENGTH).replace(CRLF, b"\r"),
            "line feed behind the status line": answer(LENGTH).replace(CRLF, b"\n", 1),
            "line feed at the end of the head": answer(LENGTH).replace(CRLF * 2, b"\r\n\n"),
            "carriage return at the end of the head": answer(LENGTH).replace(CRLF * 2, b"\r\n\r"),
            "101 with an upgrade": answer(b"Connection: upgrade", b"Upgrade: x", start=b"HTTP/1.1 101 Go"),
            "100 with a length": answer(LENGTH, start=b"HTTP/1.1 100 Continue") + answer(LENGTH),
            "100 with a length and no body": answer(LENGTH, start=b"HTTP/1.1 100 Go", body=b"")
            + answer(LENGTH),
            "100 with chunks": answer(CHUNKED, start=b"HTTP/1.1 100 Continue", body=CHUNKS) + answer(LENGTH),
            "100 with a body": answer(start=b"HTTP/1.1 100 Continue") + answer(LENGTH),
            "100 that is none": b"HTTP/1.1 100 Continue\r\nX\r\n\r\n" + answer(LENGTH),
            "100 in HTTP/1.0": b"HTTP/1.0 100 Continue\r\n\r\n" + answer(LENGTH),
            "100 that closes": b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + answer(LENGTH),
            "an empty line behind 100": b"HTTP/1.1 100 Continue\r\n\r\n\r\n" + answer(LENGTH),
            "RTSP behind 100": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(LENGTH, start=b"RTSP/1.0 200 OK"),
            "4,000 times 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
            **{f"size: {name}": answer(CHUNKED, body=size + CHUNK[1:]) for name, size in SIZES.items()},
            **{
                f"line end: {name}": answer(CHUNKED, body=b"d" + end + CHUNK[3:])
                for name, end in LINE_ENDS.items()
            },
            **{
                f"extension: {name}": answer(CHUNKED, body=b"d" + extension + CHUNK[1:])
                for name, extension in EXTENSIONS.items()
            },
            **{
                f"blank: {name}": answer(CHUNKED, body=b"d" + extension + CHUNK[1:])
                for name, extension in BLANKS.items()
            },
            "a head of 200 KB": answer(LENGTH, b"X: " + b"y" * 200_000),
        }
    ),
]

WITHOUT_END = [
    Answered("nothing", b"", 502, b"", hangs_up=True),
    Answered("half a status line", b"HTTP/1.1 20", 502, b"", hangs_up=True),
    Answered("half a head", b"HTTP/1.1 200 OK\r\nContent-Le", 502, b"", hangs_up=True),
    Answered("100 and no more", b"HTTP/1.1 100 Continue\r\n\r\n", 502, b"", hangs_up=True),
    Answered("a body that is too short", answer(b"Content-Length: 14"), 0, b"", hangs_up=True),
    Answered("chunks without the last", answer(CHUNKED, body=CHUNK), 0, b"", hangs_up=True),
    Answered("chunks without the last line", answer(CHUNKED, body=CHUNK + b"0\r\n"), 0, b"", hangs_up=True),
]

BROKEN_OFF = [
    *WITHOUT_END,
    *broken_off(
        {
            **{
                f"size of the next: {name}": answer(CHUNKED, body=CHUNK + size + CHUNK[1:])
                for name, size in SIZES.items()
            },
            **{
                f"line end of the last: {name}": answer(CHUNKED, body=CHUNK + b"0" + end + b"\r\nX")
                for name, end in LINE_ENDS.items()
                if end
            },
            **{
                f"terminator: {name}": answer(CHUNKED, body=CHUNK[:-2] + end + b"0\r\n\r\n")
                for name, end in TERMINATORS.items()
            },
            **{
                f"trailer: {name}": answer(CHUNKED, body=CHUNK + b"0\r\n" + trailer + b"\r\n")
                for name, trailer in TRAILERS.items()
                if name != "Transfer-Encoding"
            },
            "an empty line between chunks": answer(CHUNKED, body=CHUNK + b"\r\n" + CHUNKS),
        }
    ),
]

NO_CONTENT = b"HTTP/1.1 204 No Content"

GOOD = [
    *kept(
        {
            "a length": answer(LENGTH),
            "chunks": answer(CHUNKED, body=CHUNKS),
            "chunks with extensions and trailers": answer(
                CHUNKED, body=b"d;a=b" + CHUNK[1:] + b"0;c\r\nT: x\r\n\r\n"
            ),
            "no reason": answer(LENGTH, start=b"HTTP/1.1 200 "),
            "no blank before no reason": answer(LENGTH, start=b"HTTP/1.1 200"),
            "a long reason": answer(LENGTH, start=b"HTTP/1.1 200 " + b"OK " * 100),
            "obs-text in the reason": answer(LENGTH, start=b"HTTP/1.1 200 \xc3\xa4"),
            "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(LENGTH),
            "100, 102, 103 and 199 first": b"".join(
                b"HTTP/1.1 %d X\r\nX: y\r\n\r\n" % status for status in (100, 102, 103, 199)
            )
            + answer(LENGTH),
            "100 with a length of zero first": b"HTTP/1.1 100 Go\r\nContent-Length: 0\r\n\r\n"
            + answer(LENGTH),
            "zeros before the length": answer(b"Content-Length: 00013"),
            "Connection names Content-Length": answer(LENGTH, b"Connection: content-length"),
            "Connection names Transfer-Encoding": answer(
                CHUNKED, b"Connection: transfer-encoding", body=CHUNKS
            ),
            "an upgrade that is offered": answer(LENGTH, b"Connection: upgrade", b"Upgrade: h2c"),
            "line ends in a value, escaped": answer(LENGTH, b"X: a%0d%0aContent-Length: 0"),
            "a disguised length": answer(LENGTH, b"Content_Length: 0"),
            "HTTP/1.0 that keeps": answer(LENGTH, b"Connection: keep-alive", start=b"HTTP/1.0 200 OK"),
        }
    ),
    *closed(
        {
            "Connection: close": answer(LENGTH, b"Connection: close"),
            "HTTP/1.0": answer(LENGTH, start=b"HTTP/1.0 200 OK"),
            "chunks in HTTP/1.0 that keeps": answer(
                CHUNKED, b"Connection: keep-alive", start=b"HTTP/1.0 200 OK", body=CHUNKS
            ),
            "a second answer behind it": answer(LENGTH) + POISON,
            "a second answer behind chunks": answer(CHUNKED, body=CHUNKS) + POISON,
            "half an answer behind it": answer(LENGTH) + b"HTTP/1.1 200 OK\r\nContent-Le",
            "a byte behind it": answer(LENGTH) + b"H",
            "100 behind it": answer(LENGTH) + b"HTTP/1.1 100 Continue\r\n\r\n",
            "an answer behind an empty line": answer(LENGTH) + CRLF + POISON,
            "a shorter length than the body": answer(LENGTH, body=BODY + POISON),
        }
    ),
    Answered("204", NO_CONTENT + CRLF * 2, 204, b"", reused=True),
    Answered(
        "204 with a length of zero", NO_CONTENT + b"\r\nContent-Length: 0\r\n\r\n", 204, b"", reused=True
    ),
    Answered("204 with a length", NO_CONTENT + b"\r\nContent-Length: %d\r\n\r\n" % len(POISON), 204, b""),
    Answered(
        "204 with a length and a body",
        NO_CONTENT + b"\r\nContent-Length: %d\r\n\r\n" % len(POISON) + POISON,
        204,
        b"",
    ),
    Answered("204 with chunks", NO_CONTENT + b"\r\n" + CHUNKED + CRLF * 2, 204, b""),
    Answered("204 with chunks and a body", NO_CONTENT + b"\r\n" + CHUNKED + CRLF * 2 + CHUNKS, 204, b""),
    Answered("204 with a body", NO_CONTENT + CRLF * 2 + POISON, 204, b""),
    Answered("205 with a body", answer(LENGTH, start=b"HTTP/1.1 205 Reset"), 205, b"", reused=None),
    Answered("until the end", answer(), hangs_up=True),
    Answered("until the end, in HTTP/1.0", answer(start=b"HTTP/1.0 200 OK"), hangs_up=True),
    Answered("until the end, though it says keep-alive", answer(b"Connection: keep-alive"), hangs_up=True),
    Answered(
        "until the end, with another answer in it",
        answer(body=BODY + POISON),
        body=BODY + POISON,
        hangs_up=True,
    ),
]

CASES = [*REFUSED, *BROKEN_OFF, *GOOD]
