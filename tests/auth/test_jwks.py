"""Keys that somebody else publishes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent

from jairouter.auth import jws
from jairouter.auth.algorithms import Signer, private_signer
from jairouter.auth.jwks import KeysUnavailable, PublishedKeys, read_keys
from jairouter.auth.key_fetch import NotFetched
from jairouter.auth.permissions import granted
from jairouter.auth.signing import Elsewhere
from jairouter.auth.tokens import By
from jairouter.caller import Caller
from jairouter.errors import Reason, Unauthenticated
from jairouter.upstream.tls import BackendTls
from tests.auth.token_attacks import hs
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


class FetchingTests(PublishedCase):
    """When keys are fetched, and what happens meanwhile."""

    def test_first(self) -> None:
        waiting = self.ask(self.foreign())
        self.assertNoResult(waiting)
        self.assertEqual(self.asked, [(URL, None)])
        self.page(jwk(RS))
        self.assertEqual(self.successResultOf(waiting).name, f"bob@{ISSUER}")

    def test_shared(self) -> None:
        """All who wait, wait for the same."""
        waiting = [self.ask(self.foreign(jti=f"j{n}")) for n in range(5)]
        self.assertEqual(len(self.asked), 1)
        self.page(jwk(RS))
        for each in waiting:
            self.successResultOf(each)

    def test_known_at_once(self) -> None:
        self.known(jwk(RS))
        self.assertEqual(self.caller(self.foreign(), self.gateway).name, f"bob@{ISSUER}")
        self.assertEqual(len(self.asked), 1)

    def test_one_who_leaves(self) -> None:
        """The others go on waiting."""
        leaving, staying = self.ask(self.foreign()), self.ask(self.foreign(jti="j2"))
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.page(jwk(RS))
        self.successResultOf(staying)

    def test_own_tokens_wait_for_nothing(self) -> None:
        both = self.make(self.publish, secret=None, jwks_url=URL)
        self.assertIs(self.reason(b"a.b.c", both), Reason.UNKNOWN_TOKEN)
        own = self.make(self.publish, jwks_url=URL, secret="qL9v2RkX8sWz4TnB7mHc3YdF6gJp1ZtA5eUo0iKx")
        self.assertEqual(self.caller(self.login(tokens=own).access, own).name, "alice")
        self.assertEqual(self.asked, [])

    def test_never_fetched(self) -> None:
        """Nobody can say whether the token is good, which is not its fault: 503."""
        waiting = self.ask(self.foreign())
        with capturedLogs() as logged:
            self.nothing()
        error = self.failureResultOf(waiting, KeysUnavailable).value
        self.assertEqual((error.status, error.retry_after), (503, 30))
        self.assertIn("https://login.example.com/keys cannot be fetched: status 500", self.told(logged))
        self.now += 10
        with self.assertRaises(KeysUnavailable) as raised:
            self.gateway.authenticate(self.foreign())
        self.assertEqual(raised.exception.retry_after, 20)

    def told(self, logged: Any) -> str:
        return "\n".join(formatEvent(each) for each in logged)

    def test_told_once(self) -> None:
        self.addCleanup(self.flushLoggedErrors)
        with capturedLogs() as logged:
            for _ in range(3):
                waiting = self.ask(self.foreign())
                self.nothing()
                self.failureResultOf(waiting, KeysUnavailable)
                self.now += 30
            self.known(jwk(RS))
        told = self.told(logged).splitlines()
        self.assertEqual(
            [line.split(" can")[1][:20] for line in told], ["not be fetched: stat", " be fetched again"]
        )
        self.assertNotIn("tenant=secret", self.told(logged))

    def test_pages_that_are_none(self) -> None:
        for page in (
            b"",
            b"[]",
            b"{}",
            b'{"keys":{}}',
            b'{"keys":[]}',
            b'{"keys":[{}]}',
            b"\xff",
            b"[" * 90_000,
        ):
            waiting = self.ask(self.foreign())
            self.pages.pop(0).callback(page)
            self.failureResultOf(waiting, KeysUnavailable)
            self.now += 30


class OldKeysTests(PublishedCase):
    """Keys that were fetched some time ago."""

    def setUp(self) -> None:
        super().setUp()
        self.known(jwk(RS))

    def call(self, **claims: Any) -> Any:
        """A token that nobody remembers."""
        return self.gateway.authenticate(self.foreign(jti=f"{self.now}", **claims))

    def test_a_little_too_old(self) -> None:
        """Used at once, and fetched meanwhile."""
        self.now += 601
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 2)
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 2)
        self.page(jwk(ES, "k2"))
        with self.assertRaises(Unauthenticated):
            self.call()
        self.assertEqual(len(self.asked), 2)

    def test_much_too_old(self) -> None:
        """Perhaps the key was withdrawn long ago: waited for."""
        self.now += 1201
        waiting = self.call()
        self.assertNoResult(waiting)
        self.page(jwk(ES, "k2"))
        self.failureResultOf(waiting, Unauthenticated)

    def test_while_nothing_can_be_fetched(self) -> None:
        self.now += 600 + 86400
        waiting = self.call()
        self.nothing()
        self.assertIsInstance(self.successResultOf(waiting), Caller)
        self.now += 1
        with self.assertRaises(KeysUnavailable):
            self.call()

    def test_unknown_kid(self) -> None:
        """Asked for at once, but not again and again: anybody can make one up."""
        self.now += 30
        for _ in range(3):
            waiting = self.gateway.authenticate(self.foreign("new"))
            self.page(jwk(RS), jwk(RS, "new"))
            assert isinstance(waiting, Deferred)
            self.successResultOf(waiting)
            for n in range(5):
                self.now += 5
                with self.assertRaises(Unauthenticated):
                    self.gateway.authenticate(self.foreign(f"made up {n}"))
            self.gateway.forget()
            self.now += 5
            waiting = self.gateway.authenticate(self.foreign("newer"))
            self.page(jwk(RS))
            assert isinstance(waiting, Deferred)
            self.failureResultOf(waiting, Unauthenticated)
            self.now += 30

    def test_key_that_was_withdrawn(self) -> None:
        """What was checked with it is not remembered for longer than keys are."""
        token = self.foreign(exp=int(self.now) + 86400)
        self.caller(token, self.gateway)
        self.now += 599
        self.caller(token, self.gateway)
        self.assertEqual(len(self.asked), 1)
        self.now += 700
        waiting = self.gateway.authenticate(token)
        assert isinstance(waiting, Deferred)
        self.page(jwk(ES))
        self.failureResultOf(waiting, Unauthenticated)

    def test_other_keys_make_it_forget(self) -> None:
        token = self.foreign()
        self.caller(token, self.gateway)
        self.now += 30
        waiting = self.ask(self.foreign("new"))
        self.page(jwk(ES))
        self.failureResultOf(waiting, Unauthenticated)
        self.assertIs(self.reason(token, self.gateway), Reason.UNKNOWN_TOKEN)

    def test_reload(self) -> None:
        """The keys stay known, as long as they come from the same place."""
        signing = self.gateway._signing
        self.gateway.configure(signing)
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 1)
        self.gateway.configure(
            self.make(self.publish, jwks_url=ISSUER + "/other", audience=["gateway"])._signing
        )
        self.assertIsInstance(self.gateway.authenticate(self.foreign(iss="jairouter")), Deferred)

    def test_stop(self) -> None:
        """Nobody waits any more."""
        self.now += 30
        waiting = self.gateway.authenticate(self.foreign("new"))
        assert isinstance(waiting, Deferred)
        self.gateway.close()
        self.failureResultOf(waiting, Unauthenticated)


class ForeignTests(PublishedCase):
    """What tokens say that others have issued."""

    def setUp(self) -> None:
        super().setUp()
        self.known(jwk(RS), jwk(ES, "k2"))

    def may(self, **claims: Any) -> frozenset[str]:
        self.gateway.forget()
        return self.caller(self.foreign(**claims), self.gateway).permissions

    def test_roles(self) -> None:
        self.assertEqual(self.may(roles=["user", "offline_access", 1, None]), granted(["read"]))
        self.assertEqual(self.may(roles="user"), granted(["read"]))
        self.assertEqual(self.may(roles=["ROLE_ADMIN"]), granted(["admin"]))
        self.assertEqual(self.may(roles=None), frozenset())
        self.assertEqual(self.may(roles={"a": 1}), frozenset())

    def test_scope(self) -> None:
        """Words with a colon; those without are scopes of anything."""
        self.assertEqual(self.may(roles=None, scope="openid chat:read admin write *"), granted(["chat:read"]))

    def test_roles_further_in(self) -> None:
        self.given = {"roles_claim": "realm_access.roles"}
        self.setUp()
        self.assertEqual(self.may(realm_access={"roles": ["USER"]}, roles=["ADMIN"]), granted(["read"]))
        self.assertEqual(self.may(realm_access=["USER"]), frozenset())
        self.assertEqual(self.may(**{"realm_access.roles": ["USER"]}), granted(["read"]))

    def test_name_is_no_account_of_ours(self) -> None:
        """Whoever chooses their name there must not pass for somebody here."""
        self.assertEqual(self.caller(self.foreign(sub="root"), self.gateway).name, f"root@{ISSUER}")

    def test_no_account_is_needed(self) -> None:
        self.accounts.clear()
        self.caller(self.foreign(), self.gateway)

    def test_issuer_and_audience(self) -> None:
        wrong: tuple[dict[str, Any], ...] = (
            {"iss": "jairouter"},
            {"iss": None},
            {"aud": None},
            {"aud": "another"},
            {"aud": []},
            {"typ": "Refresh"},
            {"typ": "ID"},
        )
        for claims in wrong:
            self.assertIs(self.reason(self.foreign(**claims), self.gateway), Reason.UNKNOWN_TOKEN)
        self.caller(self.foreign(aud=["another", "gateway"]), self.gateway)
        self.caller(self.foreign(typ="Bearer"), self.gateway)

    def test_cannot_issue_ours(self) -> None:
        """Who may say who is who there, may not say so here."""
        own = self.make(
            self.publish, jwks_url=URL, jwks_issuer=ISSUER, secret="qL9v2RkX8sWz4TnB7mHc3YdF6gJp1ZtA"
        )
        waiting = own.authenticate(self.foreign(iss="jairouter", sub="root", typ="access", fam="f", aud=None))
        assert isinstance(waiting, Deferred)
        self.page(jwk(RS))
        self.failureResultOf(waiting, Unauthenticated)

    def test_without_a_name_of_a_key(self) -> None:
        """Where it is clear which is meant."""
        self.caller(self.foreign(None), self.gateway)
        self.now += 31
        waiting = self.gateway.authenticate(self.foreign(None, ec_key("p384"), "ES384"))
        assert isinstance(waiting, Deferred)
        self.page(jwk(RS), jwk(rsa_key(number=1), "k3"))
        self.failureResultOf(waiting, Unauthenticated)
        self.assertIs(self.reason(self.foreign(None), self.gateway), Reason.UNKNOWN_TOKEN)

    def test_revoked(self) -> None:
        for token in (self.foreign(jti="x"), self.foreign(jti=None)):
            self.caller(token, self.gateway)
            bearer = self.successResultOf(self.gateway.examine(token))
            self.successResultOf(self.gateway.revoke([bearer], By()))
            self.assertIs(self.reason(token, self.gateway), Reason.REVOKED_TOKEN)
        self.caller(self.foreign(jti="y"), self.gateway)

    def test_all_revoked(self) -> None:
        token = self.foreign()
        self.caller(token, self.gateway)
        self.successResultOf(self.gateway.revoke_all(f"bob@{ISSUER}", By()))
        self.assertIs(self.reason(token, self.gateway), Reason.REVOKED_TOKEN)
        self.now += 40
        self.caller(self.foreign(), self.gateway)

    def test_no_refresh(self) -> None:
        self.failureResultOf(self.gateway.refresh(self.foreign(typ="refresh", fam="f")), Unauthenticated)

    def test_secret_in_the_set(self) -> None:
        """What everybody can read is no secret."""
        self.now += 30
        made = {"kty": "oct", "k": urlsafe_b64encode(b"x" * 32).decode(), "kid": "s", "alg": "HS256"}
        waiting = self.ask(self.foreign("new"))
        self.page(made, jwk(RS))
        self.failureResultOf(waiting, Unauthenticated)
        said = self.claims(iss=ISSUER, aud="gateway")
        self.assertIs(
            self.reason(hs(b"x" * 32, {"alg": "HS256", "kid": "s"}, said), self.gateway), Reason.UNKNOWN_TOKEN
        )


class KeySetTests(PublishedCase):
    """Which of the keys of a set are taken."""

    def taken(self, *keys: Any) -> list[tuple[str, list[str]]]:
        return [
            (key.kid, sorted(key.algorithms)) for key in read_keys(json.dumps({"keys": [*keys]}).encode())
        ]

    def test_kinds(self) -> None:
        edwards = json.loads(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key()))
        self.assertEqual(
            self.taken(
                jwk(RS),
                jwk(RS, "k2", alg="PS256"),
                jwk(ES, "k3"),
                jwk(ec_key("p384"), "k4", alg="ES384"),
                jwk(ec_key("p521"), "k5"),
                {**edwards, "kid": "k6", "key_ops": ["verify"]},
            ),
            [
                ("k1", ["RS256", "RS384", "RS512"]),
                ("k2", ["PS256"]),
                ("k3", ["ES256"]),
                ("k4", ["ES384"]),
                ("k5", ["ES512"]),
                ("k6", ["EdDSA"]),
            ],
        )

    def test_left_aside(self) -> None:
        """What is not for checking signatures, or cannot be used; the rest counts all the same."""
        wrong: list[Any] = [
            jwk(RS, use="enc"),
            jwk(RS, key_ops=["encrypt"]),
            jwk(RS, key_ops="verify"),
            jwk(RS, alg="none"),
            jwk(RS, alg="HS256"),
            jwk(RS, alg="RSA-OAEP"),
            jwk(RS, alg=["RS256"]),
            jwk(ES, alg="RS256"),
            jwk(ES, alg="ES384"),
            jwk(ec_key("k1")),
            jwk(rsa_key(1024)),
            jwk(RS, n=None),
            jwk(RS, n=1),
            jwk(RS, n="A" * 5000),
            jwk(RS, e="AQ"),
            jwk(RS, kty="oct", k="c2VjcmV0"),
            jwk(RS, kty=["RSA"]),
            {**jwk(RS), "kid": 1},
            jwk(RS, kid="k" * 300),
            jwk(ES, x="AAAA"),
            jwk(ES, y=None),
            jwk(ES, crv="P-384"),
            jwk(ES, crv=1),
            1,
            None,
            [],
            {},
        ]
        self.assertEqual(self.taken(*wrong, jwk(ES, "good")), [("good", ["ES256"])])

    def test_private_members_do_not_matter(self) -> None:
        """Who publishes them has another problem."""
        whole = dict(RSAAlgorithm.to_jwk(RS, as_dict=True)) | {"kid": "k1"}
        whole.pop("key_ops")
        self.assertEqual([name for name, _ in self.taken(whole)], ["k1"])

    def test_many(self) -> None:
        self.assertEqual(len(self.taken(*[jwk(ES, f"k{n}") for n in range(150)])), 100)
