"""The root of the settings tree."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import Text
from jairouter.config.frozen import FrozenMapping, NamedBy
from jairouter.config.settings.adapters import AdapterDefinition
from jairouter.config.settings.logging import LoggingSettings
from jairouter.config.settings.management import ManagementSettings
from jairouter.config.settings.model import ModelSettings
from jairouter.config.settings.monitoring import MonitoringSettings
from jairouter.config.settings.section import Section
from jairouter.config.settings.security import SecuritySettings
from jairouter.config.settings.server import ServerSettings
from jairouter.config.settings.spring import SpringSettings
from jairouter.config.settings.state import (
    BalancersSettings,
    BreakersSettings,
    CallHistorySettings,
    ConfigSettings,
    PersistenceSettings,
)
from jairouter.config.settings.store import StoreSettings
from jairouter.config.settings.streaming import StreamingSettings
from jairouter.config.settings.tracing import TracingSettings
from jairouter.config.settings.webclient import WebClientSettings

_AdapterName = Annotated[str, Text("[A-Za-z0-9_-]+", "letters, digits, _ and -")]


class Settings(Section):
    """Everything that can be configured; the default of each key is what applies without it."""

    # Older files have a part of the tree below `jairouter`: it is the same tree.
    aliases: ClassVar[Mapping[str, str]] = {"jairouter": ""}

    server: ServerSettings = ServerSettings()
    webclient: WebClientSettings = WebClientSettings()
    streaming: StreamingSettings = StreamingSettings()
    model: ModelSettings = ModelSettings()
    security: SecuritySettings = SecuritySettings()
    store: StoreSettings = StoreSettings()
    management: ManagementSettings = ManagementSettings()
    logging: LoggingSettings = LoggingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    tracing: TracingSettings = TracingSettings()

    adapter_definitions: NamedBy[_AdapterName, AdapterDefinition] = FrozenMapping[AdapterDefinition]()
    """Dialects of your own by name, for use as `adapter`."""

    persistence: PersistenceSettings = PersistenceSettings()
    call_history: CallHistorySettings = CallHistorySettings()
    circuit_breaker: BreakersSettings = BreakersSettings()
    loadbalancer: BalancersSettings = BalancersSettings()
    config: ConfigSettings = ConfigSettings()
    spring: SpringSettings = SpringSettings()
