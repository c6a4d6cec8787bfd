"""Which tokens of a user were issued before all of them were revoked. Pure.

Tokens have a generation, which changes when all are revoked: so a token that is issued in the same second,
but after, is known from one that was issued before. Where another gateway has issued it, which knows nothing
of this, the date decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def cutoff(value: Mapping[str, Any], user: str, now: float) -> dict[str, Any]:
    """What says that the tokens of a user are revoked."""
    return {"generation": max(generation_of(value, user), int(now)) + 1, "time": now}


def generation_of(value: Mapping[str, Any], user: str) -> int:
    """The generation of the tokens that a user is given now."""
    generation: int = value.get("cutoffs", {}).get(user, {}).get("generation", 0)
    return generation


def is_cut_off(found: Mapping[str, Any] | None, generation: int, issued: float, leeway: float) -> bool:
    """Whether a token was issued before its user's tokens were revoked.

    Args:
        found: See `cutoff`; None if they never were.
        generation: Of the token.
        issued: When it was.
        leeway: Seconds by which the clocks of two computers may differ.
    """
    if found is None or generation >= found["generation"]:
        return False
    known: bool = issued <= found["time"] + leeway
    return known
