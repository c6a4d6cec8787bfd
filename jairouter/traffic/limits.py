"""From what is configured to the limits that there are.

| configured at | enforced | what has a bucket of its own |
|---|---|---|
| `security.validation.rate-limit`, `model.rate-limit` | once a request, by Limit | all requests together |
| `model.services.X.rate-limit` | once a request, by Limit | the service |
| one of these, with a `scope` of `model`, `client-ip`, `caller` | likewise | each of them |
| one of these, with `client-ip-enable` | likewise, and besides | each client address |
| one of these, with `scope: instance` | once an attempt, by Pick | each instance |
| `model.services.X.instances[].rate-limit` | once an attempt, by Pick | the instance |
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

from jairouter.config.inheritance import rate_limit_for
from jairouter.traffic.limiters.by_name import make_limiter, maker
from jairouter.traffic.limiters.keyed import Bounds, Keyed
from jairouter.traffic.rule import Each, Place, Rule, Single

if TYPE_CHECKING:
    from jairouter.config.settings.limits import RateLimitSettings
    from jairouter.config.settings.model import InstanceSettings, ModelSettings
    from jairouter.config.settings.root import Settings
    from jairouter.exchange import Exchange
    from jairouter.interfaces import ILimiter

_LENDING = frozenset({"leaky-bucket", "concurrency"})
_ALL_MODELS = Bounds(sys.maxsize, math.inf, math.inf)
"""Only models that are configured come so far."""


def _address(exchange: Exchange) -> Hashable:
    return exchange.request.client_ip


def _caller(exchange: Exchange) -> Hashable:
    return exchange.caller


def _model(exchange: Exchange) -> Hashable:
    return exchange.request.route.service, exchange.model


_EACH: dict[str, tuple[str, Callable[[Exchange], Hashable]]] = {
    "client-ip": ("each client address", _address),
    "caller": ("each caller", _caller),
    "model": ("the model {model}", _model),
}
"""What a limit of each of them is called, and how to tell them apart."""


class Limits:
    """The limits of one configuration, and how much of them is used.

    Args:
        settings: The configuration.
        now: The clock's seconds.
    """

    def __init__(self, settings: Settings, now: float) -> None:
        self._settings = settings.model
        self._limits: dict[Place, Single | Each] = {}
        self._of_instances: dict[str, ILimiter] = {}  # those that name a key
        self._carried_over: set[ILimiter] = set()  # from and to
        self._outer: dict[str, RateLimitSettings | None] = {}  # of instances that give none
        self._lends: set[Place] = set()
        self._buckets: set[Place] = set()
        outer = []
        validation = settings.security.validation
        if validation.enabled:
            outer += self._level(("validation",), "all requests", validation.rate_limit, now)
        outer += self._level(("model",), "all requests", settings.model.rate_limit, now)
        self._rules: dict[str, Rule] = {}
        for service, given in settings.model.services.items():
            limits = [*outer]
            if given.rate_limit is not None:
                merged = _own(rate_limit_for(settings.model, service), given.rate_limit)
                limits += self._level(("service", str(service)), f"the service {service}", merged, now)
            places = dict.fromkeys(limits)  # what both levels share by its key counts once
            if places:
                lends = not self._lends.isdisjoint(places)
                buckets = self._buckets.issuperset(places)
                each = [self._limits[place] for place in places]
                self._rules[str(service)] = Rule(each, lends=lends, buckets=buckets)

    def __bool__(self) -> bool:
        """Whether there is any limit on the requests of a service."""
        return bool(self._rules)

    @property
    def rules(self) -> Mapping[str, Rule]:
        """The limits on the requests of each service that has any."""
        return self._rules

    def rule(self, service: str) -> Rule | None:
        """The limits on the requests of a service, or None if there are none."""
        return self._rules.get(service)

    def of_instance(
        self, service: str, instance: InstanceSettings, now: float, old: ILimiter | None = None
    ) -> ILimiter | None:
        """The limiter of one instance, for `Live.limiter`; None if it has none.

        Args:
            service: The instance's.
            instance: Its settings.
            now: The clock's seconds.
            old: Its limiter before a reload.
        """
        settings, key = self._settings_of(service, instance)
        if settings is None:
            return None
        limiter = make_limiter(settings, now) if key is None else self._of_instances.get(key)
        if limiter is None:
            limiter = self._of_instances[str(key)] = make_limiter(settings, now)
        # One from one: what instances shared before, or share from now on, must not join their counts
        if old is not None and self._carried_over.isdisjoint((old, limiter)):
            self._carried_over |= {old, limiter}
            limiter.carry_over(old, now)
        return limiter

    def carry_over(self, old: Limits, now: float) -> None:
        """Begin where others stand, after a reload; called before anything is asked of these.

        From then on the others admit as these do: a request whose body was still arriving asks them only now,
        and would else be counted where nobody looks any more.
        """
        for place, limit in self._limits.items():
            before = old._limits.get(place)
            if isinstance(limit, Each) and isinstance(before, Each):
                limit.table.carry_over(before.table, now)
            elif isinstance(limit, Single) and isinstance(before, Single):
                limit.limiter.carry_over(before.limiter, now)
        rules, self._rules = self._rules, old._rules
        self._rules.clear()
        self._rules.update(rules)

    def _settings_of(
        self, service: str, instance: InstanceSettings
    ) -> tuple[RateLimitSettings | None, str | None]:
        """The settings of an instance's limit, and the name of the bucket that it shares with others."""
        if instance.rate_limit is not None:
            return _given(self._settings, service, instance)
        if service not in self._outer:
            self._outer[service] = _from_outside(self._settings, service)
        return self._outer[service], None

    def _level(self, place: Place, name: str, settings: RateLimitSettings, now: float) -> list[Place]:
        """Make the limits that are configured in one place. Returns where they are to be found."""
        if not settings.enabled:
            return []
        places, scope = [], settings.scope
        if scope == "key":
            places.append(self._single(("key", settings.key or ""), "several services", settings, now))
        elif scope == "service":
            places.append(self._single(place, name, settings, now))
        elif scope in _EACH:
            places.append(self._each((*place, scope), scope, name, settings, now))
        if settings.client_ip_enable and settings.client_ip.enabled:
            own = _of_one_address(settings)
            places.append(self._each((*place, "client-ip-enable"), "client-ip", name, own, now))
        return places

    def _single(self, place: Place, name: str, settings: RateLimitSettings, now: float) -> Place:
        if place not in self._limits:
            scope = {"key": "key", "service": "service"}.get(place[0], "global")
            told = (scope, settings.algorithm)
            self._add(Single(place, name, make_limiter(settings, now), told), settings)
        return place

    def _each(self, place: Place, scope: str, name: str, settings: RateLimitSettings, now: float) -> Place:
        what, key_of = _EACH[scope]
        bounds = _ALL_MODELS
        if scope != "model":
            kept = settings.client_ip
            bounds = Bounds(kept.max_clients, kept.max_idle_time, kept.cleanup_interval)
            what = f"{what} for {name}"
        told = (scope, settings.algorithm)
        self._add(Each(place, what, Keyed(maker(settings), bounds, now), key_of, told), settings)
        return place

    def _add(self, limit: Single | Each, settings: RateLimitSettings) -> None:
        self._limits[limit.place] = limit
        if settings.algorithm in _LENDING:
            self._lends.add(limit.place)
        elif settings.algorithm == "token-bucket":
            self._buckets.add(limit.place)


def _own(merged: RateLimitSettings, given: RateLimitSettings) -> RateLimitSettings:
    """The limit that a service gives: which bucket it shares, it has to say itself.

    A key from outside is that of the bucket there, and what else the service says would count for nothing.
    """
    if merged.scope == "key" and given.model_fields_set.isdisjoint({"scope", "key"}):
        return merged.model_copy(update={"scope": "service"})
    return merged


def _of_one_address(settings: RateLimitSettings) -> RateLimitSettings:
    """The limit of one address: its own burst and rate where they are given, else those from outside."""
    own = settings.client_ip
    update: dict[str, object] = {}
    if own.rate is not None:
        update["rate"] = own.rate
    if own.capacity is not None:
        update["capacity"] = own.capacity
    if update:  # a window has no burst, but a number of requests
        update["max_requests"] = own.capacity
    return settings.model_copy(update=update)


def _given(
    model: ModelSettings, service: str, instance: InstanceSettings
) -> tuple[RateLimitSettings | None, str | None]:
    """The limit that an instance gives, and the name of the bucket that it shares with other instances."""
    given = instance.rate_limit
    assert given is not None
    merged = rate_limit_for(model, service, instance)
    # A scope from outside is about what stands there, and would have an attempt pay twice
    shares = merged.scope == "key" and "scope" in given.model_fields_set
    return (merged if merged.enabled else None), (merged.key or "" if shares else None)


def _from_outside(model: ModelSettings, service: str) -> RateLimitSettings | None:
    """The limit of each instance that gives none: that of its service, or of all, with `scope: instance`."""
    configured = model.services.get(service)
    levels = [model.rate_limit]
    if configured is not None and configured.rate_limit is not None:
        levels.insert(0, rate_limit_for(model, service))
    return next((each for each in levels if each.enabled and each.scope == "instance"), None)
