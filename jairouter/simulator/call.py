"""A request as the dialects see it: parsed, with the settings that apply to it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from jairouter.simulator import text
from jairouter.simulator.multipart import Part
from jairouter.simulator.options import Options


class Unreadable(ValueError):
    """A request that asks for nothing the simulator can answer; the message says why."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One complete request.

    Attributes:
        method: The method, in capitals.
        path: The path without its query.
        query: The first value of each query parameter.
        headers: The last value of each header, names in lower case.
        json: The body, when it is a JSON object; otherwise empty.
        parts: The parts of a form, in order.
        options: The simulator's settings, changed by what this request asks for.
        created: The present time, in whole seconds.
        ident: A token for ids, different for each request.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Mapping[str, Any]
    parts: tuple[Part, ...]
    options: Options
    created: int
    ident: str

    @property
    def model(self) -> str:
        """The model the request names, or the first one served."""
        named = self.json.get("model") or self.field("model")
        return str(named or next(iter(self.options.models), "simulated"))

    @property
    def fingerprint(self) -> str:
        """The simulator's name, as `system_fingerprint` of an answer."""
        return self.options.name

    @property
    def marker(self) -> str:
        """A text that stands nowhere in the request, for templates."""
        return f"<text of {self.ident}>"

    def field(self, name: str, default: str = "") -> str:
        """Return the text of a form field."""
        return next((part.text for part in self.parts if part.name == name), default)

    def wants(self, name: str) -> bool:
        """Say whether a member or form field is set to true."""
        return self.json.get(name) is True or self.field(name).lower() == "true"

    def generate(self, prompt: str, *limits: object) -> tuple[list[str], str]:
        """Return the tokens that answer `prompt` and why they end: `stop` or `length`.

        Args:
            prompt: The text to answer.
            limits: The most tokens the request allows, in the order of their weight; a value
                that is no number counts for nothing.
        """
        most = next((limit for limit in limits if isinstance(limit, int) and limit > 0), None)
        echo, count = self.options.echo, self.options.tokens
        tokens = text.tokenise(prompt) if echo else text.reply(prompt, count)
        if most is not None and most < len(tokens):
            return tokens[:most], "length"
        return tokens, "stop"


def parse_json(content: bytes | None) -> Mapping[str, Any]:
    """Return the JSON object in a body; empty when there is none to read.

    Raises:
        Unreadable: If the body is no JSON object.
    """
    if not content:
        return {}
    try:
        value = json.loads(content)
    except ValueError as error:
        raise Unreadable(f"the request body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("the request body is not a JSON object")
    return value


def prompt_of(messages: object) -> str:
    """Return the text of the last message of a conversation.

    Content is a string or a list of parts, of which those with a `text` count.

    Raises:
        Unreadable: If `messages` is no conversation.
    """
    if not isinstance(messages, list) or not messages:
        raise Unreadable("'messages' must be a list with at least one message")
    return content_text(messages[-1].get("content"))


def content_text(content: object) -> str:
    """Return the text in a message's content, whether a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return ""


def count_tokens(value: object) -> int:
    """Return a number of prompt tokens that grows with the text, at least 1."""
    return max(1, len(json.dumps(value, ensure_ascii=False)) // 4)
