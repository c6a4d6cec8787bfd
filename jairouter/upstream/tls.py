"""TLS towards a backend: whom we trust, what we show, and whether the other side is who it should be.

A backend has to do three things before a byte of a request goes out: show a certificate by an authority
that is trusted, one that names the host which was asked for (RFC 9525, by service-identity), and leave it at
HTTP/1.1, which is the only protocol that is offered to it (ALPN).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from jairouter.upstream.failures import BadAddress, BadAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jairouter.tls.certificates import Identity

PROTOCOL: Final = b"http/1.1"

_DISTRUST: Final = {
    9: "is not valid yet",
    10: "has expired",
    18: "is its own authority, which is not among those that are trusted",
    19: "is that of an authority which is not among those that are trusted",
    20: "comes from an authority that is not among those that are trusted, or one in between is not sent",
    21: "comes from an authority that is not among those that are trusted, or one in between is not sent",
    23: "was revoked",
    24: "has made another one, but is none of an authority",
    26: "is not meant for servers",
    66: "has a key that is too weak",
    67: "comes from an authority whose key is too weak",
    68: "has a signature that is too weak",
    79: "has made another one, but is none of an authority",
}
"""What OpenSSL's reasons mean (its manual page X509_STORE_CTX_get_error); `SSL.Error` does not hold them."""


class CertificateRefused(SSL.Error):
    """The backend showed a certificate that is not good enough; says why."""


class WrongProtocol(BadAnswer):
    """The backend chose a protocol that was not offered to it."""


class BackendTls:
    """How connections to some instances are secured.

    One context serves all connections: what is in it takes milliseconds to read. Two of these are equal
    only if they are the same object, so instances whose connections may be shared have the same one.

    Args:
        context: See `client_context`.
        server_name: What the certificate has to be for; None for the host that is connected to.
    """

    def __init__(self, context: SSL.Context, server_name: str | None = None) -> None:
        self._context = context
        self._server_name = server_name

    def towards(self, host: str) -> TlsClient:
        """Make what opens connections to one host.

        Raises:
            BadAddress: No certificate can be for such a host.
        """
        return TlsClient(self._context, self._server_name or host)


@implementer(IOpenSSLClientConnectionCreator)
class TlsClient:
    """The client's end of connections to one host.

    Args:
        context: See `client_context`.
        name: What the certificate has to be for.

    Raises:
        BadAddress: There can be none.
    """

    def __init__(self, context: SSL.Context, name: str) -> None:
        self._context = context
        # A dot at the end says to the resolver where a name ends; it is no part of it (RFC 6066, section 3)
        self._name = name = name.rstrip(".")
        self._is_address = isIPAddress(name) or isIPv6Address(name)
        try:
            (IPAddress_ID if self._is_address else DNS_ID)(name)
        except ValueError as error:
            raise BadAddress(f"{name} cannot be named in a certificate: {error}") from error

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator.clientConnectionForTLS`."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)  # as Twisted does too, for legacy's sake
        if not self._is_address:  # RFC 6066, section 3: only names may be told
            connection.set_tlsext_host_name(self._name.encode("ascii"))
        return connection

    def check(self, connection: SSL.Connection) -> None:
        """Decide about a connection whose handshake is complete.

        Twisted's own check takes a certificate that names nothing at all for a good one: service-identity
        raises another error for it than Twisted knows of.

        Raises:
            CertificateRefused: The certificate is for somebody else.
            WrongProtocol: The backend wants to speak another protocol.
        """
        if self._context.get_verify_mode() != SSL.VERIFY_NONE:
            try:
                (verify_ip_address if self._is_address else verify_hostname)(connection, self._name)
            except (VerificationError, CertificateError, ValueError):
                told = f"its certificate is for {_names(connection)}, and not for {self._name}"
                raise CertificateRefused(told) from None
            except Exception as error:  # cryptography has errors that are none of ValueError's
                raise CertificateRefused(f"its certificate cannot be read: {error}") from None
        chosen = connection.get_alpn_proto_negotiated()
        if chosen not in (b"", PROTOCOL):
            raise WrongProtocol(f"the backend chose the protocol {chosen!r}, which it was not offered")


def client_context(
    *,
    authorities: Sequence[x509.Certificate] = (),
    system: bool = True,
    verify: bool = True,
    identity: Identity | None = None,
) -> SSL.Context:
    """Make what all connections with the same options have in common.

    Args:
        authorities: Who is trusted.
        system: Whether those whom the system trusts are trusted as well.
        verify: Whether the certificate of the other side is checked at all.
        identity: What is shown to the other side when it asks.

    Raises:
        OpenSSL.SSL.Error: OpenSSL does not take the identity.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_protos([PROTOCOL])
    if identity is not None:
        context.use_certificate(identity.certificate)
        for each in identity.chain:
            context.add_extra_chain_cert(each)
        context.use_privatekey(identity.key)  # type: ignore[arg-type]  # OpenSSL itself says which it takes
    if not verify:
        context.set_verify(SSL.VERIFY_NONE)
        return context
    context.set_verify(SSL.VERIFY_PEER, _verified)
    if system:
        context.set_default_verify_paths()
    store = context.get_cert_store()
    if authorities and store is not None:
        # Whoever names an authority that is not the last of its chain means that one
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for each in authorities:
            store.add_cert(crypto.X509.from_cryptography(each))
    return context


def _verified(connection: SSL.Connection, _: object, error: int, depth: int, ok: int) -> bool:
    """Called by OpenSSL for each certificate of a chain; takes note of the reason, told only here."""
    if not ok:
        whose = "its certificate" if depth == 0 else "a certificate in its chain"
        told = _DISTRUST.get(error, f"is not good (OpenSSL's reason {error})")
        connection.get_app_data().wrappedProtocol.distrusted(CertificateRefused(f"{whose} {told}"))
    return bool(ok)


def _names(connection: SSL.Connection) -> str:
    """Whom the certificate of the other side is for."""
    shown = connection.get_peer_certificate()
    try:
        assert shown is not None
        names = shown.to_cryptography().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.IPAddress)]
    except (ValueError, x509.ExtensionNotFound):
        found = []
    listed = ", ".join("".join(c if c.isprintable() else "?" for c in str(name)) for name in found[:5])
    return (listed + ", ..." if found[5:] else listed) or "nobody"
