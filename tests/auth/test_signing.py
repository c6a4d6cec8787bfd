"""From the settings to keys, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.signing import Signing, read_signing
from jairouter.config.faults import Findings, Origin
from jairouter.config.settings.tokens import JwtSettings
from tests.auth.tokens_rig import OTHER, SECRET, ec_key, pem, public_pem, rsa_key, settings_of

GUIDE = "your-very-secure-jwt-secret-key-here"


class ReadingCase(SynchronousTestCase):
    """Reads settings."""

    def read(self, development: bool = False, **given: Any) -> Signing | None:
        self.findings = Findings()
        settings = settings_of(**given)
        names = ("secret", "public-key", "private-key", "algorithm", "jwks-url", "previous-secrets[0]")
        origins = {f"security.jwt.{name}": Origin("a.yml", line) for line, name in enumerate(names, 1)}
        return read_signing(settings, origins, self.findings, development)

    def good(self, development: bool = False, **given: Any) -> Signing:
        signing = self.read(development, **given)
        assert signing is not None, self.findings.faults
        return signing

    def faults(self, **given: Any) -> str:
        self.assertIsNone(self.read(**given))
        return "\n".join(map(str, self.findings.faults))

    def notices(self) -> str:
        return "\n".join(map(str, self.findings.notices))

    def file(self, text: str) -> str:
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)


class SecretTests(ReadingCase):
    """Secrets: long enough, and not to be guessed."""

    def test_good(self) -> None:
        signing = self.good()
        assert signing.signer is not None
        self.assertEqual(list(signing.own), [signing.signer.kid])
        self.assertEqual((self.findings.faults, self.findings.notices), ([], []))

    def test_not_enabled(self) -> None:
        self.assertIsNone(read_signing(JwtSettings(), {}, Findings(), development=False))

    def test_too_short(self) -> None:
        """RFC 7518, section 3.2: as many bytes as the hash has; in development too."""
        for algorithm, least in (("HS256", 32), ("HS384", 48), ("HS512", 64)):
            text = (SECRET + OTHER)[: least - 1]
            told = self.faults(algorithm=algorithm, secret=text)
            self.assertIn(f"a.yml:1: security.jwt.secret: it has {least - 1} bytes", told)
            self.assertIsNone(self.read(development=True, algorithm=algorithm, secret=text))
            self.good(algorithm=algorithm, secret=(SECRET + OTHER)[:least])

    def test_bytes_count(self) -> None:
        self.good(secret="\u00e4\u00f6\u00fc" + SECRET[:26])

    def test_weak(self) -> None:
        for secret in (GUIDE, "changeme" * 5, "secret" * 6, "x" * 40):
            told = self.faults(secret=secret)
            self.assertIn("a.yml:1: security.jwt.secret: it ", told)
            self.assertNotIn(secret, told)

    def test_weak_in_development(self) -> None:
        """A warning there, and at each start."""
        self.good(development=True, secret=GUIDE)
        self.assertIn("a.yml:1: security.jwt.secret: it is made of the words of examples", self.notices())
        self.assertNotIn(GUIDE, self.notices())

    def test_none(self) -> None:
        self.assertIn("a.yml:4: security.jwt.algorithm: HS256 needs secret", self.faults(secret=None))
        self.assertIn("HS256 needs secret", self.faults(secret=""))

    def test_former(self) -> None:
        signing = self.good(previous_secrets=[OTHER + SECRET])
        self.assertEqual([each.algorithms for each in signing.own.values()], [{"HS256"}] * 2)

    def test_former_that_can_be_guessed(self) -> None:
        """Whoever guesses it makes tokens that are accepted."""
        told = self.faults(previous_secrets=[GUIDE])
        self.assertIn("a.yml:6: security.jwt.previous-secrets[0]: it is made of the words", told)
        self.assertIn("it has 9 bytes", self.faults(previous_secrets=["too short"]))

    def test_former_of_another_kind(self) -> None:
        """From a secret to a key, without logging everybody out."""
        signing = self.good(algorithm="ES256", private_key=pem(ec_key()), previous_secrets=[SECRET])
        assert signing.signer is not None
        self.assertEqual(signing.own[signing.signer.kid].algorithms, {"ES256"})
        (former,) = [key for name, key in signing.own.items() if name != signing.signer.kid]
        self.assertEqual(former.algorithms, {"HS256"})

    def test_that_is_a_public_key(self) -> None:
        self.assertIn("no secret", self.faults(secret=public_pem(rsa_key())))

    def test_nothing_shown(self) -> None:
        self.assertNotIn(SECRET, f"{self.good()!r} {self.good().own!r} {self.good().signer!r}")


class PairTests(ReadingCase):
    """Private keys and public ones."""

    def test_private_alone(self) -> None:
        for algorithm, key in (("RS256", rsa_key()), ("ES256", ec_key()), ("ES384", ec_key("p384"))):
            for written in (pem(key), self.file(pem(key)), pem(key).replace("\n", "\\n")):
                signing = self.good(algorithm=algorithm, private_key=written)
                assert signing.signer is not None
                self.assertEqual(signing.own[signing.signer.kid].algorithms, {algorithm})
                self.assertEqual(signing.foreign, {})

    def test_both(self) -> None:
        key = ec_key()
        self.good(algorithm="ES256", private_key=pem(key), public_key=public_pem(key))
        told = self.faults(algorithm="ES256", private_key=pem(key), public_key=public_pem(ec_key(number=1)))
        self.assertIn("a.yml:2: security.jwt.public-key: it does not belong to private-key", told)

    def test_public_alone(self) -> None:
        """Somebody else issues the tokens."""
        signing = self.good(algorithm="ES256", public_key=self.file(public_pem(ec_key())))
        self.assertIsNone(signing.signer)
        self.assertEqual((len(signing.own), len(signing.foreign)), (0, 1))

    def test_former_public(self) -> None:
        former = [public_pem(rsa_key()), public_pem(ec_key("p384"))]
        signing = self.good(algorithm="ES256", private_key=pem(ec_key()), previous_public_keys=former)
        found = sorted(sorted(each.algorithms) for each in signing.own.values())
        self.assertEqual(found, [["ES256"], ["ES384"], ["RS256", "RS384", "RS512"]])

    def test_wrong_kind(self) -> None:
        cases: list[tuple[str, Any, str]] = [
            ("RS256", ec_key(), "RS256 needs a key for RSA"),
            ("ES256", rsa_key(), "ES256 needs a key on the curve secp256r1"),
            ("ES256", ec_key("p384"), "ES256 needs a key on the curve secp256r1"),
            ("ES384", ec_key("p521"), "it is a key on the curve secp521r1"),
            ("ES256", ec_key("k1"), "it is a key on the curve secp256k1"),
            (
                "ES256",
                ed25519.Ed25519PrivateKey.generate(),
                "it is neither an RSA key nor one on an elliptic curve",
            ),
        ]
        for algorithm, key, text in cases:
            told = self.faults(algorithm=algorithm, private_key=pem(key))
            self.assertIn(f"a.yml:3: security.jwt.private-key: {text}", told)
            self.assertNotIn(pem(key)[40:80], told)
            told = self.faults(algorithm=algorithm, public_key=public_pem(key))
            self.assertIn(f"a.yml:2: security.jwt.public-key: {text}", told)

    def test_small(self) -> None:
        told = self.faults(algorithm="RS256", private_key=pem(rsa_key(1024)))
        self.assertIn("it is an RSA key with 1024 bits; 2048 to 8192 are needed", told)

    def test_nothing_of_the_kind(self) -> None:
        key = ec_key()
        encrypted = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
        ).decode()
        broken = pem(key).replace("\n", "\nAAAA", 1)
        for written, text in (
            (public_pem(key), "it is no private key"),
            (encrypted, "it is encrypted"),
            (broken, "it is a private key that cannot be read"),
            ("/nowhere/at/all", "no file that can be read: No such file"),
            ("nul\0", "no file that can be read: not a usable name"),
            (self.file("nothing"), "it is no private key"),
            (self.file("-" * 70_000), "too large"),
        ):
            self.assertIn(text, self.faults(algorithm="ES256", private_key=written))
        for written, text in (
            (pem(key), "it is a private key, which does not belong here"),
            (self.file("nothing"), "it is no public key"),
            (public_pem(key).replace("\n", "\nAAAA", 1), "it is a public key that cannot be read"),
        ):
            self.assertIn(text, self.faults(algorithm="ES256", public_key=written))

    def test_name_of_a_file_is_not_told(self) -> None:
        """It may be a key that somebody has written without its first line."""
        self.assertNotIn("MIGHAgEA", self.faults(algorithm="ES256", private_key="MIGHAgEAMBMGByqGSM49"))

    def test_none(self) -> None:
        told = self.faults(algorithm="ES256", secret=SECRET)
        self.assertIn("ES256 needs private-key or public-key, unless there is jwks-url", told)
        self.assertIn("security.jwt.secret has no effect with ES256", self.notices())

    def test_all_at_once(self) -> None:
        told = self.faults(secret="short", previous_secrets=["shorter"], previous_public_keys=["/nowhere"])
        self.assertEqual(len(told.splitlines()), 3)


class ElsewhereTests(ReadingCase):
    """Somebody else who publishes keys."""

    URL = "https://login.example.com/keys"

    def test_alone(self) -> None:
        signing = self.good(jwks_url=self.URL, jwks_issuer="https://login.example.com/", audience=["gateway"])
        assert signing.elsewhere is not None
        self.assertEqual(signing.elsewhere.rules.issuer, "https://login.example.com/")
        self.assertEqual((signing.own, signing.signer, self.findings.notices), ({}, None, []))

    def test_without_audience(self) -> None:
        self.good(jwks_url=self.URL)
        self.assertIn("a.yml:5: without audience, tokens of jwks-url", self.notices())

    def test_authorities(self) -> None:
        self.assertIn("/nowhere cannot be read", self.faults(jwks_url=self.URL, jwks_ca_file="/nowhere"))
        self.assertEqual(self.findings.files, ["/nowhere"])
