"""Keys in PEM form, written into the configuration or into files of their own. Blocks."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from jairouter.auth.algorithms import PrivateKey, Unfit
from jairouter.config.content import content_of

MOST_BYTES: Final = 64 * 1024

_BEGIN: Final = "-----BEGIN "


def private_key_of(written: str) -> PrivateKey:
    """A private key.

    Args:
        written: The key, or the name of a file.

    Raises:
        Unfit: It is none, or cannot be read.
    """
    data = _content(written)
    if b"PRIVATE KEY-----" not in data:
        raise Unfit("it is no private key in PEM form (-----BEGIN PRIVATE KEY-----), nor a file with one")
    try:
        found = load_pem_private_key(data, None)
    except TypeError:
        raise Unfit("it is encrypted; only keys that are not can be read") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unfit("it is a private key that cannot be read") from None
    if not isinstance(found, RSAPrivateKey | EllipticCurvePrivateKey):
        raise Unfit("it is neither an RSA key nor one on an elliptic curve")
    return found


def public_key_of(written: str) -> Any:
    """A public key, or that of a certificate.

    Args:
        written: The key, or the name of a file.

    Raises:
        Unfit: It is none, or cannot be read.
    """
    data = _content(written)
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            return x509.load_pem_x509_certificate(data).public_key()
        if b"PUBLIC KEY-----" in data:
            return load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise Unfit("it is a public key that cannot be read") from None
    if b"PRIVATE KEY-----" in data:
        raise Unfit("it is a private key, which does not belong here; give it as private-key")
    raise Unfit("it is no public key in PEM form (-----BEGIN PUBLIC KEY-----), nor a file with one")


def _content(written: str) -> bytes:
    if _BEGIN in written:
        # An environment variable has often no room for line breaks
        return written.replace("\\n", "\n").strip().encode("utf-8", "replace")
    try:
        data = content_of(written, MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable name"
        # (The name is not told: it may be a key that was not written as one)
        raise Unfit(f"it is no key in PEM form, and no file that can be read: {reason}") from None
    if len(data) > MOST_BYTES:
        raise Unfit("the file is too large for what it should hold")
    return data
