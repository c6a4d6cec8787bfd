"""Changes as they may leave the gateway."""

from __future__ import annotations

from typing import Any

from jairouter.config.secret import MASK
from jairouter.config.shown import secrets_in
from jairouter.control import Changes


def exported(changes: Changes) -> dict[str, Any]:
    """Return changes with a mask in place of each secret.

    There is none in what this gateway stores, but there may be in versions of another product.

    Args:
        changes: in canonical form.
    """
    hidden = frozenset(secrets_in(changes))
    made = _masked(changes, (), hidden)
    assert isinstance(made, dict)
    return made


def _masked(value: Any, path: tuple[str | int, ...], hidden: frozenset[tuple[str | int, ...]]) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, (*path, key), hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, (*path, index), hidden) for index, inner in enumerate(value)]
    # A text with commas is a list, whose parts have places of their own
    secret = path in hidden or any(each[:-1] == path for each in hidden)
    return MASK if secret else value
