"""Settings of the connections to backends."""

from collections.abc import Mapping
from typing import ClassVar

from jairouter.config.forms import Hush, Switch, Words
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


class BackendTlsSettings(Section):
    """TLS towards backends, beyond the system's own certificate authorities."""

    enabled: Switch = False
    """Whether the keys of this section are used."""

    trust_all: Switch = False
    """Whether any certificate is accepted. This gives up what TLS is for."""

    ca_file: Words | None = None
    """PEM file with further certificate authorities."""

    trust_store: Words | None = None
    """File with further certificate authorities."""

    trust_store_password: Hush | None = None
    """Password of the trust store."""

    trust_store_type: Words | None = None
    """Kind of the trust store."""

    key_store: Words | None = None
    """File with the certificate and key that the gateway shows to backends."""

    key_store_password: Hush | None = None
    """Password of the key store."""

    key_store_type: Words | None = None
    """Kind of the key store."""

    key_password: Hush | None = None
    """Password of the private key."""


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
    """Longest time in which a backend takes nothing of a request that is being sent."""

    total_timeout: Seconds | None = None
    """Longest time from the start of an attempt to the last byte of its answer; not given means
    no limit, as long as data flows."""

    max_in_memory_size: SomeBytes = 10 * 1024 * 1024
    """Largest body, in bytes, that is held in memory as a whole, as JSON requests are. Larger ones
    are refused with 413; uploads that are passed on as they come are limited by
    `security.validation.max-request-size` alone."""

    connection_pool: ConnectionPoolSettings = ConnectionPoolSettings()

    ssl: BackendTlsSettings = BackendTlsSettings()
