"""What the dialects have in common: JSON, events, and each one's own way to tell an error."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any

DONE = b"data: [DONE]\n\n"


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How one family of APIs tells that something went wrong.

    Attributes:
        error: Makes the body of an error answer from a message, a status and a code.
        error_event: Makes the bytes of an error inside a stream that began well.
        done: What ends a stream, after everything else; empty where nothing does.
    """

    error: Callable[[str, int, str | None], object]
    error_event: Callable[[str], bytes]
    done: bytes = b""


def encode(value: object) -> bytes:
    """Return `value` as compact JSON, with text outside ASCII kept as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def event(value: object, name: str = "") -> bytes:
    """Return `value` as one server-sent event, with its name if it has one."""
    start = f"event: {name}\ndata: " if name else "data: "
    return start.encode() + encode(value) + b"\n\n"


def text_events(
    start: Mapping[str, Any],
    marker: str,
    tokens: Iterable[str],
    prefix: bytes = b"data: ",
    suffix: bytes = b"\n\n",
) -> Iterator[bytes]:
    """Yield one event for each token.

    All that the events have in common is encoded once, so that a token costs little: thousands
    of streams may run at the same time.

    Args:
        start: The event as it is to be, with `marker` as the text's place.
        marker: A text that stands in `start` once; see `Call.marker`.
        tokens: What to put there, one after another.
        prefix: Comes before each event's JSON.
        suffix: Comes after it.
    """
    before, after = encode(start).split(encode(marker))
    before, after = prefix + before, after + suffix
    for token in tokens:
        yield before + encode_basestring(token).encode("utf-8", "replace") + after


def error_type(status: int) -> str:
    """Return the OpenAI error type that goes with a status code."""
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "api_error"


def openai_error(message: str, status: int, code: str | None = None) -> dict[str, object]:
    """Return an error object in OpenAI's form, all four members present."""
    return {"error": {"message": message, "type": error_type(status), "param": None, "code": code}}


def _openai_error_event(message: str) -> bytes:
    return event(openai_error(message, 500, "simulated"))


OPENAI = Dialect(error=openai_error, error_event=_openai_error_event, done=DONE)
