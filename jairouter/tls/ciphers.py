"""Cipher suites by the names that people write, or why they cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from OpenSSL import SSL

OF_TLS_1_2: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""With forward secrecy and authenticated encryption, as RFC 9325 recommends in section 4.2."""

_SIGNS: Final = "!-+"
_SEPARATORS: Final = str.maketrans(":;", "  ")


@dataclass(frozen=True, slots=True)
class Ciphers:
    """What OpenSSL is told.

    Attributes:
        tls_1_2: For TLS 1.2, in OpenSSL's own notation.
        tls_1_3: For TLS 1.3; empty for OpenSSL's own choice, which is sound.
    """

    tls_1_2: str = OF_TLS_1_2
    tls_1_3: str = ""


class UnknownCipher(Exception):
    """OpenSSL has none of this name, or it protects nothing.

    Attributes:
        index: Of the text in which it stands.
    """

    def __init__(self, index: int, told: str) -> None:
        super().__init__(told)
        self.index = index


def ciphers_of(texts: Sequence[str]) -> Ciphers:
    """Put names in order.

    Args:
        texts: Names, or several with colons between, as OpenSSL or the RFCs have them. Groups
            (``ECDHE+AESGCM``) and exclusions (``!aNULL``) are understood too.

    Raises:
        UnknownCipher: One of them cannot be had.
    """
    older: list[str] = []
    newer: list[str] = []
    for index, text in enumerate(texts):
        for name in text.translate(_SEPARATORS).split():
            if name.startswith("TLS_") and "_WITH_" not in name:
                _check_newer(index, name)
                newer.append(name)
            else:
                _check_older(index, name)
                older.append(name)
    whole = ":".join(older)
    if older:
        _check_protection(texts, whole)
    return Ciphers(whole or OF_TLS_1_2, ":".join(newer))


def _check_newer(index: int, name: str) -> None:
    try:
        SSL.Context(SSL.TLS_SERVER_METHOD).set_tls13_ciphersuites(name.encode("ascii", "replace"))
    except SSL.Error:
        raise UnknownCipher(index, f"OpenSSL knows no cipher suite {name} for TLS 1.3") from None


def _check_older(index: int, name: str) -> None:
    if "@" in name or not _suites(name.lstrip(_SIGNS)):
        raise UnknownCipher(index, f"OpenSSL knows no cipher suite {name}")


def _check_protection(texts: Sequence[str], whole: str) -> None:
    """Refuse suites without encryption, or with nobody's identity: OpenSSL would use them."""
    found = _suites(whole)
    if not found:
        raise UnknownCipher(0, f"{whole} leaves no cipher suite for TLS 1.2")
    for name in found:
        if "NULL" in name or name.startswith(("ADH-", "AECDH-")):
            index = next((i for i, text in enumerate(texts) if name in text), 0)
            raise UnknownCipher(index, f"{name} protects nothing")


def _suites(text: str) -> list[str]:
    """The suites of TLS 1.2 that OpenSSL finds for this."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    try:
        context.set_cipher_list(text.encode("ascii", "replace"))
    except SSL.Error:
        return []
    return [name for name in SSL.Connection(context, None).get_cipher_list() if not name.startswith("TLS_")]
