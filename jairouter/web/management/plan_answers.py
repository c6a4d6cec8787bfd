"""How differences and plans are written in answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.management.envelope import errors
from jairouter.web.management.schemas import FAULT

if TYPE_CHECKING:
    from jairouter.control import Difference, Plan, Rerouted

_COUNT: Final = {"type": "integer", "minimum": 0}
_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}

DIFFERENCES: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["kind", "path", "before", "after", "text"],
        "properties": {
            "kind": {"type": "string", "enum": ["added", "removed", "changed"]},
            "path": {"type": "string", "description": "The key; instances are named by theirs."},
            "before": {"description": "What it was, secrets masked; null when there was nothing."},
            "after": {"description": "What it is, likewise."},
            "text": {"type": "string", "description": "The same for people, in one line."},
        },
    },
}
_REROUTED: Final = {
    "type": "object",
    "required": ["service", "model", "requests", "elsewhere", "refused", "shares"],
    "properties": {
        "service": {"type": "string"},
        "model": {"type": "string"},
        "requests": {**_COUNT, "description": "How many recorded ones were looked at."},
        "elsewhere": {**_COUNT, "description": "Those that would have gone to another instance for certain."},
        "refused": {**_COUNT, "description": "Those that would have found no instance."},
        "shares": {
            "type": "object",
            "description": "Of the requests, by `X-Jairouter-Instance`: before, and as expected after.",
            "additionalProperties": {
                "type": "object",
                "required": ["before", "after"],
                "properties": {"before": _SHARE, "after": _SHARE},
            },
        },
    },
}
PLAN: Final = {
    "type": "object",
    "required": ["base", "applicable", "differences", "faults", "notices", "rerouted", "text"],
    "properties": {
        "base": {**_COUNT, "description": "The version in force."},
        "applicable": {"type": "boolean", "description": "Whether it would not be refused."},
        "differences": DIFFERENCES,
        "faults": {"type": "array", "items": FAULT},
        "notices": _TEXTS,
        "rerouted": {"type": "array", "items": _REROUTED},
        "text": {**_TEXTS, "description": "All of it for people, line by line."},
    },
}


def differences_view(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Differences as JSON values."""
    return [
        {
            "kind": each.kind,
            "path": each.path,
            "before": each.before,
            "after": each.after,
            "text": each.text,
        }
        for each in differences
    ]


def plan_view(plan: Plan) -> dict[str, Any]:
    """A plan as JSON values."""
    return {
        "base": plan.base,
        "applicable": not plan.faults,
        "differences": differences_view(plan.differences),
        "faults": errors(plan.faults),
        "notices": list(map(str, plan.notices)),
        "rerouted": list(map(_rerouted, plan.rerouted)),
        "text": list(_lines(plan)),
    }


def _rerouted(found: Rerouted) -> dict[str, Any]:
    return {
        "service": found.service,
        "model": found.model,
        "requests": found.requests,
        "elsewhere": found.elsewhere,
        "refused": found.refused,
        "shares": {
            label: {"before": before, "after": after} for label, (before, after) in found.shares.items()
        },
    }


def _lines(plan: Plan) -> Iterator[str]:
    yield from (each.text for each in plan.differences)
    if not plan.differences and not plan.faults:
        yield "nothing would be different"
    for each in plan.rerouted:
        if each.elsewhere or each.refused:
            told = f"{each.service}: of {each.requests} recent requests for {each.model}, "
            told += f"{each.elsewhere} would have gone elsewhere"
            yield told + (f", and {each.refused} would have found no instance" if each.refused else "")
    yield from map(str, plan.notices)
    yield from (f"would be refused: {each}" for each in plan.faults)
