"""Certificates and private keys out of files, or why they cannot be had, in words for an operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from jairouter.config.content import content_of
from jairouter.config.secret import Secret

if TYPE_CHECKING:
    import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MOST_BYTES: Final = 16 * 1024 * 1024
"""The system's own bundle of all public authorities has a quarter of a megabyte."""

_PEM: Final = b"-----BEGIN "
_PEM_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_JKS: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
"""How files begin that Java's key stores of the kinds JKS and JCEKS are in."""


class Unusable(Exception):
    """A file does not hold what it should; the text says which file and why, without what is secret."""


@dataclass(frozen=True)
class Identity:
    """What the gateway shows to the other side, and proves to have.

    Attributes:
        certificate: Its own.
        chain: Those of the authorities between it and the root.
        key: The private key.
        alias: What the entry of a PKCS#12 store is called, if that is said.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)
    alias: str | None = None


@dataclass(frozen=True)
class CertificateFile:
    """A file and how it is to be read.

    Attributes:
        path: Its name.
        password: What opens it, or None.
        kind: ``PEM`` or ``PKCS12``; anything else means that the file itself shows it.
        key_password: What decrypts a private key in it, where that is something else.
    """

    path: str
    password: Secret | None = None
    kind: str | None = None
    key_password: Secret | None = None

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The certificates in it.

        Raises:
            Unusable: There is none, or the file cannot be read.
        """
        data = self._read()
        if self._is_pem(data):
            return self._certificates(data)
        store = self._pkcs12(data)
        found = tuple(each.certificate for each in store.additional_certs)
        if store.cert is not None:
            found = (store.cert.certificate, *found)
        if not found:
            raise self._unusable("holds no certificate")
        return found

    def identity(self, key: PrivateKeyTypes | None = None) -> Identity:
        """The first certificate in it, those after it, and the private key.

        Args:
            key: The private key, if it is in a file of its own.

        Raises:
            Unusable: Something of it is missing, cannot be read, or does not belong together.
        """
        data = self._read()
        alias = None
        if self._is_pem(data):
            certificate, *chain = self._certificates(data)
            private = key or self.private_key()
        else:
            store = self._pkcs12(data)
            if store.cert is None or store.key is None:
                raise self._unusable("holds no certificate with its private key")
            certificate, private = store.cert.certificate, store.key
            alias = (store.cert.friendly_name or b"").decode("utf-8", "replace") or None
            chain = [each.certificate for each in store.additional_certs]
        if not _belong_together(certificate, private):
            where = "in it" if key is None else "of certificate-private-key"
            raise self._unusable(f"begins with a certificate that the private key {where} does not belong to")
        return Identity(certificate, tuple(chain), private, alias)

    def private_key(self) -> PrivateKeyTypes:
        """The private key in it, in PEM form.

        Raises:
            Unusable: There is none, or it cannot be read.
        """
        data = self._read()
        if b"PRIVATE KEY-----" not in data:
            raise self._unusable("holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
        password = _encoded(self.key_password or self.password)
        try:
            return load_pem_private_key(data, password)
        except TypeError:
            if password is None:
                raise self._unusable("holds an encrypted private key; give key-password") from None
        except (ValueError, UnsupportedAlgorithm):
            hint = "; perhaps key-password is not the right one" if password else ""
            raise self._unusable(f"holds a private key that cannot be read{hint}") from None
        try:
            return load_pem_private_key(data, None)  # it is not encrypted, which is as well
        except (ValueError, UnsupportedAlgorithm):
            raise self._unusable("holds a private key that cannot be read") from None

    def _read(self) -> bytes:
        try:
            data = content_of(self.path, MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a usable name"
            raise self._unusable(f"cannot be read: {reason}") from None
        if not data.strip():
            raise self._unusable("is empty")
        if len(data) > MOST_BYTES:
            raise self._unusable("is too large for what it should hold")
        return data

    def _is_pem(self, data: bytes) -> bool:
        if self.kind == "PEM" or (self.kind != "PKCS12" and _PEM in data):
            return True
        if data.startswith(_JKS):
            raise self._unusable(
                "is a key store of a kind that only Java reads; convert it: keytool -importkeystore "
                f"-srckeystore {shown(self.path)} -destkeystore {shown(self.path)}.p12 -deststoretype PKCS12"
            )
        return False

    def _certificates(self, data: bytes) -> tuple[x509.Certificate, ...]:
        if _PEM_CERTIFICATE not in data:
            raise self._unusable(f"holds no certificate in PEM form ({_PEM_CERTIFICATE.decode()})")
        try:
            found = tuple(x509.load_pem_x509_certificates(data))
        except (ValueError, x509.InvalidVersion):
            found = ()
        if len(found) < data.count(_PEM_CERTIFICATE):  # one that has no end is passed over in silence
            raise self._unusable("holds something that is no certificate where one begins")
        return found

    def _pkcs12(self, data: bytes) -> pkcs12.PKCS12KeyAndCertificates:
        password = _encoded(self.password or self.key_password)
        try:
            return pkcs12.load_pkcs12(data, password)
        except UnsupportedAlgorithm:
            raise self._unusable("is encrypted in a way that is out of use; write it anew") from None
        except ValueError as error:
            if "password" not in str(error):
                told = "is neither PEM nor a PKCS#12 store"
            else:
                told = "is not opened by its password" if password else "is not opened without a password"
            raise self._unusable(told) from None

    def _unusable(self, told: str) -> Unusable:
        return Unusable(f"{shown(self.path)} {told}")


def validity(certificate: x509.Certificate, now: datetime.datetime) -> str:
    """What is wrong with a certificate's dates, or nothing."""
    if now > certificate.not_valid_after_utc:
        return f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    return ""


def shown(text: str) -> str:
    """A text out of a configuration or a certificate, as one line may show it."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


def _encoded(password: Secret | None) -> bytes | None:
    return password.reveal().encode("utf-8") if password else None


def _belong_together(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm):
        return False
