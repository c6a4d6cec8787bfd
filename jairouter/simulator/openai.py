"""The OpenAI dialect's text answers: chat completions, completions and models."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jairouter.simulator.answer import Answer, error_answer, event_stream, json_answer
from jairouter.simulator.call import Call, content_text, count_tokens, prompt_of
from jairouter.simulator.dialect import DONE, event, text_events
from jairouter.simulator.text import tokenise
from jairouter.simulator.tools import FunctionCall, chosen


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return a `usage` member."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def wants_usage(call: Call) -> bool:
    """Say whether a stream is to end with a chunk that tells the usage."""
    options = call.json.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def chat(call: Call) -> Answer:
    """Answer `POST /v1/chat/completions`."""
    prompt = prompt_of(call.json.get("messages"))
    tool = chosen(call, prompt)
    if tool is not None:
        tokens, reason = tokenise(json.dumps(tool.arguments)), "tool_calls"
    else:
        limits = call.json.get("max_completion_tokens"), call.json.get("max_tokens")
        tokens, reason = call.generate(prompt, *limits)
    count = usage(count_tokens(call.json["messages"]), len(tokens))
    if call.wants("stream"):
        chunks = _chat_chunks(call, tokens, reason, tool, count)
        return event_stream(chunks, call.options.gap)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(tokens), "refusal": None}
    if tool is not None:
        function = {"name": tool.name, "arguments": message["content"]}
        tool_call = {"id": f"call_{call.ident}", "type": "function", "function": function}
        message |= {"content": None, "tool_calls": [tool_call]}
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": reason}
        for index in range(_choices(call))
    ]
    return json_answer(_envelope(call, "chat.completion") | {"choices": choices, "usage": count})


def _envelope(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call.ident}",
        "object": kind,
        "created": call.created,
        "model": call.model,
        "system_fingerprint": call.fingerprint,
    }


def _choices(call: Call) -> int:
    number = call.json.get("n")
    return number if isinstance(number, int) and 1 <= number <= 16 else 1


def _chat_chunks(
    call: Call,
    tokens: list[str],
    reason: str,
    tool: FunctionCall | None,
    count: dict[str, int],
) -> Iterator[bytes]:
    extra = {"usage": None} if wants_usage(call) else {}
    envelope = _envelope(call, "chat.completion.chunk") | extra
    marker = call.marker

    def chunk(index: int, delta: Mapping[str, Any], ends: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": ends}
        return envelope | {"choices": [choice]}

    delta: dict[str, Any] = {"content": marker}
    opening: dict[str, Any] = {"role": "assistant", "content": ""}
    if tool is not None:
        function = {"name": tool.name, "arguments": ""}
        tool_call = {"index": 0, "id": f"call_{call.ident}", "type": "function"}
        opening = {"role": "assistant", "content": None}
        opening["tool_calls"] = [tool_call | {"function": function}]
        delta = {"tool_calls": [{"index": 0, "function": {"arguments": marker}}]}
    for index in range(_choices(call)):
        yield event(chunk(index, opening))
        yield from text_events(chunk(index, delta), marker, tokens)
        yield event(chunk(index, {}, reason))
    if extra:
        yield event(envelope | {"choices": [], "usage": count})
    yield DONE


def completions(call: Call) -> Answer:
    """Answer `POST /v1/completions`, for one prompt or a list of them."""
    prompts = _prompts(call.json.get("prompt"))
    generated = [call.generate(prompt, call.json.get("max_tokens")) for prompt in prompts]
    count = usage(count_tokens(prompts), sum(len(tokens) for tokens, _ in generated))
    envelope = _envelope(call, "text_completion") | {"id": f"cmpl-{call.ident}"}
    if call.wants("stream"):
        events = _completion_chunks(call, envelope, generated, count)
        return event_stream(events, call.options.gap)
    choices = [
        {"index": index, "text": "".join(tokens), "logprobs": None, "finish_reason": reason}
        for index, (tokens, reason) in enumerate(generated)
    ]
    return json_answer(envelope | {"choices": choices, "usage": count})


def _prompts(prompt: object) -> list[str]:
    """Return the prompts as texts; token ids become their numbers, separated by spaces."""
    if isinstance(prompt, list) and all(isinstance(item, int) for item in prompt):
        return [" ".join(map(str, prompt))]
    if isinstance(prompt, list):
        return list(itertools.chain.from_iterable(map(_prompts, prompt)))
    return [content_text(prompt)]


def _completion_chunks(
    call: Call,
    envelope: dict[str, Any],
    generated: list[tuple[list[str], str]],
    count: dict[str, int],
) -> Iterator[bytes]:
    extra = {"usage": None} if wants_usage(call) else {}
    marker = call.marker

    def chunk(index: int, text: str, reason: str | None) -> dict[str, Any]:
        choice = {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
        return envelope | extra | {"choices": [choice]}

    for index, (tokens, reason) in enumerate(generated):
        yield from text_events(chunk(index, marker, None), marker, tokens)
        yield event(chunk(index, "", reason))
    if extra:
        yield event(envelope | {"choices": [], "usage": count})
    yield DONE


def _model(name: str, call: Call) -> dict[str, Any]:
    owner = call.options.name
    return {"id": name, "object": "model", "created": call.created, "owned_by": owner}


def models(call: Call) -> Answer:
    """Answer `GET /v1/models`."""
    names = call.options.models or ("simulated",)
    return json_answer({"object": "list", "data": [_model(name, call) for name in names]})


def model(call: Call) -> Answer:
    """Answer `GET /v1/models/{id}`; the id may contain slashes."""
    name = call.path.removeprefix("/v1/models/")
    if call.options.models and name not in call.options.models:
        return error_answer(f"the model '{name}' does not exist", 404, "model_not_found")
    return json_answer(_model(name, call))
