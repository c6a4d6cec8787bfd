"""Certificates and keys out of files, and what an operator is told when they cannot be had."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.secret import Secret
from jairouter.tls.certificates import MOST_BYTES, CertificateFile, Identity, Unusable, shown, validity
from tests.upstream.authority import NOW, issue, issued, root, stranger, trust_store

PASSWORD = Secret("opensesame")
WRONG = Secret("opensesome")


class Case(SynchronousTestCase):
    """Files in a folder."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def file(
        self,
        data: bytes,
        password: Secret | None = None,
        kind: str | None = None,
        key_password: Secret | None = None,
        *,
        name: str = "file",
    ) -> CertificateFile:
        """A file with this content."""
        path = self.folder / name
        path.write_bytes(data)
        return CertificateFile(str(path), password, kind, key_password)

    def why(self, file: CertificateFile, read: Callable[[], object] | None = None) -> str:
        """What is said when it cannot be read, by default as authorities."""
        with self.assertRaises(Unusable) as caught:
            (read or file.authorities)()
        told = str(caught.exception)
        self.assertTrue(told.startswith(file.path + " "), told)
        for secret in (PASSWORD, WRONG):
            self.assertNotIn(secret.reveal(), told)
        return told.partition(" ")[2]


class AuthoritiesTests(Case):
    """Files with certificates to trust."""

    def test_pem(self) -> None:
        """All of them, whatever stands between them."""
        data = b"root\n" + root().pem + b"\n# and\n" + stranger().pem
        self.assertEqual(self.file(data).authorities(), (root().certificate, stranger().certificate))

    def test_pem_with_a_key_in_it(self) -> None:
        data = root().key_pem() + root().pem
        self.assertEqual(self.file(data, kind="PEM").authorities(), (root().certificate,))

    def test_pkcs12(self) -> None:
        """As keytool makes it: certificates that belong to no key."""
        data = trust_store("opensesame", root().certificate, stranger().certificate)
        for kind in (None, "PKCS12", "JKS"):
            found = self.file(data, PASSWORD, kind).authorities()
            self.assertEqual(set(found), {root().certificate, stranger().certificate})

    def test_pkcs12_with_a_key(self) -> None:
        data = issued("a.test").store("opensesame")
        found = self.file(data, PASSWORD).authorities()
        self.assertEqual(found, (issued("a.test").certificate, root().certificate))

    def test_missing(self) -> None:
        told = self.why(CertificateFile(str(self.folder / "none.pem")))
        self.assertEqual(told, "cannot be read: No such file or directory")

    def test_folder(self) -> None:
        self.assertEqual(self.why(CertificateFile(str(self.folder))), "cannot be read: Is a directory")

    def test_name_that_is_none(self) -> None:
        with self.assertRaisesRegex(Unusable, r"^a\?b cannot be read: not a usable name$"):
            CertificateFile("a\0b").authorities()

    def test_empty(self) -> None:
        self.assertEqual(self.why(self.file(b" \n")), "is empty")

    def test_too_large(self) -> None:
        self.assertEqual(self.why(self.file(b"x" * (MOST_BYTES + 1))), "is too large for what it should hold")

    def test_pem_without_a_certificate(self) -> None:
        told = "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        for data, kind in ((root().key_pem(), None), (b"nonsense", "PEM")):
            self.assertEqual(self.why(self.file(data, kind=kind)), told)

    def test_pem_that_is_damaged(self) -> None:
        told = "holds something that is no certificate where one begins"
        half = root().pem[: len(root().pem) // 2]
        for data in (half, root().pem + half, root().pem.replace(b"M", b"N")):
            self.assertEqual(self.why(self.file(data)), told)

    def test_pem_of_a_version_that_there_is_not(self) -> None:
        """`cryptography` has an error of its own for that, which is no `ValueError`."""
        told = "holds something that is no certificate where one begins"
        for data in (_of_version_2(root().pem), root().pem + _of_version_2(root().pem)):
            self.assertEqual(self.why(self.file(data)), told)

    def test_neither(self) -> None:
        for data in (b"nonsense", root().pem):
            told = self.why(self.file(data, PASSWORD, "PKCS12"))
            self.assertEqual(told, "is neither PEM nor a PKCS#12 store")

    def test_pkcs12_without_a_certificate(self) -> None:
        data = trust_store("opensesame", root().certificate)
        self.assertTrue(self.file(data, PASSWORD).authorities())
        key_only = _key_without_certificate()
        self.assertEqual(self.why(self.file(key_only, PASSWORD)), "holds no certificate")

    def test_wrong_password(self) -> None:
        data = trust_store("opensesame", root().certificate)
        self.assertEqual(self.why(self.file(data, WRONG)), "is not opened by its password")
        self.assertEqual(self.why(self.file(data)), "is not opened without a password")

    def test_java_key_store(self) -> None:
        """What to do is said; the file may be of the kind that is named, or not."""
        for kind in (None, "JKS", "PKCS12"):
            file = self.file(b"\xfe\xed\xfe\xed\x00\x00\x00\x02", PASSWORD, kind, name="trust.jks")
            told = self.why(file)
            self.assertIn("only Java reads", told)
            self.assertIn(f"keytool -importkeystore -srckeystore {file.path} -destkeystore", told)


class IdentityTests(Case):
    """What the gateway shows to backends."""

    def setUp(self) -> None:
        super().setUp()
        self.mine = issued("gateway.test")
        self.expected = (self.mine.certificate, (root().certificate,))

    def assert_mine(self, identity: Identity) -> None:
        self.assertEqual((identity.certificate, identity.chain), self.expected)
        self.assertEqual(identity.key.private_numbers(), self.mine.key.private_numbers())  # type: ignore[union-attr]
        self.assertNotIn("key=", repr(identity))

    def key(self, data: bytes, password: Secret | None = None) -> CertificateFile:
        """A file with a private key."""
        return self.file(data, password, name="key")

    def test_two_files(self) -> None:
        file = self.file(self.mine.pem + root().pem)
        self.assert_mine(file.identity(self.key(self.mine.key_pem()).private_key()))

    def test_one_file(self) -> None:
        """In any order."""
        self.assert_mine(self.file(self.mine.key_pem() + self.mine.pem + root().pem).identity())
        self.assert_mine(self.file(self.mine.pem + root().pem + self.mine.key_pem()).identity())

    def test_encrypted_key(self) -> None:
        key = self.key(self.mine.key_pem("opensesame"), PASSWORD).private_key()
        self.assert_mine(self.file(self.mine.pem + root().pem).identity(key))

    def test_password_of_a_key_that_is_not_encrypted(self) -> None:
        """Which is as well."""
        key = self.key(self.mine.key_pem(), PASSWORD).private_key()
        self.assert_mine(self.file(self.mine.pem + root().pem).identity(key))

    def test_pkcs12(self) -> None:
        self.assert_mine(self.file(self.mine.store("opensesame"), PASSWORD).identity())
        self.assert_mine(self.file(self.mine.store()).identity())

    def test_which_password(self) -> None:
        """That of the store opens PKCS#12, that of the key decrypts PEM; one will do for both."""
        store = self.mine.store("opensesame")
        pem = self.mine.pem + root().pem + self.mine.key_pem("opensesame")
        self.assert_mine(self.file(store, PASSWORD, None, WRONG).identity())
        self.assert_mine(self.file(store, None, None, PASSWORD).identity())
        self.assert_mine(self.file(pem, WRONG, None, PASSWORD).identity())
        self.assert_mine(self.file(pem, PASSWORD).identity())

    def test_key_that_is_missing(self) -> None:
        file = CertificateFile(str(self.folder / "none.pem"))
        told = self.why(file, file.private_key)
        self.assertEqual(told, "cannot be read: No such file or directory")

    def test_no_key(self) -> None:
        file = self.file(self.mine.pem)
        for read in (file.private_key, file.identity):
            told = self.why(file, read)
            self.assertEqual(told, "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")

    def test_wrong_password(self) -> None:
        file = self.key(self.mine.key_pem("opensesame"), WRONG)
        expected = "holds a private key that cannot be read; perhaps key-password is not the right one"
        self.assertEqual(self.why(file, file.private_key), expected)
        file = self.key(self.mine.key_pem("opensesame"))
        expected = "holds an encrypted private key; give key-password"
        self.assertEqual(self.why(file, file.private_key), expected)

    def test_damaged_key(self) -> None:
        for password in (None, PASSWORD):
            file = self.key(self.mine.key_pem().replace(b"M", b"N"), password)
            self.assertIn("holds a private key that cannot be read", self.why(file, file.private_key))

    def test_another_ones_key(self) -> None:
        file = self.file(self.mine.pem)
        told = self.why(file, lambda: file.identity(issued("other.test").key))
        expected = "the private key of certificate-private-key does not belong to"
        self.assertEqual(told, f"begins with a certificate that {expected}")

    def test_another_ones_key_in_the_same_file(self) -> None:
        """It is the first certificate that counts."""
        file = self.file(root().pem + self.mine.pem + self.mine.key_pem())
        told = self.why(file, file.identity)
        self.assertEqual(told, "begins with a certificate that the private key in it does not belong to")

    def test_key_of_another_kind(self) -> None:
        file = self.file(self.mine.pem)
        key = rsa.generate_private_key(65537, 1024)
        self.assertIn("does not belong", self.why(file, lambda: file.identity(key)))

    def test_store_without_a_key(self) -> None:
        data = trust_store("opensesame", root().certificate)
        with self.assertRaisesRegex(Unusable, "holds no certificate with its private key"):
            self.file(data, PASSWORD).identity()


class ValidityTests(SynchronousTestCase):
    """Dates."""

    def test_now(self) -> None:
        self.assertEqual(validity(root().certificate, NOW), "")

    def test_expired(self) -> None:
        until = root().certificate.not_valid_after_utc
        self.assertEqual(validity(root().certificate, until), "")
        told = validity(root().certificate, until + datetime.timedelta(seconds=1))
        self.assertEqual(told, f"has expired on {until:%Y-%m-%d}")

    def test_not_yet(self) -> None:
        future = issue("a.test", days=(2, 3))
        told = validity(future.certificate, NOW)
        self.assertEqual(told, f"is not valid before {NOW + datetime.timedelta(days=2):%Y-%m-%d}")


class ShownTests(SynchronousTestCase):
    """Names of files and of certificates are somebody's text."""

    def test_one_line(self) -> None:
        self.assertEqual(shown("a\nb\x1b[1mc"), "a?b?[1mc")
        self.assertEqual(len(shown("a" * 1000)), 300)

    def test_repr_of_a_file(self) -> None:
        text = repr(CertificateFile("p", PASSWORD, None, PASSWORD))
        self.assertNotIn(PASSWORD.reveal(), text)


def _key_without_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    nothing: x509.Certificate | None = None
    encryption = BestAvailableEncryption(b"opensesame")
    return pkcs12.serialize_key_and_certificates(b"x", key, nothing, None, encryption)


def _of_version_2(pem: bytes) -> bytes:
    """A certificate whose version number is 2, where X.509 certificates with extensions have 3."""
    version = bytes.fromhex("a0030201")
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    lines = base64.encodebytes(der.replace(version + b"\2", version + b"\1", 1))
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"
