"""Tokens that somebody else has issued."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from twisted.internet.defer import Deferred

from jairouter.auth import jws
from jairouter.auth.acting import By
from jairouter.auth.permissions import granted
from jairouter.errors import Reason, Unauthenticated
from tests.auth.published_rig import ES, ISSUER, RS, URL, PublishedCase, jwk
from tests.auth.token_attacks import hs
from tests.auth.tokens_rig import OTHER, ec_key, public_pem, rsa_key


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
        waiting = own.authenticate(self.foreign(aud=None))
        assert isinstance(waiting, Deferred)
        self.page(jwk(RS))
        self.assertEqual(self.successResultOf(waiting).name, f"bob@{ISSUER}")
        said: dict[str, Any] = {"sub": "root", "typ": "access", "fam": "f", "aud": None}
        self.assertIs(self.reason(self.foreign(iss="jairouter", **said), own), Reason.UNKNOWN_TOKEN)

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
        self.caller(self.foreign(jti=None, sub="carol"), self.gateway)

    def test_all_revoked(self) -> None:
        token = self.foreign()
        self.caller(token, self.gateway)
        self.successResultOf(self.gateway.revoke_all(f"bob@{ISSUER}", By()))
        self.assertIs(self.reason(token, self.gateway), Reason.REVOKED_TOKEN)
        self.now += 40
        self.caller(self.foreign(), self.gateway)

    def test_no_refresh(self) -> None:
        self.failureResultOf(self.gateway.refresh(self.foreign(typ="refresh", fam="f")), Unauthenticated)

    def test_forgery_of_ours_asks_nobody(self) -> None:
        """A name of our own key is none to ask others about."""
        own = self.make(self.publish, jwks_url=URL, jwks_issuer=ISSUER, secret=OTHER)
        kid = jws.read(self.login(tokens=own).access.encode()).kid
        asked = len(self.asked)
        self.assertIs(self.reason(self.foreign(kid), own), Reason.UNKNOWN_TOKEN)
        self.assertEqual(len(self.asked), asked)

    def test_public_key_alone(self) -> None:
        """Whoever has the private one issues tokens, but has no logins here."""
        own = self.make(algorithm="RS256", public_key=public_pem(RS), audience=["gateway"])
        self.assertEqual(self.caller(self.foreign(None, iss="jairouter"), own).name, "bob@jairouter")
        renewal = self.foreign(None, iss="jairouter", typ="refresh", fam="f", sub="alice")
        self.failureResultOf(own.refresh(renewal), Unauthenticated)

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
