"""Who is asking, once that is known."""

from __future__ import annotations

import enum
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from jairouter.config.settings.api_keys import KeyTerms
    from jairouter.interfaces import IAllowance


class Kind(enum.Enum):
    """How a caller is known."""

    __hash__ = object.__hash__  # Enum's own is written in Python

    KEY = "api-key"
    TOKEN = "jwt"  # noqa: S105 - a word for logs
    ADDRESS = "address"
    """By nothing but where it is: nobody has to say who they are."""


class Caller:
    """Who is asking, and what they may.

    There is one for each key, and one for each user; it is made when keys or accounts change and not for each
    request.

    Attributes:
        name: What the key is called, or the user, or the address; for logs, never a credential.
        kind: How the caller is known.
        permissions: All that it may, each as ``<resource>:<action>``, without wildcards: see
            `jairouter.auth.permissions`.
        digest: Tells callers apart, as limits and caches do.
        networks: Where it may call from; none named means from everywhere.
        allowance: How much it may ask for, where that is limited.
        terms: What its key was given, if it is known by a key: nobody makes a key that is less limited.
    """

    __slots__ = ("allowance", "digest", "kind", "name", "networks", "permissions", "terms")

    def __init__(
        self,
        name: str,
        kind: Kind,
        permissions: frozenset[str],
        networks: Sequence[IPv4Network | IPv6Network] = (),
        allowance: IAllowance | None = None,
        terms: KeyTerms | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.permissions = permissions
        self.digest = blake2b(f"{kind.value} {name}".encode(), digest_size=16).digest()
        self.networks = tuple(networks)
        self.allowance = allowance
        self.terms = terms

    def __repr__(self) -> str:
        return f"<Caller {self.kind.value} {self.name}>"
