"""Settings that can be given for all services, for one service, or for one instance."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import OneOf, Switch, Template, Words
from jairouter.config.numbers import Count, Number, Positive
from jairouter.config.quantities import Duration, Millis, Seconds
from jairouter.config.settings.section import Section

BALANCERS = ("random", "round-robin", "least-connections", "ip-hash", "consistent-hash")
ALGORITHMS = ("token-bucket", "leaky-bucket", "sliding-window", "warm-up")
SCOPES = ("service", "model", "instance", "client-ip", "key")
_Rate = Annotated[float, Number(1e-6)]


class HealthCheckSettings(Section):
    """Checks that find out whether an instance is up, apart from the traffic it gets."""

    enabled: Switch = False
    """Whether instances are checked."""

    interval: Annotated[float, Duration(least=0.1)] = 30.0
    """Time between two checks of one instance."""

    timeout: Annotated[float, Duration(least=0.001)] = 5.0
    """How long one check may take."""

    failure_threshold: Positive = 3
    """Failed checks in a row after which an instance is down."""

    success_threshold: Positive = 2
    """Good checks in a row after which an instance is up again."""


class ConnectionTrackingSettings(Section):
    """Bookkeeping of open connections, for `least-connections`."""

    enabled: Switch = True
    """Accepted for compatibility: what is in flight is always counted."""

    cleanup_interval: Seconds = 300.0
    """Accepted for compatibility: counts are settled exactly, there is nothing to clean."""

    max_idle_time: Seconds = 1800.0
    """Accepted for compatibility."""

    initial_connections: Count = 0
    """Accepted for compatibility."""

    max_connections: Count = 0
    """Accepted for compatibility."""


class ConsistentHashSettings(Section):
    """How `consistent-hash` spreads instances over its ring."""

    enabled: Switch = True
    """Accepted for compatibility: `type` alone selects the balancer."""

    virtual_nodes: Positive = 150
    """Places on the ring for each unit of weight."""

    hash_function: Words = "md5"
    """Name of the hash function."""


class FailoverSettings(Section):
    """Another attempt at another instance."""

    enabled: Switch = False
    """Whether a failed attempt is followed by one at another instance."""

    retry_attempts: Count = 3
    """Most further attempts."""

    retry_delay: Seconds = 1.0
    """Wait before a further attempt."""

    circuit_breaker: Switch = True
    """Accepted for compatibility: attempts always heed the circuit breaker."""


class LoadBalanceSettings(Section):
    """How one instance is chosen among those that can answer."""

    short_form: ClassVar[str | None] = "type"
    aliases: ClassVar[Mapping[str, str]] = {"strategy": "type", "algorithm": "type"}

    type: Annotated[str, OneOf(BALANCERS)] = "random"
    """How an instance is picked. All but `consistent-hash` heed `weight`."""

    hash_algorithm: Annotated[str, OneOf(("md5", "sha1", "sha256"))] = "md5"
    """Hash that `ip-hash` uses."""

    health_check: HealthCheckSettings = HealthCheckSettings()
    connection_tracking: ConnectionTrackingSettings = ConnectionTrackingSettings()
    consistent_hash: ConsistentHashSettings = ConsistentHashSettings()
    failover: FailoverSettings = FailoverSettings()


class ClientIpSettings(Section):
    """One limit for each client address, on top of the limit it stands under."""

    aliases: ClassVar[Mapping[str, str]] = {"default-capacity": "capacity", "default-rate": "rate"}

    enabled: Switch = True
    """With false, there are no limits per address even if `client-ip-enable` asks for them."""

    capacity: Positive | None = None
    """Burst of one address; not given means the enclosing limit's own capacity."""

    rate: _Rate | None = None
    """Requests per second of one address; not given means the enclosing limit's own rate."""

    cleanup_interval: Seconds = 300.0
    """How often addresses that have been idle too long are forgotten."""

    max_idle_time: Seconds = 1800.0
    """How long an address is remembered after its last request."""

    max_clients: Positive = 10_000
    """Most addresses that are remembered; beyond that the one idle longest is forgotten."""


class RateLimitSettings(Section):
    """How many requests are let through; those beyond are answered with 429."""

    aliases: ClassVar[Mapping[str, str]] = {
        "type": "algorithm",
        "refill-rate": "rate",
        "leak-rate": "rate",
        "client-ip-enabled": "client-ip-enable",
    }

    enabled: Switch = False
    """Whether this limit applies."""

    algorithm: Annotated[str, OneOf(ALGORITHMS)] = "token-bucket"
    """How requests are counted."""

    capacity: Positive = 100
    """Most requests in one burst (the size of the bucket)."""

    rate: _Rate = 10.0
    """Requests per second in the long run."""

    scope: Annotated[str, OneOf(SCOPES)] = "service"
    """What has a bucket of its own: each service, each model, each instance, or each address."""

    key: Words | None = None
    """Name of the bucket with `scope: key`."""

    client_ip_enable: Switch = False
    """Whether each client address has a limit of its own as well; see `client-ip`."""

    client_ip: ClientIpSettings = ClientIpSettings()

    window_size: Annotated[float, Duration(least=0.001)] | None = None
    """Length of the window with `algorithm: sliding-window`; not given means one second."""

    max_requests: Positive | None = None
    """Most requests in one window; not given means `rate` times the window's length."""

    warm_up_period: Seconds = 300.0
    """Time from the start to the full rate with `algorithm: warm-up`."""

    cold_factor: Annotated[float, Number(1)] = 3.0
    """With `algorithm: warm-up`, the full rate divided by this is the rate at the start."""


class BreakerStatisticsSettings(Section):
    """What a circuit breaker looks back on."""

    window_size: Positive = 100
    """Most recent attempts that are looked at."""

    minimum_requests: Positive = 10
    """Attempts that are needed before a rate means anything."""

    sliding_window: Switch = False
    """Whether the window slides or starts afresh when it is full."""


class BreakerExceptionSettings(Section):
    """Names of errors that do or do not count as failures."""

    include: tuple[Words, ...] = ()
    """Errors that count; none named means all failures of the backend."""

    exclude: tuple[Words, ...] = ()
    """Errors that do not count."""


class AdaptiveRecoverySettings(Section):
    """An open time that grows while an instance keeps failing."""

    enabled: Switch = False
    """Whether the open time grows."""

    min_timeout: Millis = 30.0
    """Shortest open time; a bare number is milliseconds."""

    max_timeout: Millis = 300.0
    """Longest open time; a bare number is milliseconds."""

    backoff_multiplier: Annotated[float, Number(1)] = 2.0
    """Factor by which the open time grows with each failed trial."""


class CircuitBreakerSettings(Section):
    """When an instance that keeps failing is left alone for a while.

    `recovery-timeout` is how long it is left alone, and `timeout` how long one request may take.
    Where `timeout` stands alone, with no `recovery-timeout` beside it or further out, older files
    mean the time it is left alone, and so it is read.
    """

    enabled: Switch = False
    """Whether instances that keep failing are left alone."""

    failure_threshold: Positive = 5
    """Failures in a row after which the breaker opens."""

    success_threshold: Positive = 2
    """Good trials after which an open breaker closes again."""

    recovery_timeout: Millis | None = None
    """How long the breaker stays open before a trial is let through; a bare number is
    milliseconds. Not given means `timeout` if that stands alone, else 60 seconds."""

    timeout: Millis | None = None
    """How long one request may take, if `recovery-timeout` is given as well; a bare number is
    milliseconds. Not given means no limit but those of `webclient`."""

    statistics: BreakerStatisticsSettings = BreakerStatisticsSettings()
    exceptions: BreakerExceptionSettings = BreakerExceptionSettings()
    adaptive_recovery: AdaptiveRecoverySettings = AdaptiveRecoverySettings()


class FallbackSettings(Section):
    """What is answered when no instance could answer."""

    aliases: ClassVar[Mapping[str, str]] = {
        "type": "strategy",
        "cache.size": "cache-size",
        "cache.ttl": "cache-ttl",
        "cache.key-generator": "cache-key-generator",
    }

    enabled: Switch = False
    """Whether there is an answer other than the error itself."""

    strategy: Annotated[str, OneOf(("default", "cache", "static", "mock"))] = "default"
    """`default` answers 503, `cache` the last good answer to the same request, `static` the text
    of `response`."""

    cache_size: Count = 100
    """Answers that are remembered per service."""

    cache_ttl: Millis = 300.0
    """How long an answer is remembered; a bare number is milliseconds."""

    cache_key_generator: Words | None = None
    """Accepted for compatibility: equal requests of one caller share an answer."""

    response: Annotated[str, Template()] | None = None
    """Body of the static answer: a text, or a mapping that is sent as JSON."""
