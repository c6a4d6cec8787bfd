"""An answer that was written down beforehand, for the time when nobody can answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jairouter.body import AnswerBody
from jairouter.codec.sse_watch import Dialect
from jairouter.exchange import Answer

if TYPE_CHECKING:
    from jairouter.exchange import Exchange, HeaderPairs

_EVENT_STREAM = (
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"Cache-Control", b"no-cache, no-transform"),
    (b"X-Accel-Buffering", b"no"),
)
_JSON = ((b"Content-Type", b"application/json"),)
_TEXT = ((b"Content-Type", b"text/plain; charset=utf-8"),)


class StaticAnswer:
    """Answers with a text.

    A client that asked for an event stream could read neither a text nor a JSON document: SDKs take what has
    no ``data:`` in it for a stream without any event, and show nothing. So it gets the completion that the
    text is as one event, if it is one that its route may answer; or the text itself with a status that says
    error; else nothing at all, which leaves it the error that is.

    Args:
        text: The body. JSON where it is that, else plain text.
        status: Of HTTP.
    """

    def __init__(self, text: str, status: int) -> None:
        self._status = status
        self._data = text.encode("utf-8", "replace")
        document = _decoded(text)
        self._headers: HeaderPairs = _TEXT if document is _NOTHING else _JSON
        # By whether they are for chats, or for completions of texts
        self._events = {chat: _events(document, chat=chat) for chat in (True, False)}

    def to(self, exchange: Exchange) -> Answer | None:
        """The answer, or None when the client could not read it."""
        if not exchange.stream or self._status >= 400:
            return Answer(self._status, self._headers, AnswerBody.of(self._data))
        route = exchange.request.route
        events = self._events[route.primary] if route.dialect is Dialect.CHAT else None
        if events is None:
            return None
        return Answer(self._status, _EVENT_STREAM, AnswerBody.of(events), event_stream=True)


_NOTHING = object()


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _events(document: Any, *, chat: bool) -> bytes | None:
    """A completion as the events of one that was streamed, or None if it is none.

    As OpenAI's API has it: ``delta`` stands for ``message``, tool calls are numbered, and usage, which is
    shown to those alone who ask for it, is left out.
    """
    choices = document.get("choices") if isinstance(document, dict) else None
    if not isinstance(choices, list) or not choices:
        return None
    streamed = [_choice(choice, index, chat=chat) for index, choice in enumerate(choices)]
    if None in streamed:
        return None
    chunk = {name: value for name, value in document.items() if name != "usage"}
    chunk |= {"object": "chat.completion.chunk" if chat else "text_completion", "choices": streamed}
    return b"data: " + json.dumps(chunk).encode("ascii") + b"\n\ndata: [DONE]\n\n"


def _choice(choice: Any, index: int, *, chat: bool) -> dict[str, Any] | None:
    if not isinstance(choice, dict):
        return None
    if not isinstance(choice.get("message"), dict) if chat else not isinstance(choice.get("text"), str):
        return None
    streamed = {"index": index, **choice, "finish_reason": choice.get("finish_reason") or "stop"}
    if chat:
        streamed["delta"] = _delta(streamed.pop("message"))
    return streamed


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    numbered = [{"index": i, **call} if isinstance(call, dict) else call for i, call in enumerate(calls)]
    return {**message, "tool_calls": numbered}
