"""Faults in the middle of a body: it stalls, breaks off, or tells an error.

See `faults` for what their parameters mean.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

from jairouter.simulator.answer import Answer, Cut, Framing, Piece, error_answer
from jairouter.simulator.dialect import DONE, event
from jairouter.simulator.fault import Fault

# What a piece contains that only the ending of a stream contains, in all dialects. Text inside
# an answer cannot match: its quotes are escaped.
_ENDINGS = (
    b'"finish_reason":"',
    b'"done":true',
    b"event: content_block_stop",
    b"event: message_stop",
    b"event: response.output_text.done",
    b"event: response.completed",
    b"event: image_edit.completed",
    b"event: image_generation.completed",
    b'"type":"transcript.text.done"',
    b'"type":"speech.audio.done"',
)


def _pieces_until(answer: Answer, fault: Fault) -> Iterator[Piece]:
    """Yield what is sent before a fault in the middle of a body strikes."""
    if answer.streamed:
        yield from itertools.islice(answer.pieces, fault.whole_number("after", 2))
        return
    left = fault.whole_number("after", answer.length // 2)
    for piece in answer.pieces:
        if left <= 0:
            return
        if isinstance(piece, bytes):
            yield piece[:left]
            left -= len(piece)


def _cut(answer: Answer, fault: Fault, cut: Cut) -> Answer:
    def pieces() -> Iterator[Piece]:
        yield from _pieces_until(answer, fault)
        yield cut

    return dataclasses.replace(answer, pieces=pieces())


def stall_after_headers(answer: Answer, fault: Fault) -> Answer:
    """Send the headers, then nothing."""
    return _stall(answer, fault, 0)


def stall_mid_body(answer: Answer, fault: Fault) -> Answer:
    """Send some of the body, then nothing."""
    default = 2 if answer.streamed else answer.length // 2
    return _stall(answer, fault, fault.whole_number("after", default))


def _stall(answer: Answer, fault: Fault, after: int) -> Answer:
    seconds = fault.number("for", 0)

    def pieces() -> Iterator[Piece]:
        rest = iter(answer.pieces) if answer.streamed else _split_once(answer.pieces, after)
        yield from itertools.islice(rest, after if answer.streamed else min(after, 1))
        yield seconds or Cut.STALL
        yield from rest

    return dataclasses.replace(answer, pieces=pieces())


def _split_once(pieces: Iterable[Piece], at: int) -> Iterator[Piece]:
    """Yield the first `at` bytes as one piece, then the rest."""
    rest = iter(pieces)
    held = b""
    for piece in rest:
        if isinstance(piece, bytes):
            held += piece
        if len(held) >= at:
            break
    yield from (part for part in (held[:at], held[at:]) if part)
    yield from rest


def reset_mid_body(answer: Answer, fault: Fault) -> Answer:
    """Send some of the body, then reset the connection."""
    return _cut(answer, fault, Cut.RESET)


def truncate(answer: Answer, fault: Fault) -> Answer:
    """Promise a length, send less, and close."""
    cut = _cut(answer, fault, Cut.CLOSE)
    # A stream has no length of its own: any number larger than what is sent will do.
    length = 1_000_000 if answer.framing is not Framing.LENGTH else answer.length
    return dataclasses.replace(cut, framing=Framing.LENGTH, length=length)


def truncate_chunked(answer: Answer, fault: Fault) -> Answer:
    """Send some chunks and close without the last one."""
    return dataclasses.replace(_cut(answer, fault, Cut.CLOSE), framing=Framing.CHUNKED)


def error_event(answer: Answer, fault: Fault, *more: bytes) -> Answer:
    """Send some events, then an error in place of the others."""
    if not answer.streamed:
        return error(answer, fault)
    message = fault.parameters.get("message", "simulated error in a stream")
    told = answer.dialect.error_event(message)

    def pieces() -> Iterator[Piece]:
        yield from _pieces_until(answer, fault)
        yield told
        yield from more

    return dataclasses.replace(answer, pieces=pieces())


def done_after_error(answer: Answer, fault: Fault) -> Answer:
    """Send an error in a stream, and then its regular end."""
    return error_event(answer, fault, answer.dialect.done)


def no_done(answer: Answer, fault: Fault) -> Answer:
    """End a stream without saying that it is complete."""
    if not answer.streamed:
        return answer
    return dataclasses.replace(answer, pieces=itertools.takewhile(_not_an_ending, answer.pieces))


def _not_an_ending(piece: Piece) -> bool:
    if not isinstance(piece, bytes):
        return True
    return not piece.startswith(DONE) and not any(ending in piece for ending in _ENDINGS)


def huge_event(answer: Answer, fault: Fault) -> Answer:
    """Put one event of `size` bytes of text into a stream."""
    if not answer.streamed:
        return answer
    text = "x" * fault.whole_number("size", 4 * 1024 * 1024)
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "chatcmpl-huge", "object": "chat.completion.chunk", "choices": [delta]}

    def pieces() -> Iterator[Piece]:
        rest = iter(answer.pieces)
        yield from itertools.islice(rest, fault.whole_number("after", 1))
        yield event(chunk)
        yield from rest

    return dataclasses.replace(answer, pieces=pieces())


def error(answer: Answer, fault: Fault) -> Answer:
    """Answer with an error of the given `status` in place of everything."""
    status = fault.whole_number("status", 500)
    message = fault.parameters.get("message", f"simulated error with status {status}")
    told = error_answer(message, status, "simulated", answer.dialect)
    retry_after = fault.parameters.get("retry-after")
    if retry_after:
        told = dataclasses.replace(told, headers=((b"Retry-After", retry_after.encode()),))
    return dataclasses.replace(told, latency=answer.latency)
