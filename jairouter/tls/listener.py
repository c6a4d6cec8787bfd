"""From `server.ssl` to what secures the connections of clients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from OpenSSL import SSL, crypto

from jairouter.config.content import content_of
from jairouter.config.naming import dotted, kebab
from jairouter.tls.certificates import MOST_BYTES, CertificateFile, Identity, shown
from jairouter.tls.ciphers import Ciphers, UnknownCipher, ciphers_of
from jairouter.tls.reading import Reader, reason_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from jairouter.config.naming import KeyPath
    from jairouter.config.settings.server import ServerTlsSettings

SOON: Final = timedelta(days=14)
"""A certificate that expires within this is told of. Let's Encrypt's are renewed 30 days ahead."""

RESUMED: Final = 3600
"""Seconds for which a session can be resumed."""

_SECTION: Final = ("server", "ssl")
_VERSIONS: Final = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


@dataclass(frozen=True)
class ListenerTls:
    """What secures the connections of clients.

    Attributes:
        identity: What is shown to them.
        authorities: Whose certificates they may show.
        client_auth: Whether they may (``want``) or have to (``need``), or are not asked (``none``).
        versions: Of the protocol.
        ciphers: That are offered.
        files: Where all of it was read.
        digest: Of what was in the files.
    """

    identity: Identity
    authorities: tuple[Certificate, ...]
    client_auth: str
    versions: tuple[str, ...]
    ciphers: Ciphers
    files: tuple[str, ...]
    digest: bytes

    @property
    def expires(self) -> datetime.datetime:
        """Until when the certificate is valid."""
        return self.identity.certificate.not_valid_after_utc

    def files_differ(self) -> bool:
        """Whether there is something else in the files now. Blocks."""
        return _digest(self.files) != self.digest

    def context(self) -> SSL.Context:
        """Make what all connections have in common; with it, keys of its own for session tickets.

        It says nothing of ALPN, and keeps to itself why a client's certificate is refused: see
        `jairouter.web.secure`.

        Raises:
            OpenSSL.SSL.Error: OpenSSL does not take the certificate, or the key.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        versions = [_VERSIONS[each] for each in self.versions]
        context.set_min_proto_version(min(versions))
        context.set_max_proto_version(max(versions))
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_cipher_list(self.ciphers.tls_1_2.encode("ascii"))
        if self.ciphers.tls_1_3:
            context.set_tls13_ciphersuites(self.ciphers.tls_1_3.encode("ascii"))
        self._resume(context)
        identity = self.identity
        context.use_certificate(identity.certificate)
        for each in identity.chain:
            context.add_extra_chain_cert(each)
        context.use_privatekey(identity.key)  # type: ignore[arg-type]  # OpenSSL itself says which it takes
        if self.client_auth != "none":
            self._ask(context)
        return context

    def _resume(self, context: SSL.Context) -> None:
        """Have sessions resumed by tickets, of which nothing is kept here."""
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(self.digest)
        context.set_timeout(RESUMED)
        if self.client_auth != "none":
            # Who resumes shows no certificate, and would come in with one that has expired meanwhile
            context.set_options(SSL.OP_NO_TICKET)

    def _ask(self, context: SSL.Context) -> None:
        needed = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self.client_auth == "need" else 0
        context.set_verify(SSL.VERIFY_PEER | needed)
        store = context.get_cert_store()
        assert store is not None
        # Whoever names an authority that is not the last of its chain means that one
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for each in self.authorities:
            authority = crypto.X509.from_cryptography(each)
            store.add_cert(authority)
            context.add_client_ca(authority)


def read_listener(settings: ServerTlsSettings, reader: Reader) -> ListenerTls | None:
    """Read all files that `server.ssl` names.

    Args:
        settings: That section.
        reader: Is told what is wrong.

    Returns:
        None if the listener speaks no TLS, or something is wrong.
    """
    if not settings.enabled:
        if "enabled" not in settings.model_fields_set:
            for name in sorted(settings.model_fields_set):  # which looks like safety and is none
                told = "server.ssl has no effect: server.ssl.enabled is not true"
                reader.notice((*_SECTION, kebab(name)), told)  # which is told once
        return None
    faults = len(reader.findings.faults)
    files = _files(settings)
    digest = _digest(files)  # first: what changes while it is read is found to differ then
    identity = _identity(settings, reader)
    authorities = _authorities(settings, reader)
    ciphers = _ciphers(settings, reader)
    if not settings.enabled_protocols:
        reader.fault(_path("enabled_protocols"), "name at least one of TLSv1.2, TLSv1.3")
    if len(reader.findings.faults) > faults or identity is None:
        return None
    versions = tuple(settings.enabled_protocols)
    tls = ListenerTls(identity, authorities, settings.client_auth, versions, ciphers, files, digest)
    try:
        tls.context()
    except (SSL.Error, crypto.Error, TypeError) as error:
        # A key that is too short, or of a kind that TLS does not know
        path, file = _path(_head(settings)), shown(files[0])
        reader.fault(path, f"{file} is not accepted by OpenSSL: {reason_of(error)}")
        return None
    return tls


def _path(name: str) -> KeyPath:
    return (*_SECTION, kebab(name))


def _head(settings: ServerTlsSettings) -> str:
    return "certificate" if settings.certificate else "key_store"


def _files(settings: ServerTlsSettings) -> tuple[str, ...]:
    named = (
        settings.certificate,
        settings.key_store,
        settings.certificate_private_key,
        settings.trust_certificate,
        settings.trust_store,
    )
    return tuple(dict.fromkeys(each for each in named if each))


def _identity(settings: ServerTlsSettings, reader: Reader) -> Identity | None:
    head = _head(settings)
    path, key_path = _path(head), _path("certificate_private_key")
    if settings.certificate and settings.key_store:
        reader.fault(_path("key_store"), "give either certificate or key-store")
        return None
    if settings.certificate_private_key and not settings.certificate:
        reader.fault(key_path, "certificate is not given")
        return None
    key_file = None
    if settings.certificate:
        file = CertificateFile(settings.certificate, settings.key_password, "PEM")
        if settings.certificate_private_key:
            key_file = CertificateFile(settings.certificate_private_key, settings.key_password, "PEM")
    elif settings.key_store:
        password, kind = settings.key_store_password, settings.key_store_type
        file = CertificateFile(settings.key_store, password, kind, settings.key_password)
    else:
        reader.fault(_path("enabled"), "needs certificate and certificate-private-key, or key-store")
        return None
    identity = reader.identity(path, file, key_path, key_file)
    if identity is not None:
        _check_alias(settings, reader, identity)
        _check_end(path, file, reader, identity)
    return identity


def _check_alias(settings: ServerTlsSettings, reader: Reader, identity: Identity) -> None:
    wanted, found = settings.key_alias, identity.alias
    # Java does not tell upper case from lower case in them
    if wanted and (found is None or found.casefold() != wanted.casefold()):
        called = f"is called {shown(found)}" if found else "has no name"
        reader.fault(_path("key_alias"), f"there is no such entry; the one with a private key {called}")


def _check_end(path: KeyPath, file: CertificateFile, reader: Reader, identity: Identity) -> None:
    """Say that a certificate has to be renewed soon."""
    now, end = reader.now, identity.certificate.not_valid_after_utc
    if now is not None and now <= end <= now + SOON:
        days = (end - now).days
        told = (
            f"{dotted(path)}: {shown(file.path)}: the certificate expires on {end:%Y-%m-%d}, in {days} days"
        )
        reader.notice(path, told)


def _authorities(settings: ServerTlsSettings, reader: Reader) -> tuple[Certificate, ...]:
    store = CertificateFile(
        settings.trust_store or "", settings.trust_store_password, settings.trust_store_type
    )
    pem = CertificateFile(settings.trust_certificate or "", kind="PEM")
    named = [
        (_path(name), file)
        for name, file in (("trust_certificate", pem), ("trust_store", store))
        if file.path
    ]
    if settings.client_auth == "none":
        for path, _ in named:
            reader.notice(path, f"{dotted(path)} has no effect: server.ssl.client-auth is none")
    elif not named:
        told = f"{settings.client_auth} needs trust-certificate or trust-store: whose certificates are good?"
        reader.fault(_path("client_auth"), told)
    found = [reader.authorities(path, file) for path, file in named]
    return tuple(dict.fromkeys(each for some in found for each in some))


def _ciphers(settings: ServerTlsSettings, reader: Reader) -> Ciphers:
    try:
        return ciphers_of(settings.ciphers)
    except UnknownCipher as error:
        path = _path("ciphers")
        reader.fault((*path, error.index) if reader.knows((*path, error.index)) else path, str(error))
        return Ciphers()


def _digest(files: Sequence[str]) -> bytes:
    """Of what is in the files, and which of them cannot be read."""
    digest = hashlib.sha256()
    for file in files:
        try:
            content = content_of(file, MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            content = repr(error).encode("utf-8", "replace")
        digest.update(hashlib.sha256(content).digest())
    return digest.digest()
