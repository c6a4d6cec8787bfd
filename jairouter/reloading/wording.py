"""Differences in plain words, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jairouter.reloading.unequal import Item, Steps, written

_MOST: Final = 80
"""Characters of a value that are told."""

_STATES: Final = {
    ("enabled", "true"): "is switched on",
    ("enabled", "false"): "is switched off",
    ("status", "active"): "takes requests again",
    ("status", "inactive"): "is switched off",
    ("status", "draining"): "is drained",
}

_SILENTLY: Final = {"added": " is added", "removed": " is removed", "changed": " changed"}
_OPENLY: Final = {
    "added": " is added: {1}",
    "removed": " is removed; it was {0}",
    "changed": " goes from {0} to {1}",
}


def worded(kind: str, steps: Steps, before: Any, after: Any, masked: bool) -> str:
    """Say in one line what is different.

    Args:
        kind: ``added``, ``removed`` or ``changed``.
        steps: Where.
        before: What it was, as it may be shown.
        after: What it is, likewise.
        masked: Whether something of the two is not shown.
    """
    whose, instance, steps = _whose(steps)
    if not steps:
        about = _about(after) if kind == "added" and instance else ""
        told = f"{instance or 'the service'} is {kind}" + (f" ({about})" if about else "")
    elif instance and (state := _STATES.get((written(steps), str(after).lower()))):
        told = f"{instance} {state}"
    elif instance and written(steps) == "base-url":
        told = f"{instance} moves from {_value(before)} to {_value(after)}"
    else:
        what = _what(steps) + (f" of {instance}" if instance else "")
        # Values that are not shown, or placeholders that stand for something else now
        silent = before == after or (masked and not (_telling(before) and _telling(after)))
        told = what + (_SILENTLY[kind] if silent else _OPENLY[kind].format(_value(before), _value(after)))
    return whose + told


def _whose(steps: Steps) -> tuple[str, str, Steps]:
    """What it is about, which instance, and the rest of the way."""
    if steps[:1] != ("model",):
        return "", "", steps
    if steps[:2] != ("model", "services"):
        return "all services: ", "", steps[1:]
    whose, inner = f"{steps[2]}: ", steps[3:]
    if len(inner) > 1 and isinstance(inner[1], Item):
        return whose, inner[1].name, inner[2:]
    return whose, "", inner


def _what(steps: Steps) -> str:
    if steps == ("rate-limit",):
        return "the rate limit"
    return f"the {written(steps)}" if len(steps) == 1 else written(steps)


def _telling(value: Any) -> bool:
    """Whether a value that is partly secret was written in a way that shows something."""
    return isinstance(value, str) and "${" in value


def _about(instance: Any) -> str:
    """What is worth knowing of an instance at once."""
    about = {key: instance.get(key) for key in ("weight", "priority", "enabled", "status")}
    return _value({key: value for key, value in about.items() if value is not None})


def _value(value: Any) -> str:
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "true" if value else "false"
        case Mapping():
            text = ", ".join(f"{key} {_value(inner)}" for key, inner in value.items())
        case list():
            text = ", ".join(map(_value, value)) or "none"
        case _:
            text = "".join(c if c.isprintable() else " " for c in str(value)) or '""'
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
