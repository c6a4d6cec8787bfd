"""Settings of the connections to backends."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import Hush, OneOf, Switch, Words
from jairouter.config.numbers import Positive
from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.section import Section


class ConnectionPoolSettings(Section):
    """Connections to backends that are kept open between requests, per backend address."""

    max_connections: Positive = 500
    """Most connections to one backend address, busy and idle together."""

    max_idle_time: Seconds = 20.0
    """How long an idle connection is kept. Keep it shorter than the backend's own keep-alive
    timeout, or a request may meet a connection that is just being closed."""

    max_life_time: Seconds | None = None
    """How long a connection is used in all before it is replaced, so that changed DNS entries are
    followed; not given means no limit."""

    pending_acquire_timeout: Seconds = 45.0
    """How long a request waits for a connection when all of them are busy."""

    pending_acquire_max: Positive = 1000
    """Most requests that wait for a connection to one backend address; further ones fail."""

    evict_in_background: Seconds | None = None
    """How often idle connections are looked through. They are closed by their own timers, so
    nothing depends on it."""


class DnsSettings(Section):
    """Looking up the addresses of backends that are given by name."""

    cache_ttl: Seconds = 30.0
    """How long the addresses of a name are used before they are looked up again. The system's
    resolver does not say how long an answer is good for, so this is the time for all of them. With
    0 nothing is kept, and each new connection looks its name up."""

    negative_ttl: Seconds = 5.0
    """How long a name that could not be looked up is not asked for again."""

    max_stale: Seconds = 300.0
    """How long after `cache-ttl` the last known addresses are still used while the name cannot be
    looked up, or the answer takes more than a second. 0 uses none."""

    max_lookups: Positive = 4
    """Most look-ups at once. Each takes one of the gateway's ten threads for as long as the DNS
    server takes to answer; further ones wait."""


_Store = Annotated[str, OneOf(("PEM", "PKCS12", "JKS"))]


class BackendTlsSettings(Section):
    """TLS towards backends whose address begins with `https`.

    Files are read when the gateway starts. TLS 1.2 or newer is spoken, and the backend's certificate
    has to name the host that is connected to.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "trust-certificate": "ca-file",
        "private-key": "certificate-private-key",
    }

    enabled: Switch = False
    """Whether the other keys are used."""

    trust_all: Switch = False
    """Whether any certificate is accepted, whoever it was made by and for. This gives up what TLS
    is for; there is a warning at each start."""

    ca_file: Words | None = None
    """PEM file with the certificate authorities that are trusted, in place of the system's."""

    trust_store: Words | None = None
    """File with certificate authorities, as `ca-file`; if both are given, both count."""

    trust_store_password: Hush | None = None
    """Password of the trust store."""

    trust_store_type: _Store | None = None
    """`PEM` or `PKCS12`; not given, the file itself shows it. `JKS` is a kind that only Java reads."""

    trust_system: Switch = False
    """Whether the system's authorities are trusted as well when `ca-file` or `trust-store` is
    given. Without these two they always are."""

    certificate: Words | None = None
    """PEM file with the certificate that the gateway shows to backends, and after it those of the
    authorities in between, if any."""

    certificate_private_key: Words | None = None
    """PEM file with the private key of `certificate`; not given means that it is in the same file."""

    key_store: Words | None = None
    """File with certificate and private key together, in place of `certificate`."""

    key_store_password: Hush | None = None
    """Password of the key store."""

    key_store_type: _Store | None = None
    """Kind of the key store, as `trust-store-type`."""

    key_password: Hush | None = None
    """Password of the private key, if it is encrypted."""


class WebClientSettings(Section):
    """Timeouts, pool and limits of requests to backends."""

    aliases: ClassVar[Mapping[str, str]] = {
        "connect-timeout": "connection-timeout",
        "pool": "connection-pool",
    }

    connection_timeout: Seconds = 10.0
    """How long connecting to a backend may take, TLS included."""

    read_timeout: Seconds = 60.0
    """Longest silence between two reads of an answer that has begun."""

    first_byte_timeout: Seconds | None = None
    """How long a backend may take until the first byte of its answer. Models that think before
    they speak need minutes. Not given means `webclient.read-timeout`."""

    write_timeout: Seconds = 60.0
    """Longest time in which a backend takes nothing of an upload that is being sent. JSON goes out in
    one piece, and its time is that for the first byte of the answer."""

    total_timeout: Seconds | None = None
    """Longest time from the start of an attempt to the last byte of its answer; not given means
    no limit, as long as data flows."""

    max_in_memory_size: SomeBytes = 10 * 1024 * 1024
    """Largest body, in bytes, that is held in memory as a whole, as JSON requests are. Larger ones
    are refused with 413; uploads that are passed on as they come are limited by
    `security.validation.max-request-size` alone."""

    max_response_header_size: SomeBytes = 64 * 1024
    """Largest head of a backend's answer, in bytes; a larger one is no answer (502)."""

    connection_pool: ConnectionPoolSettings = ConnectionPoolSettings()

    dns: DnsSettings = DnsSettings()

    ssl: BackendTlsSettings = BackendTlsSettings()
    """TLS towards all backends with `https`, unless an instance says otherwise under `tls`. Files are
    read when the gateway starts."""
