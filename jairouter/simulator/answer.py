"""Answers as plain values: what to send, at which pace, and where it breaks off.

A dialect makes an `Answer`, a fault changes it, `delivery.Delivery` plays it. None of the first
two does any I/O, so both are tested without a connection.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import TypeAlias

from jairouter.simulator.dialect import OPENAI, Dialect, encode

JSON_TYPE = b"application/json"
SSE_TYPE = b"text/event-stream; charset=utf-8"
NDJSON_TYPE = b"application/x-ndjson"


class Cut(enum.Enum):
    """What happens in place of the rest of an answer."""

    STALL = "stall"  # nothing more is sent; the connection stays open
    CLOSE = "close"  # what was written is flushed, then the connection is closed
    RESET = "reset"  # the connection is reset (TCP RST)


class Framing(enum.Enum):
    """How the peer is to know where the body ends."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"


# Bytes to write; a number of seconds to wait; or the point where the answer breaks off.
Piece: TypeAlias = bytes | float | Cut


@dataclasses.dataclass(frozen=True)
class Answer:
    """One response, before it is sent.

    Attributes:
        pieces: The body in the portions it is written in.
        status: The HTTP status code.
        content_type: The value of `Content-Type`.
        headers: Further headers, in order.
        framing: How the end of the body is told.
        length: The value of `Content-Length` under `Framing.LENGTH`; a lie is sent as it is.
        gap: Seconds between two pieces; `None` writes as fast as the peer takes them.
        latency: Seconds before the first byte; `None` leaves it to the simulator's options.
        instead: What happens in place of the whole answer, after `prelude`.
        prelude: Bytes sent before the status line, outside HTTP's framing.
        head_gap: Seconds between two bytes of the head; 0 sends it at once.
        drop_next: Close the connection, unanswered, when the next request arrives on it.
        streamed: Whether the pieces are events of a stream (server-sent events, JSON lines).
        dialect: How errors are told on this path.
    """

    pieces: Iterable[Piece] = ()
    status: int = 200
    content_type: bytes = JSON_TYPE
    headers: tuple[tuple[bytes, bytes], ...] = ()
    framing: Framing = Framing.CHUNKED
    length: int = 0
    gap: float | None = None
    latency: float | None = None
    instead: Cut | None = None
    prelude: bytes = b""
    head_gap: float = 0.0
    drop_next: bool = False
    streamed: bool = False
    dialect: Dialect = OPENAI


def whole(body: bytes, content_type: bytes = JSON_TYPE, status: int = 200) -> Answer:
    """Return an answer whose body is known at once and sent with its length."""
    return Answer(
        pieces=(body,),
        status=status,
        content_type=content_type,
        framing=Framing.LENGTH,
        length=len(body),
    )


def json_answer(value: object, status: int = 200) -> Answer:
    """Return `value` as a JSON answer."""
    return whole(encode(value), JSON_TYPE, status)


def event_stream(events: Iterable[bytes], gap: float | None, content_type: bytes = SSE_TYPE) -> Answer:
    """Return a stream of events.

    Args:
        events: The events, each with the line end or blank line that ends it.
        gap: Seconds between two events, or `None` for no waiting.
        content_type: Server-sent events, unless another one is named.
    """
    return Answer(
        pieces=events,
        content_type=content_type,
        headers=((b"Cache-Control", b"no-cache"),),
        gap=gap,
        streamed=True,
    )


def error_answer(
    message: str, status: int = 400, code: str | None = None, dialect: Dialect = OPENAI
) -> Answer:
    """Return an error as the APIs of `dialect` tell it."""
    answer = json_answer(dialect.error(message, status, code), status)
    return dataclasses.replace(answer, dialect=dialect)
