"""What stands in place of what was masked."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from jairouter.codec.masking import Strategy


def mask(character: str) -> Strategy:
    """As many of these as there were characters."""
    return lambda found: character * len(found)


def replace(text: str) -> Strategy:
    """Always the same text."""
    return lambda found: text


def hash_with(secret: bytes) -> Strategy:
    """What is the same for the same text, and tells nobody else what that was.

    Without the secret, the digest of a telephone number would be found out by trying them all.
    """

    def hashed(found: str) -> str:
        data = found.encode("utf-8", "surrogatepass")
        return f"[HASH:{blake2b(data, key=secret, digest_size=4).hexdigest().upper()}]"

    return hashed


def keep_ends(character: str) -> Strategy:
    """``138****5678``; of shorter texts less, of the shortest ones nothing."""

    def kept(found: str) -> str:
        size = len(found)
        first, last = next((ends for least, ends in _KEPT if size >= least), (0, 0))
        return found[:first] + character * (size - first - last) + found[size - last :]

    return kept


_KEPT: Final = ((11, (3, 4)), (8, (2, 2)), (5, (1, 1)))


def keep_domain(character: str) -> Strategy:
    """``u***@example.com``; all of what has no ``@`` is masked."""

    def kept(found: str) -> str:
        name, at, domain = found.rpartition("@")
        if not at:
            return character * len(found)
        first = name[:1] if len(name) > 1 else ""
        return first + character * (len(name) - len(first)) + at + domain

    return kept
