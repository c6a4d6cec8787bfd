"""Settings of the circuit breaker of each instance."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import Switch, Words
from jairouter.config.numbers import Number, Positive
from jairouter.config.quantities import Millis
from jairouter.config.settings.section import Section


class BreakerStatisticsSettings(Section):
    """What a circuit breaker looks back on, if `failure-rate-threshold` is given."""

    window_size: Positive = 100
    """Most recent attempts that are looked at."""

    minimum_requests: Positive = 10
    """Attempts that are needed before a rate means anything; where `window-size` is smaller, that many."""

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
    """Whether the open time grows; it begins with `recovery-timeout`."""

    min_timeout: Millis = 30.0
    """Shortest open time; a bare number is milliseconds."""

    max_timeout: Millis = 300.0
    """Longest open time; a bare number is milliseconds."""

    backoff_multiplier: Annotated[float, Number(1)] = 2.0
    """Factor by which the open time grows with each failed trial, and when a breaker opens that was closed
    for less than it had been open before."""


class CircuitBreakerSettings(Section):
    """When an instance that keeps failing is left alone for a while.

    `recovery-timeout` is how long it is left alone, and `timeout` how long one request may take.
    Where `timeout` stands alone, with no `recovery-timeout` beside it or further out, older files
    mean the time it is left alone, and so it is read.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "permitted-number-of-calls-in-half-open-state": "half-open-trials",
        "half-open-max-calls": "half-open-trials",
    }

    enabled: Switch = False
    """Whether instances that keep failing are left alone."""

    failure_threshold: Positive = 5
    """Failures in a row after which the breaker opens."""

    success_threshold: Positive = 2
    """Good trials after which an open breaker closes again. A stream is a good one when it has gone on for
    `recovery-timeout`, and at least 30 seconds, even if it is not over."""

    half_open_trials: Positive | None = None
    """Most trials that are under way at a time while it is found out whether an instance has recovered;
    not given means `success-threshold`. One that gets no answer for `recovery-timeout`, and at least 30
    seconds, does not count among them any more."""

    failure_rate_threshold: Annotated[float, Number(0.1, 100)] | None = None
    """Share of failures, in percent of the attempts that `statistics` looks back on, at which the breaker
    opens as well; not given means that only failures in a row count."""

    recovery_timeout: Millis | None = None
    """How long the breaker stays open before a trial is let through; a bare number is
    milliseconds. Not given means `timeout` if that stands alone, else 60 seconds."""

    timeout: Millis | None = None
    """How long an attempt may take, if `recovery-timeout` is given as well: until its answer is complete,
    or until an event stream has begun, which may then go on for longer. A bare number is milliseconds.
    0, not given, or where the breaker is not `enabled`, means no limit but those of `webclient`."""

    statistics: BreakerStatisticsSettings = BreakerStatisticsSettings()
    exceptions: BreakerExceptionSettings = BreakerExceptionSettings()
    adaptive_recovery: AdaptiveRecoverySettings = AdaptiveRecoverySettings()
