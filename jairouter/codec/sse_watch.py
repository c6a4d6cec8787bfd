r"""Watches a stream of server-sent events go by: did it end well, was there an error in it?

A broken stream looks like an ended one to TCP; what tells them apart is whether the backend said
that it had finished. And some backends (vLLM, SGLang) report an error as an event under status
200. Both are looked for with substring searches, about 1 us per event; only an event that looks
like an error is decoded, because the word may be part of a generated text.

A quoted word in generated text cannot be mistaken: there the quotes are escaped (``\"error\"``),
which the searches for ``"error"`` and ``"finish_reason"`` do not match.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from jairouter.codec.sse import read_events

_CONTENT: Final = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(?:data|event)[:\r\n]")
_FINISH_REASON: Final = re.compile(rb'"finish_reason"\s*:\s*(?!null)\S')
# These begin with plain text, which is searched for six times as fast as other patterns; what
# stands before it (a line's start) is looked at last.
_DONE: Final = re.compile(rb"data:(?<![^\r\n]data:) ?\[DONE\]")
_RESPONSE_WORD: Final = re.compile(rb"response\.(?:completed|incomplete|failed)")
_RESPONSE_TYPE: Final = re.compile(rb'"type"\s*:\s*"response\.(?:completed|incomplete|failed)"')
_RESPONSE_NAME: Final = re.compile(
    rb"event:(?<![^\r\n]event:) ?response\.(?:completed|incomplete|failed)(?:[\r\n]|\Z)"
)
_EVENT_ERROR: Final = re.compile(rb"event:(?<![^\r\n]event:) ?error(?:[\r\n]|\Z)")

# Values of a top-level "type", or names of an event, that mean an error whatever else is there.
_ERROR_KINDS: Final = ("error", "response.failed")

# Said when an error event carries no text of its own.
_NO_MESSAGE: Final = "the backend reported an error without a message"


class Dialect(Enum):
    """Whose events they are, which decides how a stream says that it has ended.

    Attributes:
        CHAT: chat/completions and completions: ``[DONE]``, or a ``finish_reason``.
        RESPONSES: responses: ``response.completed``, ``.incomplete`` or ``.failed``.
        OTHER: no mark is known; the end of the bytes is a good end.
    """

    CHAT = "chat"
    RESPONSES = "responses"
    OTHER = "other"


class StreamedError(msgspec.Struct, frozen=True):
    """An error that a backend reported as an event.

    Attributes:
        message: the text; never empty. As the backend wrote it: may name hosts or keys.
        type: for example ``server_error`` or ``overloaded_error``.
        code: a word, or a number as vLLM gives it.
        status: the HTTP status (400..599) the event names; None when it names none.
    """

    message: str
    type: str | None = None
    code: str | int | None = None
    status: int | None = None


class Watch:
    """What is known of one stream so far.

    Attributes:
        seen_event: whether any event was seen, an error event too; comments (keep-alive) do not
            count.
        seen_done: whether ``data: [DONE]`` was seen.
        seen_finish_reason: whether a ``finish_reason`` other than null was seen.
        error: the first error event seen, or None.
    """

    __slots__ = ("_dialect", "_ended", "error", "seen_done", "seen_event", "seen_finish_reason")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._ended = dialect is Dialect.OTHER
        self.seen_event = False
        self.seen_done = False
        self.seen_finish_reason = False
        self.error: StreamedError | None = None

    @property
    def ended(self) -> bool:
        """Whether the stream has said that it is complete, in the way of its dialect.

        If the bytes end while this is false, the stream was cut short. True from the start for
        `Dialect.OTHER`.
        """
        return self._ended

    def see(self, events: bytes) -> StreamedError | None:
        """Look at the next piece of the stream. Called for every piece: must be cheap.

        Args:
            events: whole events as `sse.EventSplitter` gives them out, one or more. In parts of
                an event that was too long to hold, a mark that is cut in two is overlooked.

        Returns:
            The first error event among these events, or None.
        """
        if not self.seen_event and _CONTENT.search(events):
            self.seen_event = True
        suspect = b"error" in events and bool(b'"error"' in events or _EVENT_ERROR.search(events))
        if self._dialect is Dialect.CHAT:
            self._look_for_chat_end(events)
        elif self._dialect is Dialect.RESPONSES and _ends_response(events):
            self._ended = suspect = True
        return self._look_for_error(events) if suspect else None

    def _look_for_chat_end(self, events: bytes) -> None:
        if not self.seen_finish_reason and _FINISH_REASON.search(events):
            self.seen_finish_reason = self._ended = True
        if b"[DONE]" in events and _DONE.search(events):
            self.seen_done = self._ended = True

    def _look_for_error(self, events: bytes) -> StreamedError | None:
        error = parse_error(events)
        self.error = self.error or error
        return error


def _ends_response(events: bytes) -> bool:
    if not _RESPONSE_WORD.search(events):
        return False
    return bool(_RESPONSE_TYPE.search(events) or _RESPONSE_NAME.search(events))


class _Told(msgspec.Struct, gc=False):
    """The members of an event's data that may speak of an error; all else is skipped."""

    error: Any = None
    type: Any = None
    object: Any = None
    message: Any = None
    code: Any = None
    status: Any = None
    response: msgspec.Raw = msgspec.Raw(b"null")


class _Response(msgspec.Struct, gc=False):
    error: Any = None


_told: Final = msgspec.json.Decoder(_Told)
_response: Final = msgspec.json.Decoder(_Response)


def parse_error(events: bytes) -> StreamedError | None:
    """Read the first error event.

    These are errors: an event named ``error``; data that is an object with a true ``error`` (null,
    false, empty do not count), with ``"type": "error"`` (Anthropic; the Responses API), with
    ``"object": "error"`` (older vLLM) or with ``"type": "response.failed"``.

    Args:
        events: one or more events.

    Returns:
        What the event says; None when no event is an error.
    """
    return next(_errors(events), None)


def _errors(events: bytes) -> Iterator[StreamedError]:
    for event in read_events(events):
        told = _decode(event.data)
        if told is not None:
            kind = told.type or event.name.decode("latin-1")
            if told.error or told.object == "error" or kind in _ERROR_KINDS:
                yield _error_of(told, kind)
        elif event.name == b"error":
            yield StreamedError(event.data.decode("utf-8", "replace").strip() or _NO_MESSAGE)


def _decode(data: bytes) -> _Told | None:
    """Read an event's data; None when it is no JSON object, or a part of one."""
    if not data.isascii():
        data = data.decode("utf-8", "replace").encode()
    try:
        return _told.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def _error_of(told: _Told, kind: Any) -> StreamedError:
    error = told.error
    if kind == "response.failed" and not error:
        error = _error_in_response(told.response)
    if isinstance(error, dict):
        members = error
    elif isinstance(error, str):
        members = {"message": error}
    else:  # the members of the error stand in the event itself
        type_ = told.type if told.type not in _ERROR_KINDS else None
        members = {"message": told.message, "type": type_, "code": told.code}
    message, type_, code = (members.get(name) for name in ("message", "type", "code"))
    return StreamedError(
        (message.strip() if isinstance(message, str) else "") or _NO_MESSAGE,
        type_ if isinstance(type_, str) else None,
        code if isinstance(code, str) or type(code) is int else None,
        _status(code, members.get("status"), told.status),
    )


def _error_in_response(response: msgspec.Raw) -> Any:
    try:
        return _response.decode(response).error
    except msgspec.DecodeError:
        return None


def _status(*guesses: Any) -> int | None:
    return next((guess for guess in guesses if type(guess) is int and 400 <= guess <= 599), None)
