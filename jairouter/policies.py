"""From what is configured under `model` to how traffic is controlled: a part of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.group import Group
from jairouter.traffic.instance import Instance
from jairouter.traffic.live import Live

if TYPE_CHECKING:
    from random import Random

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
        models: dict[str, list[Instance]] = {}
        for index, each in enumerate(configured.instances):
            if each.active:
                identity = (str(service), each.name, each.base_url, each.path)
                live = (old.lives.get(identity) if old else None) or Live()
                lives[identity] = live
                instance = _instance(str(service), each, tls.get((str(service), index)), live)
                models.setdefault(each.name, []).append(instance)
        balancer = RandomBalancer(means.random)
        services[str(service)] = {name: Group(several, balancer) for name, several in models.items()}
    return Policies(services, lives)


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
