"""Settings of how one instance is chosen, and of which instances there are to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from jairouter.config.addresses import HeaderName, RequestPath
from jairouter.config.forms import Name, OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, NamedBy
from jairouter.config.naming import nearest
from jairouter.config.numbers import Count, Integer, Number, Positive, Ratio
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.section import Section

BALANCERS = (
    "random",
    "round-robin",
    "least-connections",
    "least-latency",
    "ip-hash",
    "consistent-hash",
    "prefix-affinity",
)
HASHES = ("md5", "sha1", "sha256")


PLUGIN = "plugin:"


@dataclass(frozen=True)
class Balancer(OneOf):
    """The name of a balancer, or `plugin:` and the name of one that others have added.

    `sticky` is an old name of `consistent-hash`. Whether a plugin is installed, `jairouter.config.plugged`
    asks.
    """

    names: tuple[str, ...] = BALANCERS

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return f"{super().expected} or {PLUGIN}NAME"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str) and value.lower().startswith(PLUGIN):
            return PLUGIN + value[len(PLUGIN) :]
        sticky = isinstance(value, str) and value.lower() == "sticky"
        return super().parse("consistent-hash" if sticky else value)

    def describe_text(self, text: str) -> str:
        """See `Form.describe_text`."""
        meant = nearest(text, self.names)
        return super().describe_text(text) + (f"; did you mean {meant}?" if meant else "")


class HealthCheckSettings(Section):
    """Checks that find out whether an instance is up, apart from the traffic it gets.

    An instance that is down gets no requests. Instances with the same address, headers, TLS and checks are
    checked together: each backend is asked once, however many models it has.
    """

    enabled: Switch = False
    """Whether instances are checked."""

    type: Annotated[str, OneOf(("http", "tcp"))] = "http"
    """`http` asks for `path` and takes every answer below 500 for a good one, so that neither a wrong
    key nor a path that is not served takes an instance down; `tcp` only connects, without TLS. Each check
    has a connection of its own."""

    path: Annotated[str, RequestPath()] = "/v1/models"
    """Path below `base-url` that is asked for with GET; choose one that costs nothing."""

    interval: Annotated[float, Duration(least=0.1)] = 30.0
    """Time between the end of one check and the next one of the same instance."""

    jitter: Ratio = 0.1
    """By how much of itself an interval is made longer or shorter at random, so that checks do not
    come all at once."""

    timeout: Annotated[float, Duration(least=0.001)] = 5.0
    """How long one check may take, from the look-up of the host's name to the end of the answer."""

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
    """How `ip-hash` and `consistent-hash` spread instances over their ring."""

    enabled: Switch = True
    """Accepted for compatibility: `type` alone selects the balancer."""

    virtual_nodes: Annotated[int, Integer(1, 10_000)] = 150
    """Places on the ring for each unit of weight; the instance of the greatest weight has at most a
    hundred times as many."""

    hash_function: Annotated[str, OneOf(HASHES)] | None = None
    """Hash of `consistent-hash`; not given means `hash-algorithm`."""


class FailoverSettings(Section):
    """Another attempt at another instance, as older files ask for it.

    The keys of `model.retry` come before these where both are given.
    """

    enabled: Switch = False
    """Where it is given, the same as `retry.enabled`."""

    retry_attempts: Count = 3
    """Where it is given, the same as `retry.max-retries`."""

    retry_delay: Seconds = 1.0
    """Where it is given, the same as `retry.delay`."""

    circuit_breaker: Switch = True
    """Accepted for compatibility: attempts always heed the circuit breaker."""


class OutlierSettings(Section):
    """Instances that fail the traffic they get are left out for a while.

    A circuit breaker judges one instance by itself; this looks at all instances of a model, and never
    takes away more than a share of them.
    """

    enabled: Switch = False
    """Whether instances are left out on account of failed requests."""

    consecutive_failures: Positive = 5
    """Failed attempts in a row after which an instance is left out."""

    ejection_time: Annotated[float, Duration(least=0.1)] = 30.0
    """How long it is left out the first time; each time that follows at once adds as much again."""

    max_ejection_time: Annotated[float, Duration(least=0.1)] = 300.0
    """The longest that an instance is left out."""

    max_ejection_percent: Annotated[int, Integer(0, 100)] = 10
    """Most instances of one model that are left out at a time, in percent, rounded down; one always
    may be, except the last one."""


class CoolDownSettings(Section):
    """Rest for an instance that answered 429, without counting that as a failure."""

    enabled: Switch = True
    """Whether an instance that throttles gets no requests for a while. It never applies where the
    client's own key was sent to the backend: another client's key may be good for more."""

    default: Seconds = 0.0
    """How long, when the answer does not say with `Retry-After`; 0 for not at all, since it may be this one
    request that is too large. Where it is more, it applies to the first of a request's attempts that is
    answered so, and never where a model has no other instance."""

    max: Seconds = 60.0
    """The longest rest, whatever the answer says."""


class LoadBalanceSettings(Section):
    """How one instance is chosen among those that can answer."""

    short_form: ClassVar[str | None] = "type"
    aliases: ClassVar[Mapping[str, str]] = {"strategy": "type", "algorithm": "type"}

    type: Annotated[str, Balancer()] = "random"
    """How an instance is picked; all heed `weight`. `random`; `round-robin` (smooth: weights 3 and 1
    give A A B A); `least-connections` (attempts under way by weight); `least-latency` (the better of two
    at random, by time to the first byte and what is under way); `ip-hash` (the client's address decides);
    `consistent-hash` (the client's address or `hash-header` decides, also called `sticky`);
    `prefix-affinity` (model, system prompt and first messages decide, so that a backend finds what it has
    computed for them before). The hashing ones move few clients when instances come or go, and none of
    them gives an instance more than `load-factor` allows. `plugin:NAME` is one that others have added: see
    write-a-balancer.md."""

    options: NamedBy[Name, Words] = FrozenMapping[str]()
    """What a balancer that others have added is told; its own documentation says what it expects. A service
    that gives any takes none from further out."""

    hash_algorithm: Annotated[str, OneOf(HASHES)] = "md5"
    """Hash of the balancers that hash."""

    hash_header: HeaderName | None = None
    """With `consistent-hash`, the request header that decides, such as a session's; the client's address
    where a request has no such header, or none is given here."""

    load_factor: Annotated[float, Number(1, 100)] = 1.25
    """With a hashing balancer, how far above its share of the attempts under way an instance may be
    before the next one on the ring is taken."""

    prefix_messages: Annotated[int, Integer(0, 100)] = 1
    """With `prefix-affinity`, how many messages behind the system prompt count; with more than one, the
    first request of a conversation goes elsewhere than those that follow."""

    panic_threshold: Annotated[int, Integer(0, 100)] = 0
    """When fewer of a model's instances than this, in percent, are neither down nor left out, all of them
    are used: most likely it is the checks that are wrong. A `priority` of which none is healthy
    still comes after one that has some. 0 never does; then a model without a healthy instance is
    answered with 503."""

    slow_start: Seconds = 30.0
    """How long an instance that has recovered takes to come back to its full weight, from a tenth of it;
    0 for at once."""

    health_check: HealthCheckSettings = HealthCheckSettings()
    outlier_detection: OutlierSettings = OutlierSettings()
    cool_down: CoolDownSettings = CoolDownSettings()
    connection_tracking: ConnectionTrackingSettings = ConnectionTrackingSettings()
    consistent_hash: ConsistentHashSettings = ConsistentHashSettings()
    failover: FailoverSettings = FailoverSettings()
