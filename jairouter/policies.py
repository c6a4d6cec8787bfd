"""From what is configured to the instances of each model: a part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from jairouter.config.inheritance import load_balance_for
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.group import Group
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance

if TYPE_CHECKING:
    from random import Random

    from jairouter.config.settings.balancing import HealthCheckSettings
    from jairouter.config.settings.model import InstanceSettings
    from jairouter.config.settings.root import Settings
    from jairouter.filters.resolve import Services
    from jairouter.upstream.tls import BackendTls

_NO_TLS: Mapping[tuple[str, int], BackendTls] = MappingProxyType({})


def make_services(
    settings: Settings, random: Random, tls: Mapping[tuple[str, int], BackendTls] = _NO_TLS
) -> Services:
    """The instances that may get traffic, by service and model.

    Args:
        settings: What is configured.
        random: For balancers that leave something to chance.
        tls: How connections are secured, by service and position of the instance.
    """
    services: dict[str, dict[str, Group]] = {}
    for service, configured in settings.model.services.items():
        load_balance = load_balance_for(settings.model, str(service))
        models: dict[str, list[Instance]] = {}
        for index, each in enumerate(configured.instances):
            if each.active:
                instance = _instance(str(service), each, tls.get((str(service), index)))
                instance.live.slow_start = load_balance.slow_start
                check = load_balance.health_check
                if check.enabled:
                    instance.live.health = Health(check.failure_threshold, check.success_threshold)
                models.setdefault(each.name, []).append(instance)
        balancer = RandomBalancer(random)
        services[str(service)] = {name: Group(several, balancer) for name, several in models.items()}
    return services


def health_checks(settings: Settings, services: Services) -> dict[Instance, HealthCheckSettings]:
    """The instances that are checked, and how; those of weight 0 too."""
    checks: dict[Instance, HealthCheckSettings] = {}
    for service, models in services.items():
        check = load_balance_for(settings.model, service).health_check
        if check.enabled:
            checks.update((each, check) for group in models.values() for each in group.instances)
    return checks


def _instance(service: str, settings: InstanceSettings, tls: BackendTls | None) -> Instance:
    headers = tuple(
        (name.encode("ascii"), secret.reveal().encode("latin-1")) for name, secret in settings.headers.items()
    )
    return Instance(
        service,
        settings.name,
        settings.base_url,
        settings.path,
        settings.weight,
        headers,
        tls,
        settings.instance_id or "",
        settings.priority,
        settings.timeout,
        settings.max_retries,
    )
