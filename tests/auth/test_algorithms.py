"""Keys as others publish them: which are taken, and for what."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.jwks import read_keys
from tests.auth.published_rig import ES, RS, jwk
from tests.auth.tokens_rig import ec_key, rsa_key


class KeySetTests(SynchronousTestCase):
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

    def test_private_keys(self) -> None:
        """Whoever can read the page could sign with them."""
        for private in (RSAAlgorithm.to_jwk(RS, as_dict=True), ECAlgorithm.to_jwk(ES, as_dict=True)):
            whole = {**private, "kid": "k1"}
            whole.pop("key_ops", None)
            self.assertEqual(self.taken(whole, jwk(ES, "good")), [("good", ["ES256"])])

    def test_many(self) -> None:
        self.assertEqual(len(self.taken(*[jwk(ES, f"k{n}") for n in range(150)])), 100)
