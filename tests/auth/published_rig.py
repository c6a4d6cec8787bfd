"""What tests of tokens have in common that somebody else has issued."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from twisted.internet.defer import Deferred

from jairouter.auth import jws
from jairouter.auth.algorithms import Signer, private_signer
from jairouter.auth.jwks import PublishedKeys
from jairouter.auth.key_fetch import NotFetched
from jairouter.auth.signing import Elsewhere
from jairouter.caller import Caller
from jairouter.errors import Unauthenticated
from jairouter.upstream.tls import BackendTls
from tests.auth.tokens_rig import TokensCase, ec_key, rsa_key

ISSUER = "https://login.example.com"
URL = ISSUER + "/keys?tenant=secret"
RS, ES = rsa_key(), ec_key()


def jwk(key: Any, kid: str = "k1", **other: Any) -> dict[str, Any]:
    """A public key as others publish it; None leaves a member out."""
    public = key.public_key()
    kind = (
        RSAAlgorithm if hasattr(public, "key_size") and isinstance(public, rsa.RSAPublicKey) else ECAlgorithm
    )
    made: dict[str, Any] = dict(kind.to_jwk(public, as_dict=True))
    made = made | {"kid": kid, "use": "sig"} | other
    made.pop("key_ops", None) if "key_ops" not in other else None
    return {name: value for name, value in made.items() if value is not None}


def key_set(*keys: dict[str, Any]) -> bytes:
    """A page with keys."""
    return json.dumps({"keys": [*keys]}).encode()


class PublishedCase(TokensCase):
    """A gateway, and somebody else who publishes keys when the test does."""

    given: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[tuple[str, BackendTls | None]] = []
        self.pages: list[Deferred[bytes]] = []
        self.gateway = self.make(
            self.publish, jwks_url=URL, jwks_issuer=ISSUER, audience=["gateway"], **self.given
        )

    def publish(self, elsewhere: Elsewhere, changed: Any) -> PublishedKeys:
        return PublishedKeys(elsewhere, self.fetch, lambda: self.now, changed)

    def fetch(self, url: str, tls: BackendTls | None) -> Deferred[bytes]:
        self.asked.append((url, tls))
        self.pages.append(Deferred())
        return self.pages[-1]

    def page(self, *keys: dict[str, Any]) -> None:
        """The oldest question is answered."""
        self.pages.pop(0).callback(key_set(*keys))

    def nothing(self) -> None:
        """The oldest question is not."""
        self.pages.pop(0).errback(NotFetched("status 500"))

    def foreign(
        self, kid: str | None = "k1", key: Any = RS, algorithm: str = "RS256", **claims: Any
    ) -> bytes:
        signer, _ = private_signer(key, algorithm)
        said = {"iss": ISSUER, "sub": "bob", "aud": "gateway", "typ": None, "fam": None} | claims
        if kid is None:
            signed = jws.compose({"alg": algorithm}, self.claims(**said))
            return signed + b"." + jws.encode(signer.sign(signed))
        return Signer(kid, algorithm, signer.sign).token(self.claims(**said))

    def ask(self, token: bytes) -> Deferred[Caller]:
        waiting = self.gateway.authenticate(token)
        assert isinstance(waiting, Deferred)
        return waiting

    def known(self, *keys: dict[str, Any]) -> None:
        """The keys are fetched."""
        waiting = self.ask(self.foreign("first of all"))
        self.page(*keys)
        self.failureResultOf(waiting, Unauthenticated)
