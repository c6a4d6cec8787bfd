"""The Ollama dialect: JSON lines instead of events, and streams unless told otherwise."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from jairouter.simulator.answer import NDJSON_TYPE, Answer, event_stream, json_answer
from jairouter.simulator.call import Call, count_tokens, prompt_of
from jairouter.simulator.dialect import Dialect, encode, text_events
from jairouter.simulator.text import vector
from jairouter.simulator.tools import chosen
from jairouter.simulator.vectors import dimensions_of, texts_of


def _error(message: str, status: int, code: str | None = None) -> object:
    return {"error": message}


def _error_line(message: str) -> bytes:
    return encode({"error": message}) + b"\n"


OLLAMA = Dialect(error=_error, error_event=_error_line)


def chat(call: Call) -> Answer:
    """Answer `POST /api/chat`."""
    prompt = prompt_of(call.json.get("messages"))
    function = chosen(call, prompt)
    if function is not None:
        called = {"name": function.name, "arguments": function.arguments}
        message = {"role": "assistant", "content": "", "tool_calls": [{"function": called}]}
        return _answer(call, "message", message, ([], "stop"))
    message = {"role": "assistant", "content": call.marker}
    return _answer(call, "message", message, _generated(call, prompt))


def generate(call: Call) -> Answer:
    """Answer `POST /api/generate`."""
    prompt = str(call.json.get("prompt", ""))
    return _answer(call, "response", call.marker, _generated(call, prompt))


def _generated(call: Call, prompt: str) -> tuple[list[str], str]:
    options = call.json.get("options") or {}
    return call.generate(prompt, options.get("num_predict"))


def _answer(call: Call, member: str, content: Any, generated: tuple[list[str], str]) -> Answer:
    """Return the answer, with the text in place of the marker in `content`."""
    tokens, reason = generated
    if call.json.get("stream", True) is not False:
        lines = _lines(call, member, content, generated)
        return event_stream(lines, call.options.gap, NDJSON_TYPE)
    filled = _filled(content, "".join(tokens))
    return json_answer(_line(call, member, filled) | _last(call, len(tokens), reason))


def _filled(content: Any, text: str) -> Any:
    if isinstance(content, dict):
        return content if "tool_calls" in content else content | {"content": text}
    return text


def _line(call: Call, member: str, content: object) -> dict[str, Any]:
    created = datetime.datetime.fromtimestamp(call.created, datetime.UTC)
    return {
        "model": call.model,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        member: content,
        "done": False,
    }


def _last(call: Call, count: int, reason: str) -> dict[str, Any]:
    """Return what the last line has and the others have not; times are in nanoseconds."""
    took = int(count * (call.options.gap or 0) * 1e9)
    return {
        "done": True,
        "done_reason": reason,
        "total_duration": took + 2,
        "load_duration": 1,
        "prompt_eval_count": count_tokens(call.json.get("messages") or call.json.get("prompt")),
        "prompt_eval_duration": 1,
        "eval_count": count,
        "eval_duration": took,
    }


def _lines(call: Call, member: str, content: Any, generated: tuple[list[str], str]) -> Iterator[bytes]:
    tokens, reason = generated
    line = _line(call, member, content)
    if tokens:
        yield from text_events(line, call.marker, tokens, b"", b"\n")
    else:
        yield encode(line | {member: _filled(content, "")}) + b"\n"
    empty = {"role": "assistant", "content": ""} if member == "message" else ""
    yield encode(line | {member: empty} | _last(call, len(tokens), reason)) + b"\n"


def embed(call: Call) -> Answer:
    """Answer `POST /api/embed`, for one text or several."""
    texts = texts_of(call.json.get("input"))
    return json_answer(
        {
            "model": call.model,
            "embeddings": [vector(text, dimensions_of(call)) for text in texts],
            "total_duration": 2,
            "load_duration": 1,
            "prompt_eval_count": count_tokens(texts),
        }
    )


def embeddings(call: Call) -> Answer:
    """Answer `POST /api/embeddings`, the older form for one text."""
    return json_answer({"embedding": vector(str(call.json["prompt"]), dimensions_of(call))})


def tags(call: Call) -> Answer:
    """Answer `GET /api/tags`."""
    names = call.options.models or ("simulated",)
    details = {"format": "gguf", "family": "simulated", "parameter_size": "0B"}
    models = [{"name": name, "model": name, "size": 0, "details": details} for name in names]
    return json_answer({"models": models})


def version(call: Call) -> Answer:
    """Answer `GET /api/version`."""
    return json_answer({"version": "0.0.0-simulated"})
