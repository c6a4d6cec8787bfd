"""Attacks on tokens are refused, each with the right word, and at once."""

from __future__ import annotations

from collections.abc import Iterator

from jairouter.auth import jws
from jairouter.auth.algorithms import secret_key
from jairouter.errors import Reason, Unauthenticated
from tests.auth.token_attacks import Target, attacks, expired, hs, part
from tests.auth.tokens_rig import SECRET, TokensCase, ec_key, pem, public_pem, rsa_key


class AttackTests(TokensCase):
    """Against a gateway that signs with a secret."""

    def setUp(self) -> None:
        super().setUp()
        issued = self.login()
        header, payload, _ = (jws.decode(each) for each in issued.access.encode().split(b"."))
        self.target = Target(
            issued.access.encode(),
            issued.refresh.encode(),
            jws.parse(payload),
            jws.parse(header),
            SECRET.encode(),
            self.now,
            public_pem(rsa_key()).encode(),
        )

    def test_the_good_one(self) -> None:
        """The attacks are made of it, with the same means: nothing but the attack is wrong with them."""
        made = hs(self.target.secret, self.target.header, self.target.claims)
        self.assertEqual(self.caller(self.target.good).name, "alice")
        self.assertEqual(self.caller(made).name, "alice")

    def test_refused(self) -> None:
        self._refused(attacks(self.target), Reason.UNKNOWN_TOKEN)

    def test_there_are_many(self) -> None:
        names = [name for name, _ in attacks(self.target)]
        self.assertGreater(len(names), 200)
        self.assertEqual(len(names), len(set(names)))

    def test_refused_although_the_good_one_is_remembered(self) -> None:
        self.caller(self.target.good)
        self._refused(attacks(self.target), Reason.UNKNOWN_TOKEN)

    def test_expired(self) -> None:
        self._refused(expired(self.target), Reason.EXPIRED_TOKEN)

    def test_expired_and_badly_signed(self) -> None:
        """That it has expired is told only to who has a good one."""
        for name, token in expired(self.target):
            bad = token.rpartition(b".")[0] + b"." + part(b"\1" * 32)
            self._refused(iter([(name, bad)]), Reason.UNKNOWN_TOKEN)

    def test_refreshing(self) -> None:
        """What is no token to call with is none to get new ones with, either."""
        for name, token in attacks(self.target):
            if name != "a refresh token" and "typ 'refresh'" not in name:
                self.failureResultOf(self.tokens.refresh(token), Unauthenticated)
        self.assertEqual(self.kinds(), ["JWT_TOKEN_ISSUED"])

    def _refused(self, tokens: Iterator[tuple[str, bytes]], reason: Reason) -> None:
        wrong = []
        for name, token in tokens:
            try:
                found = self.reason(token)
            except self.failureException:
                wrong.append(f"{name}: accepted")
            else:
                if found is not reason:
                    wrong.append(f"{name}: {found}")
        self.assertEqual(wrong, [])


class ConfusionTests(TokensCase):
    """Against gateways that check with a public key, which everybody knows."""

    def test_public_key_as_a_secret(self) -> None:
        """The oldest of all: an HMAC, made with the text of the public key."""
        for algorithm, key in (("RS256", rsa_key()), ("ES256", ec_key()), ("ES384", ec_key("p384"))):
            tokens = self.make(algorithm=algorithm, private_key=pem(key))
            issued = self.login(tokens=tokens)
            kid = jws.read(issued.access.encode()).kid
            self.assertEqual(self.caller(issued.access, tokens).name, "alice")
            text = public_pem(key)
            for secret in (text, text.strip(), text.replace("\n", "\\n"), kid):
                for said in ("HS256", "HS384", "HS512", algorithm):
                    for header in ({"alg": said}, {"alg": said, "kid": kid}):
                        known = said if said in ("HS256", "HS384", "HS512") else "HS256"
                        token = hs(secret.encode(), header, self.claims(), known)
                        self.assertIs(self.reason(token, tokens), Reason.UNKNOWN_TOKEN)

    def test_another_key_of_the_same_kind(self) -> None:
        tokens = self.make(algorithm="ES256", private_key=pem(ec_key()))
        other = self.make(algorithm="ES256", private_key=pem(ec_key(number=1)))
        token = self.login(tokens=other).access
        self.assertIs(self.reason(token, tokens), Reason.UNKNOWN_TOKEN)

    def test_zero_signature(self) -> None:
        """CVE-2022-21449: a signature of zeros that fits everything."""
        for algorithm, key, size in (("ES256", ec_key(), 64), ("ES384", ec_key("p384"), 96)):
            tokens = self.make(algorithm=algorithm, private_key=pem(key))
            good = self.login(tokens=tokens).access.encode()
            for bad in (b"\0" * size, b"\xff" * size, b"\0" * (size + 1), b"\x30\x06\x02\x01\0\x02\x01\0"):
                token = good.rpartition(b".")[0] + b"." + part(bad)
                self.assertIs(self.reason(token, tokens), Reason.UNKNOWN_TOKEN)

    def test_another_ecdsa_signature_of_a_revoked_token(self) -> None:
        """Of any ECDSA signature anybody can make a second one that is good; revoked is what it is about."""
        tokens = self.make(algorithm="ES256", private_key=pem(ec_key()))
        good = self.login(tokens=tokens).access.encode()
        signature = jws.decode(good.rpartition(b".")[2])
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        second = signature[:32] + (order - int.from_bytes(signature[32:])).to_bytes(32, "big")
        twin = good.rpartition(b".")[0] + b"." + part(second)
        self.assertEqual(self.caller(twin, tokens).name, "alice")
        bearer = self.successResultOf(tokens.examine(good))
        from jairouter.auth.acting import By  # noqa: PLC0415

        self.successResultOf(tokens.revoke([bearer], By()))
        self.assertIs(self.reason(twin, tokens), Reason.REVOKED_TOKEN)

    def test_secret_that_is_a_public_key(self) -> None:
        with self.assertRaisesRegex(ValueError, "no secret"):
            secret_key(public_pem(rsa_key()).encode(), frozenset(("HS256",)))
