"""From what is configured to the instances of each model: a part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from jairouter.config.inheritance import retry_for
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.group import Group
from jairouter.traffic.hedging import HedgePolicy
from jairouter.traffic.instance import Instance
from jairouter.traffic.retry import RetryPolicy

if TYPE_CHECKING:
    from random import Random

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
        models: dict[str, list[Instance]] = {}
        for index, each in enumerate(configured.instances):
            if each.active:
                instance = _instance(str(service), each, tls.get((str(service), index)))
                models.setdefault(each.name, []).append(instance)
        balancer, again = RandomBalancer(random), retry_for(settings.model, str(service)).same_instance
        services[str(service)] = {
            name: Group(several, balancer, again=again) for name, several in models.items()
        }
    return services


def make_retries(settings: Settings, random: Random) -> tuple[dict[str, RetryPolicy], dict[str, HedgePolicy]]:
    """When an attempt is followed by another one, and when there are two at a time, by service.

    Args:
        settings: What is configured.
        random: For the jitter.
    """
    retries: dict[str, RetryPolicy] = {}
    hedges: dict[str, HedgePolicy] = {}
    for service in map(str, settings.model.services):
        given = retry_for(settings.model, service)
        if given.enabled:
            budget = RetryBudget(given.budget.ratio, given.budget.min_per_second, given.budget.window)
            retries[service] = RetryPolicy(given, budget, random)
            if given.hedge.enabled:
                hedges[service] = HedgePolicy(given.hedge, retries[service])
    return retries, hedges


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
