"""Who a client is, by the certificate that it has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.x509 import NameOID

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from OpenSSL import SSL


class ClientCertificate(NamedTuple):
    """A certificate that was verified.

    Attributes:
        name: Its common name, or the whole subject where there is none.
        fingerprint: SHA-256 of the certificate, in hexadecimal.
    """

    name: str
    fingerprint: str


def shown_to(tls: SSL.Connection) -> ClientCertificate | None:
    """What the client has shown in a handshake that is complete, if it has."""
    shown = tls.get_peer_certificate(as_cryptography=True)
    return ClientCertificate(_name(shown), shown.fingerprint(hashes.SHA256()).hex()) if shown else None


def _name(certificate: Certificate) -> str:
    for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(each.value, str):
            return each.value
    return certificate.subject.rfc4514_string()
