"""From what is configured under `model` to how traffic is controlled: a part of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.config.inheritance import circuit_breaker_for, load_balance_for, retry_for
from jairouter.filters.fallback_plan import Plan, make_plans
from jairouter.plugins import balancer_maker
from jairouter.traffic.affinity import key_for
from jairouter.traffic.balancers.by_name import MAKERS, make_balancer
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.cool_down import CoolDown
from jairouter.traffic.group import Group
from jairouter.traffic.health import Health
from jairouter.traffic.hedging import HedgePolicy
from jairouter.traffic.instance import Identity, Instance, identity_of
from jairouter.traffic.limits import Limits
from jairouter.traffic.live import Live
from jairouter.traffic.outliers import OutlierLimits, Outliers
from jairouter.traffic.retry import RetryPolicy

if TYPE_CHECKING:
    from random import Random

    from jairouter.config.settings.balancing import HealthCheckSettings, LoadBalanceSettings
    from jairouter.config.settings.breaking import CircuitBreakerSettings
    from jairouter.config.settings.model import InstanceSettings
    from jairouter.config.settings.root import Settings
    from jairouter.filters.resolve import Services
    from jairouter.telemetry.changes import Changes
    from jairouter.traffic.permits import Ledger
    from jairouter.upstream.tls import BackendTls

InstancesTls = Mapping[tuple[str, int], "BackendTls"]
"""How connections are secured, by service and position of the instance."""


@dataclass(frozen=True, slots=True)
class Means:
    """What policies are made with, whatever is configured.

    Attributes:
        random: For what is left to chance.
        seconds: The clock.
        today: Seconds since the epoch.
        ledger: Counts what is lent out.
        changes: Told when an instance is taken out of use, and when it is back.
    """

    random: Random
    seconds: Callable[[], float]
    today: Callable[[], float]
    ledger: Ledger
    changes: Changes


@dataclass(frozen=True, slots=True)
class Policies:
    """How traffic is controlled by one configuration.

    Attributes:
        services: The instances that may get traffic, by service and model.
        limits: How many requests are let through.
        retries: When an attempt is followed by another one, by service.
        hedges: When there are two at a time, by service.
        fallbacks: What is answered when no instance could, by service.
        checks: The instances that are asked whether they are well, and how; those of weight 0 too.
        lives: What is known about each instance.
    """

    services: Services
    limits: Limits
    retries: Mapping[str, RetryPolicy]
    hedges: Mapping[str, HedgePolicy]
    fallbacks: Mapping[str, Plan]
    checks: Mapping[Instance, HealthCheckSettings]
    lives: Mapping[Identity, Live]


def make_policies(
    settings: Settings, tls: InstancesTls, means: Means, old: Policies | None = None
) -> Policies:
    """Make them.

    Args:
        settings: What is configured.
        tls: How connections are secured.
        means: What is needed for it.
        old: The ones that they take the place of. What is known about instances that stay goes on, and so do
            the counts of limits and retries.
    """
    limits = Limits(settings, means.seconds())
    if old is not None:
        limits.carry_over(old.limits, means.seconds())
    retries, hedges = _retries(settings, means, old)
    making = _Making(settings, tls, means, limits, old)
    services = {str(service): making.groups(str(service)) for service in settings.model.services}
    making.let_go()
    return Policies(
        services,
        limits,
        retries,
        hedges,
        make_plans(settings.model, means.seconds, old.fallbacks if old else None),
        _checks(settings, services),
        making.lives,
    )


class _Making:
    """Makes the groups of a configuration, out of the instances of the one before where they stay."""

    def __init__(
        self, settings: Settings, tls: InstancesTls, means: Means, limits: Limits, old: Policies | None
    ) -> None:
        self.lives: dict[Identity, Live] = {}
        self._model = settings.model
        self._tls = tls
        self._means = means
        self._limits = limits
        self._old = old.lives if old is not None else {}
        self._breakers: dict[str, CircuitBreakerSettings] = {}  # of instances that give none

    def groups(self, service: str) -> dict[str, Group]:
        """The instances of each model of a service."""
        load_balance = load_balance_for(self._model, service)
        models: dict[str, list[Instance]] = {}
        for index, each in enumerate(self._model.services[service].instances):
            if each.active:
                instance = self._instance(service, each, self._tls.get((service, index)), load_balance)
                models.setdefault(each.name, []).append(instance)
        balancer = make_balancer(load_balance, self._means.random, self._means.seconds, balancer_maker)
        header = load_balance.hash_header
        key_of = key_for(
            balancer.affinity,
            header=header.encode("ascii") if header else None,
            prefix_messages=load_balance.prefix_messages,
        )
        again, rest = retry_for(self._model, service).same_instance, load_balance.cool_down
        cool_down = CoolDown(rest.default, rest.max, self._means.today) if rest.enabled else None
        outliers = load_balance.outlier_detection
        watched = OutlierLimits.of(outliers) if outliers.enabled else None
        return {
            name: Group(
                several,
                balancer,
                load_balance.panic_threshold / 100,
                Outliers(several, watched, self._means.changes.ejected) if watched else None,
                key_of,
                again,
                cool_down,
            )
            for name, several in models.items()
        }

    def let_go(self) -> None:
        """Instances that are gone lend nothing any more but what is under way."""
        for identity, live in self._old.items():
            if identity not in self.lives and isinstance(live.breaker, Breaker):
                live.breaker.retire()

    def _instance(
        self,
        service: str,
        settings: InstanceSettings,
        tls: BackendTls | None,
        load_balance: LoadBalanceSettings,
    ) -> Instance:
        breaker = self._breaker(service, settings)
        label = settings.instance_id or ""
        identity = identity_of(service, settings.name, settings.base_url, settings.path, label)
        live = self.lives[identity] = self._old.get(identity) or Live()
        instance = _instance(service, settings, tls, live, breaker)
        live.slow_start = load_balance.slow_start
        live.memo = None  # of another balancer
        if load_balance.type in MAKERS and load_balance.type != "least-latency":
            live.latency = None  # nobody asks for it any more
        live.limiter = self._limits.of_instance(service, settings, self._means.seconds(), live.limiter)
        self._check(live, load_balance.health_check)
        self._break(instance, breaker)
        live.recheck()
        return instance

    def _breaker(self, service: str, settings: InstanceSettings) -> CircuitBreakerSettings:
        if settings.circuit_breaker is not None:
            return circuit_breaker_for(self._model, service, settings)
        if service not in self._breakers:
            self._breakers[service] = circuit_breaker_for(self._model, service)
        return self._breakers[service]

    def _check(self, live: Live, settings: HealthCheckSettings) -> None:
        if not settings.enabled:
            live.health = None
        elif live.health is None:
            live.health = Health(settings.failure_threshold, settings.success_threshold)
        else:
            live.health.fall, live.health.rise = settings.failure_threshold, settings.success_threshold

    def _break(self, instance: Instance, settings: CircuitBreakerSettings) -> None:
        live, breaker = instance.live, instance.live.breaker
        if isinstance(breaker, Breaker) and settings.enabled:
            breaker.limits = BreakerLimits.of(settings)
            breaker.on_change = self._means.changes.breaker_of(instance)
            return
        if isinstance(breaker, Breaker):
            breaker.retire()
        live.breaker = None
        if settings.enabled:
            told = self._means.changes.breaker_of(instance)
            live.breaker = Breaker(BreakerLimits.of(settings), self._means.ledger, told)


def _instance(
    service: str,
    settings: InstanceSettings,
    tls: BackendTls | None,
    live: Live,
    breaker: CircuitBreakerSettings,
) -> Instance:
    headers = tuple(
        (name.encode("ascii"), secret.reveal().encode("latin-1")) for name, secret in settings.headers.items()
    )
    return Instance(
        service,
        settings.name,
        settings.base_url,
        settings.path,
        0 if settings.status == "draining" else settings.weight,
        headers,
        tls,
        settings.instance_id or "",
        settings.priority,
        settings.timeout or None,
        (breaker.timeout or None) if breaker.enabled else None,
        settings.max_retries,
        live,
    )


def _retries(
    settings: Settings, means: Means, old: Policies | None
) -> tuple[dict[str, RetryPolicy], dict[str, HedgePolicy]]:
    retries: dict[str, RetryPolicy] = {}
    hedges: dict[str, HedgePolicy] = {}
    for service in map(str, settings.model.services):
        given = retry_for(settings.model, service)
        if not given.enabled:
            continue
        before = old.retries.get(service) if old is not None else None
        budget = RetryBudget(given.budget.ratio, given.budget.min_per_second, given.budget.window)
        if before is not None:
            budget = budget.after(before.budget)
        retries[service] = RetryPolicy(given, budget, means.random)
        if given.hedge.enabled:
            hedges[service] = HedgePolicy(given.hedge, retries[service])
            known = old.hedges.get(service) if old is not None else None
            if known is not None:
                hedges[service].carry_over(known, settings.model.services[service].models)
    return retries, hedges


def _checks(settings: Settings, services: Services) -> dict[Instance, HealthCheckSettings]:
    checks: dict[Instance, HealthCheckSettings] = {}
    for service, models in services.items():
        check = load_balance_for(settings.model, service).health_check
        if check.enabled:
            checks.update((each, check) for group in models.values() for each in group.instances)
    return checks
