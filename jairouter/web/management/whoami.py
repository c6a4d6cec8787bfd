"""Who is asking, told to those who ask: ``/api/auth/me``; and how they can say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jairouter.auth.permissions import ALL
from jairouter.caller import Kind
from jairouter.web.management.endpoint import KNOWN, Call, Endpoint, Reply

PATH: Final = "/api/auth/me"
TAG: Final = "Access"
_DATA: Final = {
    "type": "object",
    "required": ["name", "kind", "permissions"],
    "properties": {
        "name": {"type": "string", "description": "Of the key or the user, or the address."},
        "kind": {
            "enum": [each.value for each in Kind],
            "description": "How the caller is known; `address` where nobody has to say who they are.",
        },
        "permissions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "All that the caller may, without wildcards.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Ways:
    """How callers say who they are, as documents and pages have to know it.

    Attributes:
        on: Whether they have to.
        key_header: The header that carries a key. A token is in ``Authorization`` in any case.
    """

    on: bool = False
    key_header: str = "X-API-Key"


def endpoints() -> tuple[Endpoint, ...]:
    """The endpoint for it."""
    return (
        Endpoint(
            "GET",
            PATH,
            "getCaller",
            TAG,
            "Who is asking, and what they may",
            _me,
            data=_DATA,
            permission=KNOWN,
        ),
    )


def _me(call: Call) -> Reply:
    caller = call.caller
    if caller is None:
        return Reply({"name": call.who, "kind": Kind.ADDRESS.value, "permissions": sorted(ALL)})
    return Reply({"name": caller.name, "kind": caller.kind.value, "permissions": sorted(caller.permissions)})
