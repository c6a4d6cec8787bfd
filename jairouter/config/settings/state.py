"""Settings of records that newer configuration files know."""

from typing import Annotated

from jairouter.config.forms import Switch
from jairouter.config.numbers import Integer, Positive, Ratio
from jairouter.config.quantities import Millis, Seconds
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


class ConfigReloadSettings(Section):
    """Bringing changed files into force while the gateway runs; SIGHUP does so in any case."""

    watch: Switch = True
    """Whether the configuration files are read again when they change. What is wrong with them is logged, and
    the configuration before stays in force."""

    debounce: Seconds = 1.0
    """How long files have to be left alone before they are read."""

    interval: Seconds = 10.0
    """How often files and store are looked at where the system does not tell of changes, as on network file
    systems."""


class ConfigUndoSettings(Section):
    """Taking a change back by itself when requests fail under it.

    Who makes a change can ask for other values.
    """

    within: Seconds = 0.0
    """For how long a new version is watched; 0 for not at all."""

    margin: Ratio = 0.05
    """By how much more of the requests may fail than before the change, as a share of all."""

    min_requests: Positive = 20
    """Requests under the new version before anything is judged."""


class ConfigSettings(Section):
    """The configuration itself."""

    validation: ConfigValidationSettings = ConfigValidationSettings()
    reload: ConfigReloadSettings = ConfigReloadSettings()
    undo: ConfigUndoSettings = ConfigUndoSettings()
