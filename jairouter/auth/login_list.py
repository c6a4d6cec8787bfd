"""Logins as an operator sees them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple


class Login(NamedTuple):
    """A login, and all that came of it; times are seconds since the epoch.

    Attributes:
        id: Its name.
        user: Who has logged in.
        issued: When.
        used: When it was last renewed.
        expires: When it can be renewed no more.
        address: From where it was renewed last.
        revoked: Whether its tokens are accepted no more.
    """

    id: str
    user: str
    issued: float
    used: float
    expires: float
    address: str
    revoked: bool


class Stats(NamedTuple):
    """How much is remembered.

    Attributes:
        logins: That have not expired.
        revoked: Tokens and logins that are accepted no more.
        users: Of whom all tokens are revoked that were issued up to some day.
        cleaned: When it was last asked to forget what has expired; None for never.
        forgotten: How much was forgotten then.
    """

    logins: int
    revoked: int
    users: int
    cleaned: float | None
    forgotten: int


def logins_in(
    value: Mapping[str, Any], now: float, revoked: Container[str], user: str | None = None
) -> list[Login]:
    """The logins that have not expired, the newest first.

    Args:
        value: The document: see `jairouter.auth.families`.
        now: Seconds since the epoch.
        revoked: What is accepted no more, besides what the document says.
        user: Whose; None for all.
    """
    found = [
        Login(
            name,
            each["user"],
            each["issued"],
            each["used"],
            each["expires"],
            each["address"],
            "revoked" in each or name in revoked,
        )
        for name, each in value.get("families", {}).items()
        if max(each["expires"], each["access"]) > now and user in (None, each["user"])
    ]
    return sorted(found, key=lambda login: (-login.issued, login.id))
