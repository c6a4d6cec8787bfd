"""Tokens that must be refused: the attacks of RFC 8725, section 2, of OWASP's list, and of tools.

`attacks` makes them for any gateway whose secret is known, one that listens somewhere too.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from typing import Any

_HASHES: dict[str, Callable[..., Any]] = {"HS256": sha256, "HS384": sha384, "HS512": sha512}


def part(value: object) -> bytes:
    """JSON, or text as it is, as a part of a token."""
    text = value if isinstance(value, str | bytes) else json.dumps(value, separators=(",", ":"))
    data = text if isinstance(text, bytes) else text.encode()
    return urlsafe_b64encode(data).rstrip(b"=")


def hs(secret: bytes, header: object, payload: object, algorithm: str = "HS256") -> bytes:
    """A token that is signed with a secret."""
    signed = part(header) + b"." + part(payload)
    return signed + b"." + part(hmac.new(secret, signed, _HASHES[algorithm]).digest())


@dataclass(frozen=True)
class Target:
    """A gateway.

    Attributes:
        good: A good access token of its own, signed with HS256.
        refresh: The refresh token that belongs to it.
        claims: What the good one says.
        header: Its header.
        secret: Its secret.
        now: Seconds since the epoch.
        public: A public key that somebody may take for the gateway's, in PEM form.
    """

    good: bytes
    refresh: bytes
    claims: dict[str, Any]
    header: dict[str, Any]
    secret: bytes
    now: float
    public: bytes = b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


def attacks(target: Target) -> Iterator[tuple[str, bytes]]:
    """Names of attacks, and tokens: to be refused with 401 and INVALID_JWT_TOKEN."""
    for each in (_unsigned, _other_keys, _headers, _claims, _written, _shapes):
        yield from each(target)


def expired(target: Target) -> Iterator[tuple[str, bytes]]:
    """Tokens with a good signature that are not valid any more: 401 and EXPIRED_JWT_TOKEN."""
    for age in (400, 3600, 86400 * 365):
        claims = target.claims | {"exp": int(target.now) - age, "iat": 1, "nbf": 1}
        yield f"expired {age} s ago", hs(target.secret, target.header, claims)
    yield (
        "expired, in fractions",
        hs(target.secret, target.header, target.claims | {"exp": 1.5, "iat": 1, "nbf": 1}),
    )


def _unsigned(target: Target) -> Iterator[tuple[str, bytes]]:
    payload = part(target.claims)
    for name in ("none", "None", "NONE", "nOnE", "", None, "HS256 "):
        header = part(target.header | {"alg": name})
        yield f"alg {name!r} without a signature", b".".join((header, payload, b""))
        yield f"alg {name!r} with two parts", header + b"." + payload
        yield f"alg {name!r} with a signature", b".".join((header, payload, target.good.split(b".")[2]))
    yield "no signature", target.good.rpartition(b".")[0] + b"."
    yield "no alg", hs(target.secret, {"typ": "JWT"}, target.claims)
    yield "a signature of zeros", target.good.rpartition(b".")[0] + b"." + part(b"\0" * 32)
    yield "the signature of another", b".".join((*target.good.split(b".")[:2], target.refresh.split(b".")[2]))
    yield (
        "changed claims",
        b".".join(
            (target.good.split(b".")[0], part(target.claims | {"sub": "root"}), target.good.split(b".")[2])
        ),
    )


def _other_keys(target: Target) -> Iterator[tuple[str, bytes]]:
    header = {"typ": "JWT"}
    for secret in (
        b"",
        b"secret",
        b"changeme",
        b"null",
        b"0",
        b"your-256-bit-secret",
        target.secret[:-1],
        target.public,
    ):
        yield f"HS256 with {secret[:12]!r}", hs(secret, header | {"alg": "HS256"}, target.claims)
        named = header | {"alg": "HS256", "kid": target.header["kid"]}
        yield f"HS256 with {secret[:12]!r} and our kid", hs(secret, named, target.claims)
    for algorithm in ("HS384", "HS512"):
        for kid in ({}, {"kid": target.header["kid"]}):
            said = header | kid | {"alg": algorithm}
            yield f"our secret with {algorithm} {kid}", hs(target.secret, said, target.claims, algorithm)
    for algorithm in ("RS256", "ES256", "PS256", "EdDSA", "ES256K", "HS1", "hs256"):
        yield (
            f"an HMAC called {algorithm}",
            hs(target.secret, target.header | {"alg": algorithm}, target.claims),
        )


def _headers(target: Target) -> Iterator[tuple[str, bytes]]:
    jwk = {"kty": "oct", "k": part(b"attacker").decode(), "alg": "HS256"}
    extra: dict[str, Any] = {
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/cert",
        "x5c": ["MIIB"],
        "jwk": jwk,
        "crit": ["exp"],
        "b64": False,
        "cty": "JWT",
        "zip": "DEF",
        "enc": "A128GCM",
    }
    for name, value in extra.items():
        # With our own secret: each of them alone has to be enough
        yield f"header {name}", hs(target.secret, target.header | {name: value}, target.claims)
    yield "crit and b64", hs(target.secret, target.header | {"crit": ["b64"], "b64": True}, target.claims)
    yield "crit that is empty", hs(target.secret, target.header | {"crit": []}, target.claims)
    yield "jwk, signed with it", hs(b"attacker", {"alg": "HS256", "jwk": jwk}, target.claims)
    kids: tuple[Any, ...] = (
        "../../../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "' UNION SELECT 'secret'; --",
        "x' OR '1'='1",
        "| /usr/bin/id",
        "http://attacker.example/key",
        "unknown",
        "A" * 300,
        "\0",
        "__class__",
        0,
        None,
        True,
        [],
        {},
        ["a"],
    )
    for kid in kids:
        header = target.header | {"kid": kid}
        yield f"kid {str(kid)[:40]!r}", hs(b"", header, target.claims)
        yield f"kid {str(kid)[:40]!r} with our secret", hs(target.secret, header, target.claims)
    for kind in ("JWE", "secevent+jwt", "dpop+jwt", "logout+jwt", "", 1, None, ["JWT"]):
        yield f"typ {kind!r}", hs(target.secret, target.header | {"typ": kind}, target.claims)


def _claims(target: Target) -> Iterator[tuple[str, bytes]]:
    now = int(target.now)
    wrong: dict[str, tuple[Any, ...]] = {
        "iss": (None, "", "attacker", "jairouter/", "Jairouter", ["jairouter"], {"a": 1}, 1, True),
        "aud": ("somebody else", ["somebody", "else"], [1], 1, {"a": "b"}, True, [[]]),
        "sub": (None, "", " \n", 1, True, ["alice"], {"a": 1}, "a" * 300, "al\0ice", "al\nice", "\ud800"),
        "exp": (None, str(now + 3600), True, [now + 3600], {"$gt": 0}, -1, 10**400, 10**20),
        "nbf": (now + 4000, str(now), True, None, [], 10**400, -1),
        "iat": (now + 4000, str(now), False, None, {}, -1),
        "jti": ("", 1, ["j"], None, "j" * 300),
        "fam": ("", 1, ["f"], None),
        "typ": ("refresh", "ACCESS", "", None, 1, ["access"], "Bearer"),
        "gen": ("1", 1.5, True, []),
    }
    for name, values in wrong.items():
        for value in values:
            told = f"{name} {str(value)[:30]!r} ({type(value).__name__})"
            yield told, hs(target.secret, target.header, _ascii(target.claims | {name: value}))
    for name in ("iss", "sub", "exp", "jti", "fam", "typ"):
        left = {key: value for key, value in target.claims.items() if key != name}
        yield f"no {name}", hs(target.secret, target.header, left)
    yield "exp NaN", hs(target.secret, target.header, _text(target, exp="NaN"))
    yield "exp Infinity", hs(target.secret, target.header, _text(target, exp="Infinity"))
    yield "exp 1e999", hs(target.secret, target.header, _text(target, exp="1e999"))
    yield "a refresh token", target.refresh


def _ascii(claims: dict[str, Any]) -> str:
    return json.dumps(claims)


def _text(target: Target, **raw: str) -> str:
    """The claims as JSON, with some values as they are."""
    rest = {key: value for key, value in target.claims.items() if key not in raw}
    return json.dumps(rest)[:-1] + "".join(f',"{name}":{value}' for name, value in raw.items()) + "}"


def _written(target: Target) -> Iterator[tuple[str, bytes]]:
    twice = json.dumps(target.claims)[:-1] + ',"sub":"root"}'
    yield "a claim twice", hs(target.secret, target.header, twice)
    inner = json.dumps(target.claims)[:-1] + ',"x":{"a":1,"a":2}}'
    yield "a member twice, further in", hs(target.secret, target.header, inner)
    header = json.dumps(target.header)[:-1] + ',"alg":"none"}'
    yield "alg twice", hs(target.secret, header, target.claims)
    escaped = json.dumps(target.header)[:-1] + ',"\\u0061lg":"HS256"}'
    yield "alg twice, once escaped", hs(target.secret, escaped, target.claims)
    deep = "[" * 3000
    yield "deep header", hs(target.secret, '{"alg":"HS256","x":' + deep, target.claims)
    yield "deep claims", hs(target.secret, target.header, '{"x":' + deep + "]" * 3000 + "}")
    yield "a number of 5000 digits", hs(target.secret, target.header, _text(target, exp="9" * 5000))
    for name, payload in (
        ("a list", "[]"),
        ("a text", '"x"'),
        ("null", "null"),
        ("nothing", ""),
        ("no JSON", "{exp:1}"),
        ("half of JSON", '{"exp":'),
        ("two objects", "{}{}"),
        ("not UTF-8", b'{"sub":"\xff\xfe"}'),
        ("UTF-16", json.dumps(target.claims).encode("utf-16")),
        ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(target.claims).encode()),
    ):
        yield f"claims that are {name}", hs(target.secret, target.header, payload)
        yield f"a header that is {name}", hs(target.secret, payload, target.claims)
    yield "a token in a token", hs(target.secret, target.header, target.good)
    yield "a token in a token, which says so", hs(target.secret, target.header | {"cty": "JWT"}, target.good)


def _shapes(target: Target) -> Iterator[tuple[str, bytes]]:
    good, (head, body, signature) = target.good, target.good.split(b".")
    yield "nothing", b""
    yield "dots", b".."
    yield "many dots", b"." * 5000
    yield "four parts", good + b".x"
    yield "five parts", b".".join((head, b"", b"", body, signature))
    yield (
        "JSON serialisation",
        json.dumps({"payload": body.decode(), "signature": signature.decode()}).encode(),
    )
    for cut in (1, 10, len(signature) - 1, len(signature), len(signature) + 1, len(good) - 5, len(good) - 1):
        yield f"{cut} bytes too short", good[:-cut]
    yield "without its first byte", good[1:]
    yield "padded", good + b"="
    yield "padded within", b".".join((head + b"=", body, signature))
    last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    yield "other bits at the end", good[:-1] + last[last.index(good[-1:]) ^ 1 :][:1]
    yield "base64 in place of base64url", b".".join((head, body, b"+/" + signature[2:]))
    for name, space in (
        ("space", b" "),
        ("tab", b"\t"),
        ("line break", b"\n"),
        ("NUL", b"\0"),
        ("no-break space", b"\xa0"),
    ):
        yield f"{name} before", space + good
        yield f"{name} after", good + space
        yield f"{name} within", good[:50] + space + good[50:]
    for word in (b"Bearer ", b"bearer ", b"Bearer Bearer ", b"JWT ", b"Basic "):
        yield f"{word!r} before", word + good
    yield "two tokens", good + b"," + good
    yield "in quotes", b'"' + good + b'"'
    yield "not ASCII", "ä".encode() + good
    yield "full width", good[:-1] + "\uff21".encode()
    yield "1 MB of a letter", b"a" * 2**20
    yield "1 MB of claims", hs(target.secret, target.header, target.claims | {"x": "a" * 2**20})
    yield "more than 8 kB of claims", hs(target.secret, target.header, target.claims | {"x": "a" * 8192})
