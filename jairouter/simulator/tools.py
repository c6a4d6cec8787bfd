"""Function calls: which of a request's tools is called, and with what."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jairouter.simulator.call import Call


@dataclasses.dataclass(frozen=True)
class FunctionCall:
    """A function the simulated model wants called.

    Attributes:
        name: The function's name.
        arguments: Values that fit its schema as far as types go; texts are the prompt.
    """

    name: str
    arguments: dict[str, object]


def chosen(call: Call, prompt: str) -> FunctionCall | None:
    """Return the function to call, or `None` to answer with text.

    It is the one the request names, or else the first. After a tool's result the answer is text:
    an agent would ask for ever otherwise.
    """
    tools, choice = call.json.get("tools"), call.json.get("tool_choice")
    if not tools or _kind(choice) == "none" or _is_result(call.json["messages"][-1]):
        return None
    # OpenAI and Ollama put a function into a member of that name; Anthropic does not.
    functions = [tool.get("function", tool) for tool in tools]
    wanted = _wanted(choice)
    for function in functions:
        if wanted in (None, function["name"]):
            schema = function.get("parameters") or function.get("input_schema") or {}
            return FunctionCall(function["name"], _arguments(schema, prompt))
    return None


def _kind(choice: object) -> object:
    return choice.get("type") if isinstance(choice, dict) else choice


def _wanted(choice: object) -> str | None:
    """Return the name in `{"function": {"name": ...}}` or `{"type": "tool", "name": ...}`."""
    if not isinstance(choice, dict):
        return None
    name = choice.get("function", choice).get("name")
    return str(name) if name is not None else None


def _is_result(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return message.get("role") == "tool" or any(part.get("type") == "tool_result" for part in parts)


def _arguments(schema: Mapping[str, Any], prompt: str) -> dict[str, object]:
    properties = schema.get("properties", {})
    return {name: _example(member, prompt) for name, member in properties.items()}


def _example(schema: Mapping[str, Any], prompt: str) -> object:
    if schema.get("enum"):
        return schema["enum"][0]
    examples: dict[object, object] = {
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "array": [],
        "object": {},
        "null": None,
    }
    return examples.get(schema.get("type"), prompt)
