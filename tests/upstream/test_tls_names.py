"""TLS towards backends, with real handshakes in memory: whom a certificate is for."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from jairouter.upstream.failures import BadAddress
from tests.upstream.authority import NOW, Issued, issue, issued, root
from tests.upstream.test_tls import Case, Server

UNREADABLE = {
    "a kind of name that cryptography does not know, after the right one": b"\x82\x06a.test\xa3\x00",
    "no text": b"\x82\x03\xe4\xe4\xe4",
    "an address of three bytes": b"\x87\x03\x01\x02\x03",
    "no name": b"",
}
"""What a certificate says whom it is for: DER inside of the SEQUENCE."""


class NameTests(Case):
    """Whom the certificate is for."""

    def test_another_name(self) -> None:
        told = self.refused(self.towards("a.test"), issued("b.test", "10.0.0.1"))
        self.assertEqual(told, "its certificate is for b.test, 10.0.0.1, and not for a.test")

    def test_no_name_at_all(self) -> None:
        """By a trusted authority, as many private ones make them: good for nobody, not for everybody."""
        told = self.refused(self.towards("a.test"), issue(by=root()))
        self.assertEqual(told, "its certificate is for nobody, and not for a.test")

    def test_many_names(self) -> None:
        names = [f"{letter}.test" for letter in "bcdefg"]
        told = self.refused(self.towards("a.test"), issue(*names, by=root()))
        self.assertIn("for b.test, c.test, d.test, e.test, f.test, ..., and not", told)

    def test_pattern(self) -> None:
        self.shake(self.towards("a.models.test"), Server(issued("*.models.test")))
        self.refused(self.towards("a.b.models.test"), issued("*.models.test"))

    def test_address(self) -> None:
        """It has to be named as an address; a name that looks like one is none."""
        for address in ("10.0.0.1", "::1", "2001:db8::1"):
            self.shake(self.towards(address), Server(issued(address)))
        self.assertIn("not for 10.0.0.2", self.refused(self.towards("10.0.0.2"), issued("10.0.0.1")))
        self.assertIn("not for 10.0.0.1", self.refused(self.towards("10.0.0.1"), issued("a.test")))

    def test_address_is_not_told(self) -> None:
        """RFC 6066, section 3."""
        server = Server(issued("10.0.0.1"))
        self.shake(self.towards("10.0.0.1"), server)
        self.assertIsNone(server.name)

    def test_name_is_told(self) -> None:
        server = Server(issued("a.test"))
        self.shake(self.towards("a.test"), server)
        self.assertEqual(server.name, b"a.test")

    def test_dot_at_the_end(self) -> None:
        """It is for the resolver."""
        server = Server(issued("a.test"))
        self.shake(self.towards("a.test."), server)
        self.assertEqual(server.name, b"a.test")

    def test_underscore(self) -> None:
        """In names of containers; a private authority may well certify them."""
        self.shake(self.towards("vllm_a"), Server(issued("vllm_a")))

    def test_other_name_than_that_of_the_host(self) -> None:
        """For a backend that is reached by its address."""
        server = Server(issued("a.test"))
        self.shake(self.towards("10.0.0.1", "a.test"), server)
        self.assertEqual(server.name, b"a.test")
        self.refused(self.towards("a.test", "b.test"), issued("a.test"))

    def test_address_in_place_of_the_host(self) -> None:
        server = Server(issued("10.0.0.1"))
        self.shake(self.towards("a.test", "10.0.0.1"), server)
        self.assertIsNone(server.name)

    def test_told_even_when_nothing_is_checked(self) -> None:
        server = Server(issue("b.test"))
        self.shake(self.towards("a.test", verify=False), server)
        self.assertEqual(server.name, b"a.test")

    def test_what_cannot_be_named(self) -> None:
        for host in ("", "12345", "a b", "a*"):
            self.assertRaises(BadAddress, self.towards, host)


class UnreadableTests(Case):
    """By a trusted authority, and yet nobody can say whom it is for."""

    def issued(self, names: bytes) -> Issued:
        """A certificate with these names (RFC 5280, section 4.2.1.6), as they are."""
        key = ec.generate_private_key(ec.SECP256R1())
        extension = x509.UnrecognizedExtension(
            x509.SubjectAlternativeName.oid, b"\x30" + bytes([len(names)]) + names
        )
        builder = x509.CertificateBuilder(
            root().certificate.subject,
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.test")]),
            key.public_key(),
            7,
            NOW - datetime.timedelta(days=1),
            NOW + datetime.timedelta(days=1),
        ).add_extension(extension, critical=False)
        return Issued(builder.sign(root().key, hashes.SHA256()), key, root())

    def test_refused(self) -> None:
        """Each in the words of TLS, whatever error it is for those who read certificates."""
        for what, names in UNREADABLE.items():
            told = self.refused(self.towards("a.test"), self.issued(names))
            self.assertRegex(told, r"^its certificate (cannot be read: |is for nobody, and not for )", what)

    def test_kind_that_is_not_known(self) -> None:
        """The reason is told."""
        names = next(iter(UNREADABLE.values()))
        told = self.refused(self.towards("a.test"), self.issued(names))
        self.assertIn("cannot be read: x400Address/EDIPartyName are not supported types", told)

    def test_anybody(self) -> None:
        for names in UNREADABLE.values():
            self.shake(self.towards("a.test", verify=False), Server(self.issued(names)))
