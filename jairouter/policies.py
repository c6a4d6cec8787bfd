"""From what is configured under `model` to how traffic is controlled: a part of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.config.inheritance import load_balance_for
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.group import Group
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from jairouter.traffic.live import Live

if TYPE_CHECKING:
    from random import Random

    from jairouter.config.settings.balancing import HealthCheckSettings, LoadBalanceSettings
    from jairouter.config.settings.model import InstanceSettings
    from jairouter.config.settings.root import Settings
    from jairouter.filters.resolve import Services
    from jairouter.traffic.permits import Ledger
    from jairouter.upstream.tls import BackendTls

Identity = tuple[str, str, str, str | None]
"""What makes an instance the same across a reload; see `Instance.identity`."""
InstancesTls = Mapping[tuple[str, int], "BackendTls"]
"""How connections are secured, by service and position of the instance."""


@dataclass(frozen=True, slots=True)
class Means:
    """What policies are made with, whatever is configured.

    Attributes:
        random: For what is left to chance.
        seconds: The clock.
        ledger: Counts what is lent out.
    """

    random: Random
    seconds: Callable[[], float]
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Policies:
    """How traffic is controlled by one configuration.

    Attributes:
        services: The instances that may get traffic, by service and model.
        lives: What is known about each instance.
    """

    services: Services
    lives: Mapping[Identity, Live]


def make_policies(
    settings: Settings, tls: InstancesTls, means: Means, old: Policies | None = None
) -> Policies:
    """Make them.

    Args:
        settings: What is configured.
        tls: How connections are secured.
        means: What is needed for it.
        old: The ones that they take the place of: what is known about instances that stay goes on.
    """
    lives: dict[Identity, Live] = {}
    services: dict[str, dict[str, Group]] = {}
    for service, configured in settings.model.services.items():
        load_balance = load_balance_for(settings.model, str(service))
        models: dict[str, list[Instance]] = {}
        for index, each in enumerate(configured.instances):
            if each.active:
                identity = (str(service), each.name, each.base_url, each.path)
                live = (old.lives.get(identity) if old else None) or Live()
                lives[identity] = live
                instance = _instance(str(service), each, tls.get((str(service), index)), live)
                _live_by(live, load_balance)
                models.setdefault(each.name, []).append(instance)
        balancer = RandomBalancer(means.random)
        services[str(service)] = {name: Group(several, balancer) for name, several in models.items()}
    return Policies(services, lives)


def health_checks(settings: Settings, services: Services) -> dict[Instance, HealthCheckSettings]:
    """The instances that are checked, and how; those of weight 0 too."""
    checks: dict[Instance, HealthCheckSettings] = {}
    for service, models in services.items():
        check = load_balance_for(settings.model, service).health_check
        if check.enabled:
            checks.update((each, check) for group in models.values() for each in group.instances)
    return checks


def _live_by(live: Live, settings: LoadBalanceSettings) -> None:
    """Let what is known about an instance go on under the settings of now."""
    live.slow_start = settings.slow_start
    check, health = settings.health_check, live.health
    if not check.enabled:
        live.health = None
    elif health is None:
        live.health = Health(check.failure_threshold, check.success_threshold)
    else:
        health.fall, health.rise = check.failure_threshold, check.success_threshold


def _instance(service: str, settings: InstanceSettings, tls: BackendTls | None, live: Live) -> Instance:
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
        live,
    )
