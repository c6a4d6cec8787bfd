"""Settings of the address that clients speak to."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, ClassVar, Final, Self

from pydantic import model_validator

from jairouter.config.forms import Hush, Name, OneOf, Switch, Words
from jairouter.config.networks import AnyNetwork, Network
from jairouter.config.numbers import Count, Integer, Positive
from jairouter.config.quantities import ByteCount, Duration, Seconds, SomeBytes
from jairouter.config.settings.section import Section, refuse

PRIVATE_NETWORKS: Final = tuple(
    ip_network(each)
    for each in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Of RFC 1122, 4291, 1918 and 4193: this machine, and networks that the Internet does not reach."""


class DrainSettings(Section):
    """How the gateway stops without cutting off the requests that are open."""

    delay: Seconds = 5.0
    """Time between readiness answering 503 and the listener closing, in which load balancers in
    front notice and send no more. 0 closes at once."""

    timeout: Seconds = 120.0
    """How long open requests may go on once the listener has closed; what is still open then is
    ended with an error. When it is not given, `spring.lifecycle.timeout-per-shutdown-phase` is
    used if that is."""


class CompressionSettings(Section):
    """Compression of answers."""

    enabled: Switch = False
    """Whether answers are compressed for clients that accept it."""

    mime_types: tuple[Words, ...] = ("application/json", "text/plain")
    """Media types that are compressed; streams of events never are."""

    min_response_size: ByteCount = 2048
    """Smallest answer, in bytes, that is compressed."""


_Store = Annotated[str, OneOf(("PEM", "PKCS12", "JKS"))]


class ServerTlsSettings(Section):
    """TLS on the listener, for those who have no proxy in front that ends it.

    HTTP/1.1 is spoken over it (ALPN), without compression, renegotiation and early data. The files are read
    when the gateway starts, with each reload, and when they change: new connections have the new certificate
    then, and those that are open stay as they are.
    """

    aliases: ClassVar[Mapping[str, str]] = {"private-key": "certificate-private-key"}

    enabled: Switch = False
    """Whether the listener speaks TLS, and nothing else. Turning it on or off takes a restart."""

    certificate: Words | None = None
    """PEM file with the certificate, and after it those of the authorities in between."""

    certificate_private_key: Words | None = None
    """PEM file with the private key of `certificate`; not given means that it is in the same file."""

    trust_certificate: Words | None = None
    """PEM file with the authorities that client certificates must come from."""

    key_store: Words | None = None
    """File with certificate and private key together, in place of `certificate`."""

    key_store_password: Hush | None = None
    """Password of the key store."""

    key_store_type: _Store | None = None
    """`PEM` or `PKCS12`; not given, the file itself shows it. `JKS` is a kind that only Java reads."""

    key_alias: Words | None = None
    """What the entry in the key store has to be called; it has only one with a private key."""

    key_password: Hush | None = None
    """Password of the private key, if it is encrypted."""

    trust_store: Words | None = None
    """File with authorities, as `trust-certificate`; if both are given, both count."""

    trust_store_password: Hush | None = None
    """Password of the trust store."""

    trust_store_type: _Store | None = None
    """Kind of the trust store, as `key-store-type`."""

    client_auth: Annotated[str, OneOf(("none", "want", "need"))] = "none"
    """Whether clients are asked for a certificate (`want`) or must have one (`need`). With either, one that
    is shown has to be good."""

    protocol: Annotated[str, OneOf(("TLS",))] = "TLS"
    """Name of the protocol family; the versions are in `enabled-protocols`."""

    enabled_protocols: tuple[Annotated[str, OneOf(("TLSv1.2", "TLSv1.3"))], ...] = ("TLSv1.2", "TLSv1.3")
    """Protocol versions that are offered. Older ones are out of use (RFC 8996)."""

    ciphers: tuple[Words, ...] = ()
    """Cipher suites that are offered, the preferred first, as OpenSSL or the RFCs name them. Those of TLS 1.2
    and those of TLS 1.3 are two lists; where one is empty, all of that version are offered that have forward
    secrecy and authenticated encryption."""


class ForwardHeadersSettings(Section):
    """Proxies in front, and what they are believed to say about who the client is."""

    aliases: ClassVar[Mapping[str, str]] = {"header": "headers", "trusted": "trusted-proxies"}

    trusted_proxies: tuple[Network, ...] = ()
    """Addresses and networks (`10.0.0.5`, `10.0.0.0/24`, `fd00::/8`) whose word is taken. Headers of
    anybody else are ignored. Whoever can connect from one of them can pretend to be any client, so
    name the proxies alone."""

    headers: tuple[Annotated[str, OneOf(("X-Forwarded-For", "Forwarded", "X-Real-IP"))], ...] = (
        "X-Forwarded-For",
    )
    """Headers that the proxies set. Of several, the first one that a request has counts, from right to
    left up to the first address that is no trusted proxy's. Name none that your proxies pass on as it
    came: it would be the client's own word."""

    to_backends: Annotated[str, OneOf(("none", "client", "chain"))] = "none"
    """What backends are told in `X-Forwarded-For`: nothing, the client's address, or the client's and
    those of the proxies behind it. What clients write into such headers is dropped in any case."""


class ServerSettings(Section):
    """The listener: where it listens, how much it takes, and how it stops."""

    aliases: ClassVar[Mapping[str, str]] = {
        "host": "address",
        "max-http-header-size": "max-header-size",
        "max-http-request-header-size": "max-header-size",
    }

    address: Name = "0.0.0.0"  # noqa: S104 (a gateway is there to be reached)
    """IP address or name to listen on; `::` for IPv6, `127.0.0.1` for this machine alone."""

    port: Annotated[int, Integer(0, 65535)] = 8080
    """TCP port to listen on; 0 takes any free port."""

    max_connections: Positive = 8192
    """Most client connections that are open at once. For one more, the connection that has waited
    longest for a request (or the rest of its head) is closed; if all are busy, the new one is."""

    max_request_line: SomeBytes = 8 * 1024
    """Longest path with its query, in bytes; a longer one is answered with 414."""

    max_header_size: SomeBytes = 32 * 1024
    """Largest sum of the names and values of a request's headers, in bytes; more is answered with
    431."""

    max_headers: Positive = 100
    """Most headers of a request; more is answered with 431."""

    max_requests_per_connection: Count = 10_000
    """How many requests are answered on one connection before it is closed, so that clients spread
    anew over several gateways; 0 means no limit."""

    header_timeout: Annotated[float, Duration(least=0.001)] = 10.0
    """How long a client may take to send a request line and its headers."""

    body_timeout: Annotated[float, Duration(least=0.001)] = 30.0
    """How long a client may pause in the middle of sending a request's body."""

    keep_alive_timeout: Seconds = 75.0
    """How long an idle client connection is kept open for another request. Keep it longer than
    the idle timeout of the proxy in front, or that may use a connection as it is closed."""

    send_timeout: Annotated[float, Duration(least=0.001)] = 60.0
    """How long a client may read nothing of an answer that is ready for it, before it is taken for
    gone and its backend is freed."""

    max_spooled_size: SomeBytes = 2 * 1024 * 1024 * 1024
    """Most bytes that the uploads under way hold in temporary files (below `TMPDIR`), all together. An
    upload whose model is not known yet is refused with 503 beyond it; one that waits for its backend
    is read on up to half of it, then its client waits. There is always room for one body of
    `security.validation.max-request-size`."""

    shutdown: Annotated[str, OneOf(("graceful", "immediate"))] = "graceful"
    """`graceful` drains as `server.drain` says; with `immediate`, a drain delay or timeout that is
    not given is 0."""

    drain: DrainSettings = DrainSettings()

    forward_headers: ForwardHeadersSettings = ForwardHeadersSettings()

    forward_headers_strategy: Annotated[str, OneOf(("none", "native", "framework"))] = "none"
    """With `native` or `framework`, which mean the same, this machine and private networks are trusted
    if `forward-headers.trusted-proxies` names nobody."""

    proxy_protocol: Annotated[str, OneOf(("off", "required"))] = "off"
    """With `required`, each connection has to come from a trusted proxy and begin with a header of the
    PROXY protocol, version 1 or 2; any other is closed."""

    routing_headers: Switch = True
    """Whether answers say which instance they came from (`X-Jairouter-Instance`), after how many attempts
    (`X-Jairouter-Attempts`), and how long the gateway itself took (`X-Jairouter-Overhead-Ms`)."""

    compression: CompressionSettings = CompressionSettings()

    ssl: ServerTlsSettings = ServerTlsSettings()

    @property
    def trusted_proxies(self) -> tuple[AnyNetwork, ...]:
        """Those who may say who the client is."""
        named = self.forward_headers.trusted_proxies
        return PRIVATE_NETWORKS if not named and self.forward_headers_strategy != "none" else named

    @model_validator(mode="after")
    def _check_proxy_protocol(self) -> Self:
        if self.proxy_protocol != "off" and not self.trusted_proxies:
            raise refuse("needs forward-headers.trusted-proxies, or nobody could connect", "proxy_protocol")
        return self
