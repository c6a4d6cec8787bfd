"""Answers for tests of bytes: any size, exactly what was sent, cut at given borders.

Asked for on any path by request headers: `X-Simulate-Size: N` answers with N deterministic bytes
(`text.payload`), `X-Simulate-Echo: 1` with the request's own body and content type,
`X-Simulate-Chunked: 1` sends either without a length, and `X-Simulate-Pieces: 1,2,3` writes any
answer in pieces of these sizes (`1*`: every byte for itself). `GET /raw/bytes?size=N` and
`POST /raw/echo` do the first two without headers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from jairouter.simulator.answer import Answer, Framing, Piece
from jairouter.simulator.body import RequestBody
from jairouter.simulator.call import Call, Unreadable
from jairouter.simulator.text import parse_sizes, payload, resplit

OCTETS = "application/octet-stream"


def is_echo(path: str, echo_header: bytes | None) -> bool:
    """Say whether a request's body will have to be sent back, and so must be kept."""
    return echo_header == b"1" or path.partition("?")[0] == "/raw/echo"


def is_asked(path: str, headers: Mapping[str, str]) -> bool:
    """Say whether a request is for raw bytes; header names are in lower case."""
    echo = headers.get("x-simulate-echo", "").encode()
    return is_echo(path, echo) or path == "/raw/bytes" or "x-simulate-size" in headers


def raw_answer(call: Call, body: RequestBody) -> Answer | None:
    """Return the answer a request for raw bytes gets, or `None` for any other request.

    Raises:
        Unreadable: If the size asked for is no number.
    """
    if not is_asked(call.path, call.headers):
        return None
    if is_echo(call.path, call.headers.get("x-simulate-echo", "").encode()):
        content_type = call.headers.get("content-type", OCTETS)
        return _octets(call, body.replay(), body.length, content_type)
    size = call.headers.get("x-simulate-size") or call.query.get("size", "0")
    if not size.isdigit():
        raise Unreadable("the size of a raw answer must be a number")
    return _octets(call, payload(int(size)), int(size), OCTETS)


def _octets(call: Call, pieces: Iterator[Piece], length: int, content_type: str) -> Answer:
    chunked = call.headers.get("x-simulate-chunked") == "1"
    return Answer(
        pieces=pieces,
        content_type=content_type.encode("latin-1"),
        framing=Framing.CHUNKED if chunked else Framing.LENGTH,
        length=length,
    )


def in_pieces(call: Call, answer: Answer) -> Answer:
    """Return the answer cut as `X-Simulate-Pieces` asks, each piece in a write of its own.

    Raises:
        Unreadable: If the sizes cannot be read.
    """
    wanted = call.headers.get("x-simulate-pieces")
    if wanted is None:
        return answer
    try:
        sizes = parse_sizes(wanted)
    except ValueError as error:
        raise Unreadable(f"X-Simulate-Pieces: {error}") from error
    pieces = (piece for piece in answer.pieces if isinstance(piece, bytes))
    # A gap of 0 leaves each piece to a turn of the reactor, and so to a segment of its own.
    return dataclasses.replace(answer, pieces=resplit(pieces, sizes), gap=answer.gap or 0.0)
