"""Which text of a stream a string in an event belongs to, and when that text ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jairouter.codec.json_strings import Path, Value
from jairouter.codec.masked_json import ARGUMENTS

Key = tuple[Any, ...]
"""What a text that comes in pieces is known by; those that end together begin alike."""
LEFT_ALONE: Final[Key] = ()
"""Of what is no text."""

_NUMBERS: Final = ("item_id", "output_index", "content_index", "summary_index", "index")


def key_of(document: Any, path: Path) -> Key | None:
    """What a piece of a text is known by; None for a text that is whole, nothing for what is no text."""
    first = path[0] if path else None
    if first == "choices" and len(path) > 2:
        if path[2] == "delta":
            return ("choices", *_numbered(document, path))
        return ("choices", *_numbered(document, path)) if path[2:] == ("text",) else None
    kind = document.get("type") if isinstance(document, dict) else None
    if first in ("delta", "audio") and isinstance(kind, str):
        if "audio" in kind and "transcript" not in kind:
            return LEFT_ALONE
        if len(path) == 1 and kind.endswith(".delta"):
            return (kind.removesuffix(".delta"), *_numbers(document))
        if kind == "content_block_delta":
            return (kind, _hashable(document.get("index")), *path[1:])
    return None


def _numbered(document: Any, path: Path) -> list[Any]:
    """A path in which what says its own number has that instead of its place."""
    steps: list[Any] = []
    node = document
    for step in path[:-1]:
        place = step
        if isinstance(node, list) and isinstance(step, int):
            objects = [each for each in node if isinstance(each, dict | list)]
            # (Of a member that is given twice, only the last one is in the document)
            node = objects[step] if step < len(objects) else None
            place = node.get("index", step) if isinstance(node, dict) else step
        elif isinstance(node, dict):
            node = node.get(step)
        steps.append(_hashable(place))
    return [*steps[1:], path[-1]]


def _numbers(document: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(_hashable(document.get(name)) for name in _NUMBERS)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | None) else repr(value)


def is_arguments(key: Key, value: Value) -> bool:
    """Whether a piece is of the arguments of a tool call."""
    return value.path[-1] in ARGUMENTS or (isinstance(key[0], str) and key[0].endswith("_arguments"))


def ended_before(document: Any) -> Iterator[Key]:
    """The texts that end with an event that itself says how they read as a whole."""
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        return
    if kind.endswith(".done"):
        yield (kind.removesuffix(".done"), *_numbers(document))
    elif kind == "content_block_stop":
        yield ("content_block_delta", _hashable(document.get("index")))
    elif kind in ("response.completed", "response.incomplete", "response.failed", "message_stop"):
        yield ()


def ended_with(document: Any) -> Iterator[Key]:
    """The texts whose last piece is in this event."""
    choices = document.get("choices") if isinstance(document, dict) else None
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict) and choice.get("finish_reason") is not None:
            yield ("choices", _hashable(choice.get("index", place)))
