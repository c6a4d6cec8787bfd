"""Settings of how many requests are let through."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import OneOf, Switch, Words
from jairouter.config.numbers import Number, Positive
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.section import Section

ALGORITHMS = ("token-bucket", "leaky-bucket", "sliding-window", "warm-up", "concurrency")
SCOPES = ("service", "model", "instance", "client-ip", "caller", "key")
_Rate = Annotated[float, Number(1e-6)]


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
    """How requests are counted. `token-bucket` (bursts up to `capacity`, then `rate`); `leaky-bucket`
    (requests leave at `rate`, at most `capacity` of them wait, each no longer than `max-wait`);
    `sliding-window` (`max-requests` in any `window-size`); `warm-up` (a bucket whose rate grows from
    `rate / cold-factor` to `rate` during `warm-up-period`, and again after as long a pause);
    `concurrency` (`capacity` requests under way at a time)."""

    capacity: Positive = 100
    """Most requests in one burst (the size of the bucket); with `leaky-bucket` how many may wait, with
    `concurrency` how many may be under way."""

    rate: _Rate = 10.0
    """Requests per second in the long run."""

    scope: Annotated[str, OneOf(SCOPES)] = "service"
    """What has a bucket of its own: each service, each model, each instance, each client address, each
    caller (whoever the API key says it is), or with `key` all that name the same one."""

    key: Words | None = None
    """Name of the bucket with `scope: key`."""

    client_ip_enable: Switch = False
    """Whether each client address has a limit of its own as well; see `client-ip`."""

    client_ip: ClientIpSettings = ClientIpSettings()

    max_wait: Annotated[float, Duration(least=0.001)] = 10.0
    """With `algorithm: leaky-bucket`, the longest that a request waits for its turn; one that would
    have to wait longer is refused at once."""

    window_size: Annotated[float, Duration(least=0.001)] | None = None
    """Length of the window with `algorithm: sliding-window`; not given means one second."""

    max_requests: Positive | None = None
    """Most requests in one window; not given means `rate` times the window's length."""

    warm_up_period: Seconds = 300.0
    """Time from the start to the full rate with `algorithm: warm-up`."""

    cold_factor: Annotated[float, Number(1)] = 3.0
    """With `algorithm: warm-up`, the full rate divided by this is the rate at the start."""
