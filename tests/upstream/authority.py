"""Certificates for tests, made when they are first asked for."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

PEM = serialization.Encoding.PEM
NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key.

    Attributes:
        certificate: The certificate.
        key: The private key.
        issuer: Who made it; None for itself.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    issuer: Issued | None = None

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(PEM)

    def key_pem(self, password: str = "") -> bytes:
        """The private key, encrypted if there is a password."""
        kind = _encryption(password)
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, kind)

    def store(self, password: str = "") -> bytes:
        """Both as PKCS#12."""
        chain = [self.issuer.certificate] if self.issuer else None
        return pkcs12.serialize_key_and_certificates(
            b"x", self.key, self.certificate, chain, _encryption(password)
        )


def trust_store(password: str, *certificates: x509.Certificate) -> bytes:
    """Certificates alone as PKCS#12, as keytool writes them."""
    return pkcs12.serialize_key_and_certificates(None, None, None, certificates, _encryption(password))


def issue(
    *names: str,
    by: Issued | None = None,
    authority: bool = False,
    days: tuple[int, int] = (-1, 1),
) -> Issued:
    """Make a certificate.

    Args:
        names: Host names and IP addresses that it is for.
        by: Who makes it; None for itself.
        authority: Whether it may make others.
        days: From when until when it is valid, from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0] if names else "nameless")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(by.certificate.subject if by else called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(days=days[0]))
        .not_valid_after(NOW + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_name(each) for each in names]), critical=False
        )
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key, by)


@cache
def root() -> Issued:
    """The authority that tests trust."""
    return issue("authority.test", authority=True)


@cache
def stranger() -> Issued:
    """One that they do not."""
    return issue("stranger.test", authority=True)


@cache
def issued(*names: str) -> Issued:
    """A good certificate."""
    return issue(*names, by=root())


@cache
def weak() -> bytes:
    """A certificate whose key is too short to protect anything, with the key."""
    key = rsa.generate_private_key(65537, 1024)
    name = root().certificate.subject
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + datetime.timedelta(days=1))
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM) + private


def write(folder: Path, **files: bytes) -> dict[str, str]:
    """Write files, each ending as the last part of its name says. Returns their paths."""
    paths = {}
    for name, data in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(data)
        paths[name] = str(path)
    return paths


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _encryption(password: str) -> serialization.KeySerializationEncryption:
    if password:
        return serialization.BestAvailableEncryption(password.encode())
    return serialization.NoEncryption()
