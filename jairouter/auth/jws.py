"""Signed tokens as they come: three parts with dots between them (RFC 7515, section 7.1). Pure.

What is read here is not to be believed yet. So it is read strictly: whatever two readers could understand in
two ways is refused, and so is everything that asks for a kind of checking that is not done here.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn

MOST_BYTES: Final = 8192
"""Of a token. Longer ones are not looked at: a head of HTTP has hardly room for more."""
MOST_KID: Final = 256
"""Characters of the name of a key."""

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_UNWANTED: Final = frozenset(("b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5u", "zip"))
"""Members of a header that bring a key along, or ask for what is not done (RFC 8725, section 3.10)."""
_TYPES: Final = frozenset(("jwt", "at+jwt", "application/jwt", "application/at+jwt"))


class Malformed(ValueError):
    """It is no token, or no such one as is taken here. The text holds nothing of it."""


class Jws(NamedTuple):
    """A token of which nothing is known to be true yet.

    Attributes:
        algorithm: With which it says that it is signed.
        kid: The name of the key with which it says that it is signed; empty if it says nothing.
        payload: What is signed, as JSON.
        signed: The bytes that are signed.
        signature: The signature.
    """

    algorithm: str
    kid: str
    payload: bytes
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"<Jws {self.algorithm[:20]!r}>"  # the rest is a credential


def read(token: bytes) -> Jws:
    """Take a token apart.

    Raises:
        Malformed: It is none.
    """
    if len(token) > MOST_BYTES:
        raise Malformed("the token is too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise Malformed("a token has three parts")
    header = parse(decode(parts[0]))
    if not _UNWANTED.isdisjoint(header):
        raise Malformed("the token's header asks for what is not done here")
    algorithm, kid = header.get("alg"), header.get("kid", "")
    kind = header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(kid, str) or not isinstance(kind, str):
        raise Malformed("a member of the token's header is of the wrong kind")
    if kind.lower() not in _TYPES or len(kid) > MOST_KID:
        raise Malformed("the token is of another kind")
    payload, signature = decode(parts[1]), decode(parts[2])
    if not payload or not signature:
        raise Malformed("a part of the token is empty")
    return Jws(algorithm, kid, payload, token[: token.rindex(b".")], signature)


def decode(part: bytes) -> bytes:
    """What a part says.

    There is one way alone to write it: no padding, no other characters, no bits at the end that mean nothing.
    With several, a token could be written so that it is not recognised as the one that was revoked.

    Raises:
        Malformed: It is written in another way.
    """
    if part.translate(None, _ALPHABET) or len(part) % 4 == 1:
        raise Malformed("a part of the token is not in base64url")
    data = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if encode(data) != part:
        raise Malformed("a part of the token is not in base64url")
    return data


def encode(data: bytes) -> bytes:
    """Write a part."""
    return urlsafe_b64encode(data).rstrip(b"=")


def parse(data: bytes) -> dict[str, Any]:
    """Read a JSON object in which no name comes twice, at any depth (RFC 7519, section 4).

    Raises:
        Malformed: It is none.
    """
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed("a part of the token is no JSON object") from None
    if not isinstance(value, dict):
        raise Malformed("a part of the token is no JSON object")
    return value


def compose(header: Mapping[str, Any], payload: Mapping[str, Any]) -> bytes:
    """The bytes of a token that are signed."""
    written = (json.dumps(each, separators=(",", ":"), sort_keys=True) for each in (header, payload))
    return b".".join(encode(each.encode("utf-8")) for each in written)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("a member comes twice")
    return members


def _constant(_: str) -> NoReturn:
    raise Malformed("NaN and Infinity are no JSON")


_decoder: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant)
