"""Which spellings are the same key, and how a key path is written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

KeyPath = tuple[str | int, ...]
"""A place in the tree: names of keys and positions in lists, from the root down."""

SERVICES: Final[dict[str, tuple[str, ...]]] = {
    "chat": (),
    "embedding": ("embeddings",),
    "rerank": (),
    "tts": ("text-to-speech", "text2speech"),
    "stt": ("speech-to-text", "speech2text"),
    "imgGen": ("img-gen", "image-generation", "image-gen"),
    "imgEdit": ("img-edit", "image-edit", "image-editing"),
}
"""The services by their canonical name, each with the other names it goes by."""

_SEPARATORS = re.compile(r"[-_]")
_STEPS = re.compile(r"[^.\[\]]+|\[[^\[\]]*\]")


def relaxed(name: str) -> str:
    """Reduce a key to what all its spellings have in common.

    Example: `read-timeout`, `readTimeout` and `READ_TIMEOUT` all give `readtimeout`.
    """
    return _SEPARATORS.sub("", name).lower()


def kebab(field: str) -> str:
    """Write a Python attribute name the way configuration files are best written."""
    return field.strip("_").replace("_", "-")


def camel(field: str) -> str:
    """Write a Python attribute name as JSON does."""
    first, *rest = field.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


_SERVICE_NAMES: Final = {
    relaxed(spelling): name for name, others in SERVICES.items() for spelling in (name, *others)
}


def service_name(spelling: str) -> str | None:
    """Return the canonical name of a service, or None when there is no such service."""
    return _SERVICE_NAMES.get(relaxed(spelling))


def split_key(key: str) -> tuple[str, ...]:
    """Split a flat key at its dots and brackets.

    Example: `model.services.chat.instances[0].weight` gives six parts, one of them `[0]`. A
    text that is no well-formed flat key is one part.
    """
    if "." not in key and "[" not in key:
        return (key,)
    parts = tuple(_STEPS.findall(key))
    whole = len("".join(parts)) + sum(not part.startswith("[") for part in parts[1:])
    return parts if parts and whole == len(key) else (key,)


def position(part: str) -> int | None:
    """Return the list position that a part such as `[3]` stands for, or None."""
    inner = part[1:-1]
    if part.startswith("[") and inner.isascii() and inner.isdecimal() and len(inner) <= 5:
        return int(inner)
    return None


def dotted(path: KeyPath) -> str:
    """Write a path as `model.services.chat.instances[2].weight`; keys of instances stand in brackets too."""
    text = ""
    for step in path:
        if isinstance(step, int) or "@" in step:
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was most likely meant by a misspelled name, if any is close."""
    by_relaxed = {relaxed(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(relaxed(name)[:100], by_relaxed, n=1, cutoff=0.7)
    return by_relaxed[found[0]] if found else None
