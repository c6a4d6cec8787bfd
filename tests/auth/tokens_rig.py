"""What tests of tokens have in common: keys, settings, and a gateway's part that knows tokens."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.auth.acting import By
from jairouter.auth.algorithms import Signer, secret_signer
from jairouter.auth.minting import Issued
from jairouter.auth.permissions import granted_to_roles
from jairouter.auth.recognition import Publish
from jairouter.auth.signing import Signing, read_signing
from jairouter.auth.tokens import Tokens
from jairouter.auth.verifying import Bearer
from jairouter.caller import Caller
from jairouter.config.faults import Findings
from jairouter.config.settings.tokens import JwtSettings
from jairouter.errors import Reason, Unauthenticated
from jairouter.refusals import StoreUnavailable
from jairouter.store.document import Document

TODAY = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
SECRET = "qL9v2RkX8sWz4TnB7mHc3YdF6gJp1ZtA5eUo0iKx"
BY = By("root", "192.0.2.9", "r1", "lost")
OTHER = "Zx81mQp0vNc72KdLs94TgYbH5jWeRu3Fa6iOoXkC"


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """A key; making one takes a while."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(curve: str = "p256", number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A key."""
    curves: dict[str, Any] = {
        "p256": ec.SECP256R1,
        "p384": ec.SECP384R1,
        "p521": ec.SECP521R1,
        "k1": ec.SECP256K1,
    }
    return ec.generate_private_key(curves[curve]())


def pem(private: Any) -> str:
    """A private key as text."""
    return str(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def public_pem(private: Any) -> str:
    """Its public key as text."""
    form = PublicFormat.SubjectPublicKeyInfo
    return str(private.public_key().public_bytes(Encoding.PEM, form).decode())


def settings_of(**given: Any) -> JwtSettings:
    """Settings of tokens that are signed with a secret, or as given."""
    if "algorithm" not in given and "jwks_url" not in given:
        given = {"secret": SECRET, **given}
    return JwtSettings.model_validate({"enabled": True, **given})


def signing_of(**given: Any) -> Signing:
    """What signs and what checks, of settings that are in order."""
    findings = Findings()
    signing = read_signing(settings_of(**given), {}, findings, development=False)
    assert signing is not None, findings.faults
    return signing


def signer_of(secret: str = SECRET, algorithm: str = "HS256") -> Signer:
    """Signs as the gateway does."""
    return secret_signer(secret.encode(), algorithm)[0]


@implementer(IAudit)
class Audit:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def often(self, event: Event) -> None:
        self.events.append(event)


class Disk:
    """What runs in a thread; it may be full, or slow.

    Attributes:
        full: Whether nothing can be written.
        slow: Whether what is written waits for `turn`.
    """

    def __init__(self) -> None:
        self.full = False
        self.slow = False
        self._waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        if self.full:
            return fail(StoreUnavailable("the disk is full"))
        if not self.slow:
            return maybeDeferred(function, *arguments)
        waiting: Deferred[Any] = Deferred()
        self._waiting.append((waiting, lambda: function(*arguments)))
        return waiting

    def turn(self) -> None:
        """What waits is done."""
        waiting, self._waiting = self._waiting, []
        for each, work in waiting:
            maybeDeferred(work).chainDeferred(each)


class MemoryFile:
    """A file of a document, in memory; several gateways may share it."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.mark = 0

    def read(self) -> tuple[dict[str, Any], object]:
        return deepcopy(self.value), self.mark

    def read_if_changed(self, seen: object) -> tuple[dict[str, Any], object] | None:
        return None if seen == self.mark else self.read()

    def change(self, edit: Callable[[dict[str, Any]], Any]) -> tuple[Any, dict[str, Any], object]:
        value, _ = self.read()
        result = edit(value)
        self.value, self.mark = value, self.mark + 1
        return result, self.read()[0], self.mark


class TokensCase(SynchronousTestCase):
    """A part of a gateway that knows tokens, with accounts and a clock."""

    def setUp(self) -> None:
        self.now = TODAY
        self.accounts: dict[str, frozenset[str]] = {
            "alice": granted_to_roles(["USER"]),
            "root": granted_to_roles(["ADMIN"]),
        }
        self.audit = Audit()
        self.disk = Disk()
        self.file = MemoryFile()
        self.tokens = self.make()

    def make(self, publish: Publish | None = None, seed: int = 0, **given: Any) -> Tokens:
        """Another gateway that shares what is kept."""
        document = Document("tokens", self.file, self.disk.run)  # type: ignore[arg-type]  # as good as one
        document.load()
        self.document = document
        return Tokens(
            signing_of(**given),
            document,
            lambda: self.now,
            Random(seed),
            self.audit,
            self.accounts.get,
            None,
            publish,
        )

    def login(self, user: str = "alice", tokens: Tokens | None = None, *roles: str) -> Issued:
        """The tokens of a login."""
        issuing = (tokens or self.tokens).issue(user, roles or ("USER",), "192.0.2.7")
        issued: Issued = self.successResultOf(issuing)
        return issued

    def caller(self, token: str | bytes, tokens: Tokens | None = None) -> Caller:
        """Who shows a token."""
        data = token.encode() if isinstance(token, str) else token
        caller = (tokens or self.tokens).authenticate(data)
        assert isinstance(caller, Caller)
        return caller

    def reason(self, token: str | bytes, tokens: Tokens | None = None) -> Reason:
        """Why a token is refused."""
        with self.assertRaises(Unauthenticated) as raised:
            self.caller(token, tokens)
        return cast("Unauthenticated", raised.exception).reason

    def claims(self, **other: Any) -> dict[str, Any]:
        """What a good token of ours says, or something else; None leaves something out."""
        said: dict[str, Any] = {
            "iss": "jairouter",
            "sub": "alice",
            "iat": int(self.now),
            "nbf": int(self.now),
            "exp": int(self.now) + 3600,
            "jti": "j1",
            "fam": "f1",
            "typ": "access",
            "roles": ["USER"],
        } | other
        return {name: value for name, value in said.items() if value is not None}

    def signed(self, signer: Signer | None = None, **claims: Any) -> bytes:
        """A token that says this, with a good signature."""
        return (signer or signer_of()).token(self.claims(**claims))

    def kinds(self) -> list[str]:
        """The kinds of what was recorded."""
        return [event.kind for event in self.audit.events]


class LifeCase(TokensCase):
    """With words for what is done to tokens."""

    def bearer(self, token: str) -> Bearer:
        bearer: Bearer = self.successResultOf(self.tokens.examine(token.encode()))
        return bearer

    def renewed(self, token: str) -> Issued:
        issued: Issued = self.successResultOf(self.tokens.refresh(token.encode(), "192.0.2.8"))
        return issued

    def not_renewed(self, token: str) -> Reason:
        failure = self.failureResultOf(self.tokens.refresh(token.encode()), Unauthenticated)
        reason: Reason = failure.value.reason
        return reason
