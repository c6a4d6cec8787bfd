"""Keys that signatures are made and checked with, each bound to the algorithms that it is for.

RFC 8725, section 3.1: what a token says about its algorithm decides nothing. A key has its algorithms from
where it was configured; with any other one it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from jairouter.auth import jws

LEAST_BYTES: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Of a secret: as many as the hash has (RFC 7518, section 3.2)."""
LEAST_BITS: Final = 2048
"""Of an RSA key (RFC 7518, section 3.3)."""
MOST_BITS: Final = 8192
"""Likewise: checking one signature with 16384 bits takes longer than a whole request."""
CURVES: Final[Mapping[str, str]] = {"ES256": "secp256r1", "ES384": "secp384r1"}

_RS: Final = ("RS256", "RS384", "RS512")
_OF_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_RSA: Final = frozenset((*_RS, "PS256", "PS384", "PS512"))
_ALGORITHMS: Final = get_default_algorithms()
_MEMBERS: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
"""Those of a public key in JSON that make its thumbprint (RFC 7638, section 3.2; RFC 8037, section 2)."""

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey


class Unfit(ValueError):
    """It is no key that could be used; the text says why, and holds nothing of it."""


class Key(NamedTuple):
    """What signatures are checked with.

    Attributes:
        kid: Its name.
        algorithms: What it is for.
        check: Whether a signature is good, by algorithm, signed bytes and signature.
    """

    kid: str
    algorithms: frozenset[str]
    check: Callable[[str, bytes, bytes], bool]

    def __repr__(self) -> str:
        return f"<Key {self.kid[:20]!r}>"

    def fits(self, token: jws.Jws) -> bool:
        """Whether a token is signed with it."""
        return token.algorithm in self.algorithms and self.check(
            token.algorithm, token.signed, token.signature
        )


class Signer(NamedTuple):
    """What tokens are signed with.

    Attributes:
        kid: The name of its key.
        algorithm: What it does.
        sign: Signs bytes. May take a millisecond or more, where the key is an RSA key.
    """

    kid: str
    algorithm: str
    sign: Callable[[bytes], bytes]

    def __repr__(self) -> str:
        return f"<Signer {self.algorithm}>"

    def token(self, payload: Mapping[str, Any]) -> bytes:
        """A token that says this."""
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        signed = jws.compose(header, payload)
        return signed + b"." + jws.encode(self.sign(signed))


def secret_key(secret: bytes, algorithms: frozenset[str]) -> tuple[Key, Callable[[str, bytes], bytes]]:
    """A secret as a key, and what signs with it.

    The thumbprint of a secret would let somebody try out guesses; so would every token that is signed with
    it. That is why secrets that can be guessed are refused.

    Raises:
        Unfit: It is something else, such as a key in PEM form.
    """
    made = _ALGORITHMS["HS256"]
    try:
        made.prepare_key(secret)  # refuses what is a public key, which everybody may know
    except (PyJWTError, RecursionError):
        raise Unfit("it is a key of another kind, which is no secret") from None
    thumbprint = _thumbprint({"k": jws.encode(secret).decode("ascii"), "kty": "oct"})

    def sign(algorithm: str, data: bytes) -> bytes:
        signature: bytes = _ALGORITHMS[algorithm].sign(data, secret)
        return signature

    def check(algorithm: str, data: bytes, signature: bytes) -> bool:
        good: bool = _ALGORITHMS[algorithm].verify(data, secret, signature)
        return good

    return Key(thumbprint, algorithms, check), sign


def secret_signer(secret: bytes, algorithm: str) -> tuple[Signer, Key]:
    """What signs with a secret, and checks what it has signed."""
    key, sign = secret_key(secret, frozenset((algorithm,)))
    return Signer(key.kid, algorithm, lambda data: sign(algorithm, data)), key


def private_signer(private: PrivateKey, algorithm: str) -> tuple[Signer, Key]:
    """What signs with a private key, and checks what it has signed."""
    key = public_key(private.public_key(), frozenset((algorithm,)))

    def sign(data: bytes) -> bytes:
        signature: bytes = _ALGORITHMS[algorithm].sign(data, private)
        return signature

    return Signer(key.kid, algorithm, sign), key


def public_key(public: Any, algorithms: frozenset[str], kid: str = "") -> Key:
    """A public key.

    Args:
        public: Of the package cryptography.
        algorithms: What it is for.
        kid: Its name; its thumbprint if it has none.
    """
    name = kid or _thumbprint(_ALGORITHMS[min(algorithms)].to_jwk(public, as_dict=True))

    def check(algorithm: str, data: bytes, signature: bytes) -> bool:
        try:
            good: bool = _ALGORITHMS[algorithm].verify(data, public, signature)
        except (ValueError, PyJWTError, UnsupportedAlgorithm):
            return False
        return good

    return Key(name, algorithms, check)


def family_of(public: object) -> frozenset[str]:
    """What a public key could be for, of the algorithms that can be configured.

    Raises:
        Unfit: Nothing.
    """
    if isinstance(public, RSAPublicKey):
        _check_size(public)
        return frozenset(_RS)
    if isinstance(public, EllipticCurvePublicKey):
        for algorithm, curve in CURVES.items():
            if public.curve.name == curve:
                return frozenset((algorithm,))
        raise Unfit(f"it is a key on the curve {public.curve.name}; ES256 needs P-256, ES384 needs P-384")
    raise Unfit("it is neither an RSA key nor one on an elliptic curve")


def published(members: Mapping[str, Any]) -> Key | None:
    """A key as others publish it (RFC 7517, section 4); None for one that is not for checking signatures.

    Raises:
        Unfit: It cannot be used. Secrets cannot: what is published is none.
    """
    kind, kid, said = (members.get(name, "") for name in ("kty", "kid", "alg"))
    uses, operations = members.get("use", "sig"), members.get("key_ops", ["verify"])
    if uses != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if not all(isinstance(each, str) for each in (kind, kid, said)) or len(kid) > jws.MOST_KID:
        raise Unfit("a member of it is of the wrong kind")
    if kind not in _MEMBERS:
        raise Unfit("it is a key of a kind that is not used here")
    if "d" in members:  # RFC 7518, sections 6.2.2 and 6.3.2: whoever can read it can sign with it
        raise Unfit("it is a private key, which everybody knows now")
    public = {name: members.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(each, str) and len(each) <= _MOST_CHARACTERS for each in public.values()):
        raise Unfit("a member of it is missing, or of the wrong kind")
    could = _RSA if kind == "RSA" else frozenset((_OF_CURVE.get(str(public["crv"]), ""),))
    # RFC 7517, section 4.4: `alg` is optional. Microsoft leaves it out, and signs with RS256
    algorithms = could & {said} if said else frozenset(_RS) if kind == "RSA" else could
    if not algorithms or not algorithms <= _ALGORITHMS.keys():
        raise Unfit("it is for an algorithm that is not used here")
    try:
        made = _ALGORITHMS[min(algorithms)].from_jwk(public)
        if isinstance(made, RSAPublicKey):
            _check_size(made)
        return public_key(made, algorithms, kid)
    except (ValueError, TypeError, PyJWTError, UnsupportedAlgorithm):
        raise Unfit("it is no such key as it says") from None


_MOST_CHARACTERS: Final = 2 * MOST_BITS // 6


def _check_size(public: RSAPublicKey) -> None:
    if not LEAST_BITS <= public.key_size <= MOST_BITS:
        raise Unfit(f"it is an RSA key with {public.key_size} bits; {LEAST_BITS} to {MOST_BITS} are needed")


def _thumbprint(members: Mapping[str, Any]) -> str:
    """RFC 7638, section 3."""
    wanted = _MEMBERS.get(members["kty"], ("k", "kty"))
    written = ",".join(f'"{name}":"{members[name]}"' for name in sorted(wanted))
    return jws.encode(sha256(f"{{{written}}}".encode()).digest()).decode("ascii")
