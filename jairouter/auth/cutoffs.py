"""Which tokens of a user are of before: before all were revoked, or the account was another one. Pure.

Tokens have a generation, which changes when all are revoked: so a token that is issued in the same second,
but after, is known from one that was issued before. Where another gateway has issued it, which knows nothing
of this, the date decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def outlived(value: Mapping[str, Any], standing: Callable[[str], str | None]) -> set[str]:
    """The users whose accounts are not what they were when they logged in.

    Args:
        value: The document.
        standing: What tells a user's account from what it was; None where nobody can log in to it.
    """
    alive = (each for each in value.get("families", {}).values() if "revoked" not in each)
    return {each["user"] for each in alive if is_another(each, standing(each["user"]))}


def is_another(record: Mapping[str, Any], account: str | None) -> bool:
    """Whether a login was to another account, or to one with another password, for all that is known."""
    before = record.get("account", "")
    return account is None or ("" not in (before, account) and before != account)
