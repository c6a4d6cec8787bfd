"""TLS with clients: the certificate in force, and handshakes that come to nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL
from twisted.logger import Logger

if TYPE_CHECKING:
    from jairouter.tls.listener import ListenerTls

PROTOCOL: Final = b"http/1.1"

NOTICE: Final = 60.0
"""Seconds between two lines in the log: who connects must not be able to fill it."""

RENEWAL: Final = 12 * 3600.0
"""Seconds for which the keys of session tickets are used: who steals them can read that much of TLS 1.2."""

_OF_SCANNERS: Final = {"http", "not_tls", "left"}
"""What whoever looks for open ports causes all day: it is counted, and not logged."""

_UNTRUSTED: Final = {
    9: "is not valid yet",
    10: "has expired",
    18: "is its own authority, which is not among those that are trusted",
    19: "is that of an authority which is not among those that are trusted",
    20: "comes from an authority that is not among those that are trusted, or one in between is not sent",
    21: "comes from an authority that is not among those that are trusted, or one in between is not sent",
    23: "was revoked",
    24: "has made another one, but is none of an authority",
    26: "is not meant for clients",
    66: "has a key that is too weak",
    67: "comes from an authority whose key is too weak",
    68: "has a signature that is too weak",
    79: "has made another one, but is none of an authority",
}
"""What OpenSSL's reasons mean (its manual page X509_STORE_CTX_get_error); `SSL.Error` does not hold them."""

_REASONS: Final = (
    ("did not return a certificate", "no_certificate", "no certificate was shown, and one is needed"),
    ("certificate verify failed", "certificate", "its certificate is not good"),
    ("unsupported protocol", "version", "it speaks no version of TLS that is offered"),
    ("version too low", "version", "it speaks no version of TLS that is offered"),
    ("no shared cipher", "cipher", "it speaks no cipher suite that is offered"),
    ("alert", "refused", "it has refused"),
)
"""What is found in OpenSSL's reason, the label for it, and words."""


class NothingInCommon(Exception):
    """The client wants to speak other protocols over TLS than HTTP/1.1 (ALPN)."""


class Handshakes:
    """Begins handshakes, with the certificate that is in force then, and keeps count of those that fail.

    Args:
        tls: What secures connections.
        seconds: The clock.

    Attributes:
        tls: As given, or used since.
        failures: How many handshakes have failed, by reason.
    """

    _log = Logger()

    def __init__(self, tls: ListenerTls, seconds: Callable[[], float]) -> None:
        self.tls = tls
        self.failures: Counter[str] = Counter()
        self._seconds = seconds
        self._told_at = -NOTICE
        self._untold = 0
        self._renew()

    @property
    def asks(self) -> bool:
        """Whether clients are asked for certificates."""
        return self.tls.client_auth != "none"

    def use(self, tls: ListenerTls) -> None:
        """From the next handshake on, show this. Connections that are open stay as they are."""
        self.tls = tls
        self._renew()

    def begin(self, owner: Any) -> SSL.Connection:
        """Make the state of one connection.

        Args:
            owner: Gets `distrusted` called with the reason when the client's certificate is not good.
        """
        if self._seconds() - self._since >= RENEWAL:
            self._renew()
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        if self.asks:
            connection.set_app_data(owner)
        return connection

    def failed(self, peer: str, label: str, told: str) -> None:
        """One has come to nothing.

        Args:
            peer: Whose.
            label: The reason, for counting.
            told: The reason in words, of which none are the client's.
        """
        self.failures[label] += 1
        if label in _OF_SCANNERS:
            return
        self._untold += 1
        now = self._seconds()
        if now - self._told_at < NOTICE:
            return
        text = "a TLS handshake with {peer} has failed: {told}"
        if self._untold > 1:
            text = "{count} TLS handshakes have failed since this was last told; that with {peer}: {told}"
        self._log.info(text, peer=peer, told=told, count=self._untold)
        self._told_at, self._untold = now, 0

    def _renew(self) -> None:
        context = self.tls.context()
        context.set_alpn_select_callback(_choose)
        if self.asks:
            context.set_verify(context.get_verify_mode(), _verified)
        self._context, self._since = context, self._seconds()


def reason_for(error: Exception) -> tuple[str, str]:
    """Why a handshake has failed: a label for counting, and words."""
    if isinstance(error, NothingInCommon):
        return "alpn", "it does not speak HTTP/1.1 (ALPN)"
    reasons = error.args[0] if error.args else ""
    text = "; ".join(str(reason) for *_, reason in reasons) if isinstance(reasons, list) else str(reasons)
    for part, label, told in _REASONS:
        if part in text:
            return label, f"{told} ({text})" if label == "refused" else told
    return "other", text or "no reason is known"


def _choose(_: SSL.Connection, offered: list[bytes]) -> bytes:
    """RFC 7301, section 3.2: where nothing is in common, the handshake fails."""
    if PROTOCOL not in offered:
        raise NothingInCommon
    return PROTOCOL


def _verified(connection: SSL.Connection, _: object, error: int, depth: int, ok: int) -> bool:
    """Called by OpenSSL for each certificate of a chain; takes note of the reason, told only here."""
    if not ok:
        whose = "its certificate" if depth == 0 else "a certificate in its chain"
        told = _UNTRUSTED.get(error, f"is not good (OpenSSL's reason {error})")
        connection.get_app_data().distrusted(f"{whose} {told}")
    return bool(ok)
