"""The Anthropic dialect: messages, plain and as a stream of named events."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from jairouter.simulator.answer import Answer, event_stream, json_answer
from jairouter.simulator.call import Call, Unreadable, count_tokens, prompt_of
from jairouter.simulator.dialect import Dialect, event, text_events
from jairouter.simulator.text import tokenise
from jairouter.simulator.tools import FunctionCall, chosen

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _error(message: str, status: int, code: str | None = None) -> object:
    kind = _ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _error_event(message: str) -> bytes:
    return event(_error(message, 529), "error")


ANTHROPIC = Dialect(error=_error, error_event=_error_event)


def messages(call: Call) -> Answer:
    """Answer `POST /v1/messages`.

    Raises:
        Unreadable: If the request lacks `max_tokens`, which this API requires.
    """
    if not isinstance(call.json.get("max_tokens"), int):
        raise Unreadable("max_tokens: Field required")
    prompt = prompt_of(call.json.get("messages"))
    function = chosen(call, prompt)
    if function is not None:
        tokens, stop = tokenise(json.dumps(function.arguments)), "tool_use"
    else:
        tokens, reason = call.generate(prompt, call.json["max_tokens"])
        stop = "end_turn" if reason == "stop" else "max_tokens"
    if call.wants("stream"):
        answer = event_stream(_events(call, tokens, stop, function), call.options.gap)
    else:
        block = _block(call, function, "".join(tokens))
        answer = json_answer(_message(call, [block], stop, len(tokens)))
    return dataclasses.replace(
        answer, headers=(*answer.headers, (b"request-id", f"req_{call.ident}".encode()))
    )


def _message(call: Call, content: list[dict[str, Any]], stop: str | None, count: int) -> dict[str, Any]:
    return {
        "id": f"msg_{call.ident}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": count_tokens(call.json["messages"]), "output_tokens": count},
    }


def _block(call: Call, function: FunctionCall | None, text: str) -> dict[str, Any]:
    if function is None:
        return {"type": "text", "text": text}
    called = json.loads(text) if text else {}
    return {"type": "tool_use", "id": f"toolu_{call.ident}", "name": function.name, "input": called}


def _events(call: Call, tokens: list[str], stop: str, function: FunctionCall | None) -> Iterator[bytes]:
    def named(kind: str, **members: object) -> bytes:
        return event({"type": kind, **members}, kind)

    delta = {"type": "text_delta", "text": call.marker}
    if function is not None:
        delta = {"type": "input_json_delta", "partial_json": call.marker}
    start = {"type": "content_block_delta", "index": 0, "delta": delta}
    yield named("message_start", message=_message(call, [], None, 1))
    yield named("content_block_start", index=0, content_block=_block(call, function, ""))
    yield named("ping")
    yield from text_events(start, call.marker, tokens, b"event: content_block_delta\ndata: ")
    yield named("content_block_stop", index=0)
    ending = {"stop_reason": stop, "stop_sequence": None}
    yield named("message_delta", delta=ending, usage={"output_tokens": len(tokens)})
    yield named("message_stop")


def count(call: Call) -> Answer:
    """Answer `POST /v1/messages/count_tokens`."""
    return json_answer({"input_tokens": count_tokens(call.json["messages"])})
