"""Reading of files that settings name: what is wrong is told with the key that names the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import KeyPath, dotted
from jairouter.tls.certificates import CertificateFile, Identity, Unusable, shown, validity

if TYPE_CHECKING:
    import datetime

    from cryptography.x509 import Certificate

_T = TypeVar("_T")


class Reader:
    """Reads files, and remembers what is wrong.

    Args:
        origins: Where each key was written.
        now: What time it is, to say what has expired; None to say nothing of it.

    Attributes:
        findings: What is wrong, and what is to be known.
        now: As given.
    """

    def __init__(self, origins: Mapping[str, Origin], now: datetime.datetime | None) -> None:
        self.findings = Findings()
        self._origins = origins
        self.now = now

    def attempt(self, path: KeyPath, read: Callable[[], _T]) -> _T | None:
        """Read something that a key names; what is wrong with it is a fault of that key."""
        try:
            return read()
        except Unusable as error:
            self.fault(path, str(error))
            return None

    def identity(
        self, path: KeyPath, file: CertificateFile, key_path: KeyPath, key_file: CertificateFile | None
    ) -> Identity | None:
        """Read a certificate with its private key.

        Args:
            path: The key that names the certificate's file.
            file: That file.
            key_path: The key that names the file of the private key.
            key_file: That file; None if the private key is in the same one.
        """
        key = None
        self.findings.files.append(file.path)
        if key_file is not None:
            self.findings.files.append(key_file.path)
            key = self.attempt(key_path, key_file.private_key)
            if key is None:
                self.attempt(path, file.authorities)  # there may be more to tell
                return None
        identity = self.attempt(path, lambda: file.identity(key))
        self.check_dates(path, file, (identity.certificate,) if identity else ())
        return identity

    def authorities(self, path: KeyPath, file: CertificateFile) -> tuple[Certificate, ...]:
        """Read the certificates in a file."""
        self.findings.files.append(file.path)
        found = self.attempt(path, file.authorities) or ()
        self.check_dates(path, file, found)
        return found

    def check_dates(self, path: KeyPath, file: CertificateFile, found: Iterable[Certificate]) -> None:
        """Say which of them are not valid today."""
        for each in found:
            wrong = validity(each, self.now) if self.now is not None else ""
            if wrong:
                subject = shown(each.subject.rfc4514_string()) or "without a subject"
                self.notice(path, f"{dotted(path)}: {shown(file.path)}: the certificate {subject} {wrong}")

    def knows(self, path: KeyPath) -> bool:
        """Whether it is known where this key was written."""
        return dotted(path) in self._origins

    def fault(self, path: KeyPath, text: str) -> None:
        """Something keeps the settings from being used."""
        self.findings.fault(self._origins.get(dotted(path)), path, text)

    def notice(self, path: KeyPath, text: str) -> None:
        """Something is to be known."""
        self.findings.notice(self._origins.get(dotted(path)), text)


def reason_of(error: Exception) -> str:
    """What OpenSSL says is wrong."""
    reasons = error.args[0] if error.args else ""
    return "; ".join(reason for *_, reason in reasons) if isinstance(reasons, list) else str(reasons)
