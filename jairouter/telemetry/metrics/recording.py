"""Everything that is counted about requests, in one place: what the gateway is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.backends import BackendMetrics
from jairouter.telemetry.metrics.further import FurtherMetrics
from jairouter.telemetry.metrics.http import HttpMetrics
from jairouter.telemetry.metrics.requests import RequestMetrics
from jairouter.telemetry.metrics.times import TimeMetrics
from jairouter.telemetry.metrics.tokens import TokenMetrics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from jairouter.interfaces import IRecorder
    from jairouter.telemetry.metrics.families import Families
    from jairouter.traffic.breaker_states import Change
    from jairouter.traffic.group import Group
    from jairouter.traffic.instance import Instance
    from jairouter.traffic.limits import Limits


class Recording:
    """See the module.

    Args:
        registry: Where metrics are registered.
        seconds: The clock.
        families: Make what is shown.

    Attributes:
        recorders: Are told of every exchange.
    """

    def __init__(self, registry: CollectorRegistry, seconds: Callable[[], float], families: Families) -> None:
        self._http = HttpMetrics(families)
        self._requests = RequestMetrics(self._http, seconds, families)
        self._backends = BackendMetrics(families)
        self._further = FurtherMetrics(families)
        self._tokens, times = TokenMetrics(families), TimeMetrics(seconds, families)
        recorders = (self._requests, self._backends, self._further, times, self._tokens)
        self.recorders: Sequence[IRecorder] = recorders
        for source in (self._http, *recorders):
            registry.register(source)

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """See `HttpMetrics.answered`; for answers that are no exchange's."""
        self._http.answered(method, uri, status, seconds)

    def breaker_changed(self, instance: Instance, change: Change) -> None:
        """See `BackendMetrics.changed`."""
        self._backends.changed(instance, change)

    def configure(
        self, services: Mapping[str, Mapping[str, Group]], limits: Limits, strategies: Mapping[str, str]
    ) -> None:
        """Other settings are in force.

        Args:
            services: The instances, by service and model.
            limits: Those of each service.
            strategies: What chooses among the instances, by service.
        """
        instances = [
            each for models in services.values() for group in models.values() for each in group.instances
        ]
        rules = limits.rules
        told = {service: rules[service].told if service in rules else () for service in services}
        models = {(each.service, each.name) for each in instances}
        self._requests.configure(told, models)
        self._tokens.configure(models)
        self._further.configure(services)
        self._backends.configure(strategies, instances)


class NoRecording(Recording):
    """Nothing is counted: what is not there takes no time."""

    def __init__(self) -> None:
        self.recorders = ()

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """See `Recording.answered`."""

    def breaker_changed(self, instance: Instance, change: Change) -> None:
        """See `Recording.breaker_changed`."""

    def configure(
        self, services: Mapping[str, Mapping[str, Group]], limits: Limits, strategies: Mapping[str, str]
    ) -> None:
        """See `Recording.configure`."""
