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
    """Burst of one address (with `sliding-window`, its requests in one window); not given means the
    enclosing limit's own."""

    rate: _Rate | None = None
    """Requests per second of one address; not given means the enclosing limit's own rate."""

    cleanup_interval: Seconds = 300.0
    """How often addresses that have been idle too long are forgotten. Here and below, with
    `scope: caller` the same goes for callers."""

    max_idle_time: Seconds = 1800.0
    """How long an address is remembered after its last request, and longer if it would find more than
    is left otherwise: until its bucket is full again."""

    max_clients: Positive = 10_000
    """Most addresses that are remembered; beyond that the one idle longest is forgotten, unless it has
    requests under way that are counted (`concurrency`, `leaky-bucket`). A new address gets a full
    bucket, so what comes from more addresses than that is held by the limit of the service."""


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
    `sliding-window` (`max-requests` in any `window-size`); `warm-up` (a bucket whose rate and size
    grow from `1 / cold-factor` of them to all during `warm-up-period` under load, and again after as
    long a pause); `concurrency` (`capacity` requests under way at a time, each up to the last byte of
    its answer)."""

    capacity: Positive = 100
    """Most requests in one burst (the size of the bucket); with `leaky-bucket` how many may wait, with
    `concurrency` how many may be under way."""

    rate: _Rate = 10.0
    """Requests per second in the long run."""

    scope: Annotated[str, OneOf(SCOPES)] = "service"
    """What has a bucket of its own: `service` the whole of what the limit is given for (one service, or
    at `model.rate-limit` everything together), `model` each model, `instance` each instance (another
    one is tried when it is used up), `client-ip` each client address, `caller` each caller (each API
    key that is shown, each address without one), `key` all services that name the same one (the first
    of them in the configuration says how large it is). At an instance, only `key` means anything:
    instances that name the same one, on one machine for example, share a bucket."""

    key: Words | None = None
    """Name of the bucket with `scope: key`."""

    client_ip_enable: Switch = False
    """Whether each client address has a limit of its own as well; see `client-ip`."""

    client_ip: ClientIpSettings = ClientIpSettings()

    max_wait: Annotated[float, Duration(least=0.001)] = 10.0
    """With `algorithm: leaky-bucket`, the longest that a request waits for its turn; one that would
    have to wait longer is refused at once."""

    window_size: Annotated[float, Duration(least=0.001)] | None = None
    """Length of the window with `algorithm: sliding-window`; not given means one second. (Above 128
    requests, the last ones may count for up to a 128th of it longer.)"""

    max_requests: Positive | None = None
    """Most requests in one window; not given means `rate` times the window's length, and where that is
    less than 1, one request in `1 / rate` seconds."""

    warm_up_period: Seconds = 300.0
    """Time from the start to the full rate with `algorithm: warm-up`, under full load. It gets warmer
    above half of the load that it would let through, and colder below."""

    cold_factor: Annotated[float, Number(1)] = 3.0
    """With `algorithm: warm-up`, the full rate divided by this is the rate at the start; likewise the
    size of the bucket."""
