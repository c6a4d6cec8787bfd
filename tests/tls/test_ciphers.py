"""Tests for `jairouter.tls.ciphers`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.tls.ciphers import OF_TLS_1_2, Ciphers, UnknownCipher, ciphers_of

AES = "ECDHE-RSA-AES128-GCM-SHA256"
JAVA = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
NEW = "TLS_AES_128_GCM_SHA256"


class CiphersTests(SynchronousTestCase):
    """Names, by whoever they were given."""

    def refused(self, *texts: str) -> tuple[int, str]:
        error = self.assertRaises(UnknownCipher, ciphers_of, texts)
        return error.index, str(error)

    def test_none(self) -> None:
        self.assertEqual(ciphers_of(()), Ciphers(OF_TLS_1_2, ""))

    def test_of_both_versions(self) -> None:
        """Each version has a list of its own, in the order that was given."""
        found = ciphers_of([JAVA, NEW, AES, "TLS_AES_256_GCM_SHA384"])
        self.assertEqual(found, Ciphers(f"{JAVA}:{AES}", f"{NEW}:TLS_AES_256_GCM_SHA384"))

    def test_of_one_version(self) -> None:
        """The other one keeps what it has."""
        self.assertEqual(ciphers_of([NEW]), Ciphers(OF_TLS_1_2, NEW))
        self.assertEqual(ciphers_of([AES]), Ciphers(AES, ""))

    def test_several_in_one_text(self) -> None:
        """As OpenSSL and nginx write them."""
        self.assertEqual(ciphers_of([f"{AES}:{NEW}; {JAVA}"]), Ciphers(f"{AES}:{JAVA}", NEW))

    def test_groups_and_exclusions(self) -> None:
        texts = ["ALL:!aNULL:!eNULL:-AES128"]
        self.assertEqual(ciphers_of(texts).tls_1_2, texts[0])

    def test_unknown(self) -> None:
        """Such as two that are in many examples of nginx, and never were in OpenSSL."""
        told = "OpenSSL knows no cipher suite "
        nginx = "ECDHE-RSA-AES256-GCM-SHA512"
        self.assertEqual(self.refused(AES, nginx), (1, told + nginx))
        self.assertEqual(self.refused("!nonsense", AES), (0, told + "!nonsense"))
        self.assertEqual(self.refused("TLS_\u00e9"), (0, told + "TLS_\u00e9 for TLS 1.3"))

    def test_security_level(self) -> None:
        """It would allow keys that protect nothing."""
        self.assertIn("no cipher suite", self.refused(AES, "ALL:@SECLEVEL=0")[1])

    def test_without_protection(self) -> None:
        for index, texts in ((0, ["eNULL"]), (1, [AES, "ADH-AES128-SHA256"]), (0, ["ALL"])):
            found, told = self.refused(*texts)
            self.assertEqual(found, index)
            self.assertRegex(told, "^[A-Z0-9-]*(NULL|ADH)[A-Z0-9-]* protects nothing$")

    def test_nothing_is_left(self) -> None:
        self.assertEqual(self.refused(AES, f"!{AES}")[1], f"{AES}:!{AES} leaves no cipher suite for TLS 1.2")
