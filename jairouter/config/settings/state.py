"""Settings of records that newer configuration files know."""

from typing import Annotated

from jairouter.config.forms import Switch
from jairouter.config.numbers import Integer, Ratio
from jairouter.config.quantities import Millis
from jairouter.config.settings.section import Section


class PersistenceSettings(Section):
    """Keeping the state of limiters and breakers across restarts."""

    enabled: Switch = False
    """Whether that state is kept."""


class CallHistorySettings(Section):
    """Keeping a record of single calls."""

    enabled: Switch = False
    """Whether calls are recorded."""


class BreakerMonitorSettings(Section):
    """Keeping a record of what circuit breakers did."""

    enabled: Switch = False
    """Whether it is recorded."""


class BreakersSettings(Section):
    """Circuit breakers in general; how they decide is in `model.circuit-breaker`."""

    monitor: BreakerMonitorSettings = BreakerMonitorSettings()


class RoutingMonitorSettings(Section):
    """Keeping a record of recent requests and of why each went to which instance."""

    enabled: Switch = True
    """Whether it is recorded."""

    sample_rate: Ratio = 0.1
    """Share of the ordinary requests that are recorded; those that needed more than one attempt, found
    instances that could not be used, or failed always are."""

    history_size: Annotated[int, Integer(1, 100_000)] = 1000
    """Requests that are remembered."""

    websocket_enabled: Switch = True
    """Accepted for compatibility."""

    stats_refresh_interval_ms: Millis = 1.0
    """How often the numbers are brought up to date; a bare number is milliseconds."""


class BalancersSettings(Section):
    """Balancers in general; which one is used is in `model.load-balance`."""

    routing_monitor: RoutingMonitorSettings = RoutingMonitorSettings()


class ConfigValidationSettings(Section):
    """Accepted for compatibility: a configuration is always checked as a whole."""

    enabled: Switch = True
    """Accepted for compatibility."""

    strict_mode: Switch = True
    """Accepted for compatibility."""


class ConfigSettings(Section):
    """The configuration itself."""

    validation: ConfigValidationSettings = ConfigValidationSettings()
