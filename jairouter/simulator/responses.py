"""The OpenAI dialect's responses API, plain and as a stream of named events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jairouter.simulator.answer import Answer, event_stream, json_answer
from jairouter.simulator.call import Call, Unreadable, content_text, count_tokens
from jairouter.simulator.dialect import event, text_events


def respond(call: Call) -> Answer:
    """Answer `POST /v1/responses`, with text whatever tools are offered."""
    prompt = _prompt(call.json.get("input"))
    tokens, reason = call.generate(prompt, call.json.get("max_output_tokens"))
    if call.wants("stream"):
        return event_stream(_events(call, tokens, reason), call.options.gap)
    return json_answer(_finished(call, tokens, reason))


def input_tokens(call: Call) -> Answer:
    """Answer `POST /v1/responses/input_tokens`."""
    count = count_tokens(call.json.get("input"))
    return json_answer({"object": "response.input_tokens", "input_tokens": count})


def _prompt(given: object) -> str:
    """Return the text of a string, or of the last item of a conversation."""
    if isinstance(given, str):
        return given
    if isinstance(given, list) and given:
        return content_text(given[-1].get("content"))
    raise Unreadable("'input' must be a text or a list of items")


def _response(call: Call, status: str) -> dict[str, Any]:
    """Return the response object as it is before there is any output."""
    return {
        "id": f"resp_{call.ident}",
        "object": "response",
        "created_at": call.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": call.json.get("instructions"),
        "max_output_tokens": call.json.get("max_output_tokens"),
        "model": call.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": call.json.get("previous_response_id"),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": call.json.get("tool_choice", "auto"),
        "tools": call.json.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "metadata": call.json.get("metadata") or {"simulator": call.options.name},
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(call: Call, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"msg_{call.ident}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _finished(call: Call, tokens: list[str], reason: str) -> dict[str, Any]:
    status = "completed" if reason == "stop" else "incomplete"
    asked = count_tokens(call.json.get("input"))
    response = _response(call, status)
    response["output"] = [_message(call, status, [_part("".join(tokens))])]
    if status == "incomplete":
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    response["usage"] = {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": len(tokens),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + len(tokens),
    }
    return response


def _events(call: Call, tokens: list[str], reason: str) -> Iterator[bytes]:
    finished = _finished(call, tokens, reason)
    text, status = "".join(tokens), finished["status"]
    item = {"item_id": f"msg_{call.ident}", "output_index": 0}
    place = {**item, "content_index": 0}
    before: tuple[tuple[str, dict[str, Any]], ...] = (
        ("created", {"response": _response(call, "in_progress")}),
        ("in_progress", {"response": _response(call, "in_progress")}),
        ("output_item.added", {"output_index": 0, "item": _message(call, "in_progress", [])}),
        ("content_part.added", {**place, "part": _part("")}),
    )
    after: tuple[tuple[str, dict[str, Any]], ...] = (
        ("output_text.done", {**place, "text": text, "logprobs": []}),
        ("content_part.done", {**place, "part": _part(text)}),
        ("output_item.done", {"output_index": 0, "item": finished["output"][0]}),
        (status, {"response": finished}),
    )
    for number, (name, members) in enumerate(before):
        yield _event(name, number, members)
    yield from _deltas(call, place, tokens, len(before))
    for number, (name, members) in enumerate(after, len(before) + len(tokens)):
        yield _event(name, number, members)


def _event(name: str, number: int, members: dict[str, Any]) -> bytes:
    kind = f"response.{name}"
    return event({"type": kind, "sequence_number": number, **members}, kind)


def _deltas(call: Call, place: dict[str, Any], tokens: list[str], number: int) -> Iterator[bytes]:
    kind = "response.output_text.delta"
    start = {"type": kind, **place, "logprobs": [], "delta": call.marker}
    prefix = f"event: {kind}\ndata: ".encode()
    # The text stands last, so that the number of each event can be put after it.
    events = text_events(start, call.marker, tokens, prefix, b"")
    for sequence, unfinished in enumerate(events, number):
        yield b'%b,"sequence_number":%d}\n\n' % (unfinished[:-1], sequence)
