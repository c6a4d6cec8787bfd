"""Settings of further attempts after one that failed."""

from typing import Annotated

from jairouter.config.forms import OneOf, Switch
from jairouter.config.numbers import Count, Number, Ratio
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.section import Section

REASONS = ("connect", "reset", "timeout", "429", "500", "502", "503", "504", "5xx")


class RetryBudgetSettings(Section):
    """How many retries and hedges there may be, so that an outage is not multiplied."""

    ratio: Ratio = 0.2
    """Retries for each request of the last `window`."""

    min_per_second: Annotated[float, Number(0, 1e6)] = 1.0
    """Retries per second that are allowed however few requests there are."""

    window: Annotated[float, Duration(least=1)] = 10.0
    """How long a request counts."""


class HedgeSettings(Section):
    """A second attempt at another instance while the first one takes long.

    The first answer counts, and the other attempt is cancelled. It costs a backend's work twice.
    """

    enabled: Switch = False
    """Whether there are such attempts; only where `retry.enabled` is true as well."""

    delay: Annotated[float, Duration(least=0.001)] = 2.0
    """How long the first attempt is waited for; with `percentile` until enough is known."""

    percentile: Annotated[float, Number(50, 99.9)] | None = None
    """Wait as long as this share of the model's recent answers took to begin, in percent; not given means
    `delay`."""

    max_extra_load: Ratio = 0.05
    """Most hedges for each request."""


class RetrySettings(Section):
    """Another attempt, at another instance, after one that failed.

    There is none once anything of an answer has reached the client.
    """

    enabled: Switch = True
    """Whether there are further attempts."""

    max_retries: Count = 2
    """Most attempts after the first one."""

    on: tuple[Annotated[str, OneOf(REASONS)], ...] = ("connect", "reset", "timeout", "429", "5xx")
    """After what: `connect` (no connection could be made, or none became free), `reset` (it was lost
    before an answer), `timeout` (the answer did not begin in time), or a status."""

    delay: Seconds = 0.025
    """Longest wait before the first further attempt; the wait is random, and its bound doubles with each
    attempt (exponential backoff with full jitter)."""

    max_delay: Seconds = 1.0
    """Longest wait before any further attempt. A backend's `Retry-After` longer than this is not waited
    for."""

    timeout: Seconds = 60.0
    """Time from the arrival of a request after which no further attempt is begun."""

    same_instance: Switch = False
    """Whether an instance may be tried again when all others have been, after its `Retry-After`. By
    default it is not: clients retry too, and a backend that has just failed seldom answers a moment
    later."""

    budget: RetryBudgetSettings = RetryBudgetSettings()
    hedge: HedgeSettings = HedgeSettings()
