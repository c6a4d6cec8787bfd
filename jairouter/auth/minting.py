"""What the tokens say that are issued here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jairouter.auth.verifying import ACCESS, REFRESH

if TYPE_CHECKING:
    from jairouter.auth.algorithms import Signer
    from jairouter.auth.claims import Rules
    from jairouter.auth.families import New, Opened, Terms


@dataclass(frozen=True)
class Issued:
    """What a login is given.

    Attributes:
        user: Who has them.
        id: The name of the access token.
        access: The token to call with.
        expires_in: Seconds for which it is valid.
        refresh: The token to get new ones with, once.
        refresh_expires_in: Seconds for which that is valid.
    """

    user: str
    id: str
    access: str = field(repr=False)
    expires_in: int
    refresh: str = field(repr=False)
    refresh_expires_in: int


def mint(signer: Signer, rules: Rules, new: New, opened: Opened, access: str, terms: Terms) -> Issued:
    """Make the tokens of a login. May take some milliseconds, where the key is an RSA key.

    Args:
        signer: Signs them.
        rules: Who issues them, and for whom.
        new: The login, or its renewal.
        opened: What they say besides.
        access: The name of the access token.
        terms: How long they are valid.
    """
    now = int(terms.now)  # others may not know that a date can have a fraction
    common: dict[str, Any] = {
        "iss": rules.issuer,
        "sub": new.user,
        "iat": now,
        "nbf": now,
        "fam": new.family,
        "roles": [*opened.roles],
    }
    if rules.audience:
        common["aud"] = sorted(rules.audience)
    if opened.generation:
        common["gen"] = opened.generation
    kinds = ((ACCESS, access, int(terms.access)), (REFRESH, new.refresh, int(terms.refresh)))
    tokens = [
        signer.token({**common, "typ": kind, "jti": name, "exp": now + valid}).decode("ascii")
        for kind, name, valid in kinds
    ]
    return Issued(new.user, access, tokens[0], kinds[0][2], tokens[1], kinds[1][2])
