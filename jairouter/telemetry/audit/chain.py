"""How lines are bound together, so that none can be changed, taken out or put in unnoticed.

Each line says its number, the digest of the line before, and its own, which covers the other two. This is the
hash chain of B. Schneier and J. Kelsey, "Secure Audit Logs to Support Computer Forensics", ACM TISSEC 2(2),
1999; RFC 5848 (signed syslog messages) numbers and chains in the same spirit. With a key the digest is
HMAC-SHA-256 (RFC 2104): whoever may write to the file, but does not know the key, cannot make the chain anew.
Without one it is SHA-256, which shows accidents and whoever has not thought of it.

The key stays the same, other than theirs: who gets hold of it can rewrite the past as well. Against that, and
against whoever puts back old copies of all files at once, it helps only to send lines elsewhere.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final, NamedTuple

START: Final = "0" * 64
"""What stands in place of the digest of a line before the first."""
KEYED: Final = "hmac:"
"""What digests begin with that were made with a key."""

_DIGEST: Final = rb"((?:hmac:)?[0-9a-f]{64})"
_JSON: Final = re.compile(rb',"seq":([0-9]{1,15}),"prev":"' + _DIGEST + rb'","hash":"' + _DIGEST + rb'"\}\Z')
_TEXT: Final = re.compile(rb" seq=([0-9]{1,15}) prev=" + _DIGEST + rb" hash=" + _DIGEST + rb"\Z")
_LONGEST: Final = 250
"""Bytes at the end of a line in which all of that stands."""


class Link(NamedTuple):
    """Where a chain has got to.

    Attributes:
        seq: Number of the last line; 0 before the first.
        digest: Its digest.
    """

    seq: int = 0
    digest: str = START


class Seal(NamedTuple):
    """What a line says about its place.

    Attributes:
        seq: Its number.
        prev: The digest of the line before.
        digest: Its own.
        body: What that covers.
    """

    seq: int
    prev: str
    digest: str
    body: bytes

    @property
    def link(self) -> Link:
        """The chain up to this line."""
        return Link(self.seq, self.digest)


class Chain:
    """Makes and checks digests.

    Args:
        key: Secret; None for none.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    @property
    def keyed(self) -> bool:
        """Whether there is a key."""
        return self._key is not None

    def sealed(self, body: str, link: Link, json: bool) -> tuple[bytes, Link]:
        """A line with its place in the chain, and the chain up to it.

        Args:
            body: The line without, in JSON without its last brace.
            link: The chain up to the line before.
            json: Whether it is JSON.
        """
        seq = link.seq + 1
        if json:
            covered = f'{body},"seq":{seq},"prev":"{link.digest}"'.encode()
            digest = self.digest(covered)
            return covered + f',"hash":"{digest}"}}\n'.encode(), Link(seq, digest)
        covered = f"{body} seq={seq} prev={link.digest}".encode()
        digest = self.digest(covered)
        return covered + f" hash={digest}\n".encode(), Link(seq, digest)

    def digest(self, covered: bytes) -> str:
        """The digest of some bytes."""
        if self._key is None:
            return sha256(covered).hexdigest()
        return KEYED + hmac.digest(self._key, covered, "sha256").hex()

    def mark(self, link: Link) -> str:
        """What shows that a note of where the chain ended is ours; empty without a key."""
        if self._key is None:
            return ""
        # (No line looks like this, so none can be passed off as it)
        return hmac.digest(self._key, f"head {link.seq} {link.digest}".encode(), "sha256").hex()

    def holds(self, seal: Seal) -> bool:
        """Whether a line has the digest that it should have."""
        return hmac.compare_digest(self.digest(seal.body), seal.digest)


def holds_without_key(seal: Seal) -> bool:
    """Whether a line is right that was written when there was no key yet."""
    return hmac.compare_digest(sha256(seal.body).hexdigest(), seal.digest)


def seal_of(line: bytes) -> Seal | None:
    """What a line says about its place; None if it says nothing.

    Args:
        line: In either form, without what ends it.
    """
    start = max(0, len(line) - _LONGEST)
    found = _JSON.search(line, start) or _TEXT.search(line, start)
    if found is None:
        return None
    seq, prev, digest = found.groups()
    # (What covers the digest ends where it begins: `,"hash":"` or ` hash=` are left out)
    end = found.end(2) + (1 if line.endswith(b"}") else 0)
    return Seal(int(seq), prev.decode(), digest.decode(), line[:end])
