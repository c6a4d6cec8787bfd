"""Writes down what an attempt has cost: bytes and tokens of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jairouter.codec.sse_watch import Dialect
from jairouter.codec.usage import BYTES_PER_TOKEN, estimated, usage_in

if TYPE_CHECKING:
    from jairouter.codec.usage import StreamMeter
    from jairouter.exchange import Attempt, Exchange

_MAKES_TEXT: Final = (Dialect.CHAT, Dialect.RESPONSES)
_READS_TEXT: Final = ("chat", "embedding", "rerank")
"""Services whose requests are text, so that their length says something."""


def of_answer(
    exchange: Exchange, attempt: Attempt, length: int, tail: bytes, *, readable: bool = True
) -> None:
    """An answer that is no event stream is over.

    Args:
        exchange: What it answers.
        attempt: Gets it written down.
        length: Bytes of the answer.
        tail: Its end, or all of it.
        readable: Whether it is not compressed.
    """
    attempt.received = length
    if attempt.status >= 300 or not readable:
        return
    attempt.usage = usage_in(tail)
    if attempt.usage is None and exchange.request.route.service in _READS_TEXT:
        makes = exchange.request.route.dialect in _MAKES_TEXT
        attempt.usage = estimated(_asked(exchange), -(-length // BYTES_PER_TOKEN) if makes else 0)


def of_stream(exchange: Exchange, attempt: Attempt, length: int, meter: StreamMeter) -> None:
    """An event stream is over, or was given up.

    Args:
        exchange: What it answers.
        attempt: Gets it written down.
        length: Bytes of the stream.
        meter: Has seen it.
    """
    attempt.received = length
    attempt.usage = meter.usage
    if attempt.usage is None and exchange.request.route.dialect in _MAKES_TEXT:
        attempt.usage = estimated(_asked(exchange), meter.events)


def _asked(exchange: Exchange) -> int | None:
    body = exchange.body
    return len(body.data) if body.data is not None else body.length
