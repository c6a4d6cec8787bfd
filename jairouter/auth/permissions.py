"""What callers may: words of the form ``<resource>:<action>``, and what they come to.

| what is written | what it allows |
|---|---|
| ``chat:read`` | to use the models of a service, and to list them |
| ``config:write`` | besides, ``config:read`` and ``config:delete`` |
| ``config:delete`` | besides, ``config:read`` |
| ``config:admin``, ``config:*``, ``config`` | everything about one resource |
| ``*:read`` | one action on everything |
| ``*:*``, ``*``, ``admin`` | everything |
| ``read`` | to use all models |
| ``write``, ``delete`` | besides, ``config:write`` or ``config:delete`` |

Letters may be large or small. Of the roles, ``USER`` is ``read``, and ``ADMIN`` is ``admin``; ``ROLE_`` may
stand before them. The single words and the roles are those of older files.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

SERVICES: Final = ("chat", "embedding", "rerank", "tts", "stt", "imgGen", "imgEdit")
"""Resources of which reading means to use the models."""
RESOURCES: Final = (*SERVICES, "config", "monitoring", "audit", "security", "tracing")
ACTIONS: Final = ("read", "write", "delete", "admin")
ALL: Final = frozenset(f"{resource}:{action}" for resource in RESOURCES for action in ACTIONS)
"""Every permission that there is."""
NONE: Final[frozenset[str]] = frozenset()

_IMPLIED: Final = {
    "read": ("read",),
    "delete": ("read", "delete"),
    "write": ("read", "write", "delete"),
    "admin": ACTIONS,
    "*": ACTIONS,
}
_MODELS: Final = frozenset(f"{service}:read" for service in SERVICES)
_WORDS: Final = {
    "read": _MODELS,
    "write": _MODELS | {"config:read", "config:write", "config:delete"},
    "delete": _MODELS | {"config:read", "config:delete"},
    "admin": ALL,
    "*": ALL,
}
_ROLES: Final = {"user": _MODELS, "admin": ALL}
_RESOURCE: Final = {each.lower(): (each,) for each in RESOURCES} | {"*": RESOURCES}


class UnknownPermission(ValueError):
    """The word is none of those that say what somebody may; the text says what was meant, perhaps."""


def granted(words: Iterable[str]) -> frozenset[str]:
    """All that a key with these permissions may, without wildcards.

    Args:
        words: See the module's table.

    Raises:
        UnknownPermission: One of them is none.
    """
    return frozenset().union(*map(_granted, words))


def granted_to_roles(roles: Iterable[str]) -> frozenset[str]:
    """All that a user with these roles may; a role may be one of the permissions, too.

    Raises:
        UnknownPermission: One of them is none.
    """
    each = [role.strip().lower().removeprefix("role_") for role in roles]
    return frozenset().union(*(_ROLES[role] if role in _ROLES else _granted(role) for role in each))


def _granted(written: str) -> frozenset[str]:
    word = written.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    resource, colon, action = word.partition(":")
    actions = _IMPLIED.get(action if colon else "*")
    resources = _RESOURCE.get(resource)
    if resources is None or actions is None:
        raise UnknownPermission(_hint(written, word))
    return frozenset(f"{one}:{other}" for one in resources for other in actions)


def _hint(written: str, word: str) -> str:
    known = {each.lower(): each for each in (*ALL, *_WORDS, *(f"{each}:*" for each in RESOURCES))}
    close = get_close_matches(word, known, 1)
    meant = f"; did you mean {known[close[0]]}?" if close else ""
    return f"{written[:60]!r} is no permission{meant}"
