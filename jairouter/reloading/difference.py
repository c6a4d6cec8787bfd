"""What is different between two configurations, as far as it means something.

Not the texts are compared, but what they come to: defaults and what services and instances inherit are filled
in. So a service that says `capacity: 100` and one that inherits 100 are the same, and so are a file and an
environment variable that say the same. What is inherited is told once, where it was changed, and not for
everybody who inherits it.

The order of instances is no difference: balancers go by configuration order only to begin somewhere, and give
everybody the same share in any order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.inheritance import OF_SERVICES, adapter_for, circuit_breaker_for, rate_limit_for
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.model import InstanceSettings, ModelSettings, ServiceSettings
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group
from jairouter.control import Difference
from jairouter.reloading.matching import matched
from jairouter.reloading.shown import hidden, shown
from jairouter.reloading.unequal import Item, Steps, Unequal, after_of, before_of, unequal, written
from jairouter.reloading.wording import worded

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded

_SERVICE: Final = Group(ServiceSettings)
_INSTANCE: Final = Group(InstanceSettings)
_LIMIT: Final = Group(RateLimitSettings)
_OF_INSTANCES: Final = frozenset({"adapter", "circuit-breaker", "rate-limit"})
_WHETHER: Final = frozenset({"enabled", "status"})
"""Two ways to say whether an instance gets requests."""

_ALL: Final = ""
"""Stands for no service in particular."""


def differences(before: Loaded, after: Loaded) -> tuple[Difference, ...]:
    """Compare two configurations.

    Returns:
        The services first, each with its instances; then what applies to all services; then the rest. Those
        of one configuration come in the order in which it has them.
    """
    return () if before is after else tuple(_Comparison(before, after).all())


class _Comparison:
    """The comparison of two configurations."""

    def __init__(self, before: Loaded, after: Loaded) -> None:
        self._before, self._after = before, after
        self._models = before.settings.model, after.settings.model
        self._of_all = {each.steps: each for each in self._inherited(_ALL)}

    def all(self) -> Iterator[Difference]:
        """All differences."""
        services = [each.services for each in self._models]
        for service in map(str, dict.fromkeys((*services[0], *services[1]))):
            yield from self._service(service, *(each.get(service) for each in services))
        for found in self._of_all.values():
            yield self._told(("model",), found)
        for member in Group(Settings).members.values():
            if member.key != "model":
                there = (getattr(each.settings, member.field) for each in (self._before, self._after))
                for found in unequal(member.shape, there, (member.key,)):
                    yield self._told((), found)

    def _service(
        self, service: str, before: ServiceSettings | None, after: ServiceSettings | None
    ) -> Iterator[Difference]:
        place: Steps = ("model", "services", service)
        of_service: dict[Steps, Unequal] = {}
        if before is None or after is None:
            yield self._told(place, Unequal((), _SERVICE, before, after))
        else:
            of_service = {each.steps: each for each in self._inherited(service)}
            for found in of_service.values():
                if not _explained(found, self._of_all):
                    yield self._told(place, found)
        one, other = (each.instances if each is not None else () for each in (before, after))
        for item in itertools.starmap(Item, matched(self._before, self._after, service)):
            pair = (
                one[item.before] if item.before >= 0 else None,
                other[item.after] if item.after >= 0 else None,
            )
            for found in self._instance(service, *pair, of_service):
                yield self._told((*place, "instances", item), found)

    def _inherited(self, service: str) -> Iterator[Unequal]:
        """What applies to a service, wherever it was given."""
        shapes = _SERVICE.members
        for key, effective in OF_SERVICES.items():
            there = (effective(each, service) for each in self._models)
            yield from unequal(shapes[key].shape, there, (key,))
        yield from self._limits(service, (None, None))

    def _instance(
        self,
        service: str,
        before: InstanceSettings | None,
        after: InstanceSettings | None,
        of_service: Mapping[Steps, Unequal],
    ) -> Iterator[Unequal]:
        if before is None or after is None:
            yield Unequal((), _INSTANCE, before, after)
            return
        if before != after or before.tls is not None:  # (of TLS it matters what is written)
            yield from _own(before, after)
        pair = before, after
        found = list(self._limits(service, pair)) if before.rate_limit or after.rate_limit else []
        members = _INSTANCE.members
        if before.circuit_breaker or after.circuit_breaker:
            breakers = map(circuit_breaker_for, self._models, (service, service), pair)
            found += unequal(members["circuit-breaker"].shape, breakers, ("circuit-breaker",))
        if before.adapter or after.adapter:
            adapters = map(adapter_for, self._models, (service, service), pair)
            found += unequal(members["adapter"].shape, adapters, ("adapter",))
        yield from (each for each in found if not _explained(each, of_service))

    def _limits(
        self, service: str, instances: tuple[InstanceSettings | None, InstanceSettings | None]
    ) -> Iterator[Unequal]:
        """The limits given in one place; which is there only if it was given there, and enabled."""
        there = [rate_limit_for(m, service, i) for m, i in zip(self._models, instances, strict=True)]
        is_there = [
            each.enabled and _gives_limit(model, service, instance)
            for each, model, instance in zip(there, self._models, instances, strict=True)
        ]
        if is_there[0] != is_there[1]:
            one, other = (each if is_ else None for each, is_ in zip(there, is_there, strict=True))
            yield Unequal(("rate-limit",), _LIMIT, one, other)
            return
        yield from (
            each
            for each in unequal(_LIMIT, there, ("rate-limit",))
            if each.steps != ("rate-limit", "enabled")
        )

    def _told(self, place: Steps, found: Unequal) -> Difference:
        steps, shape = (*place, *found.steps), found.shape
        before = shown(self._before, shape, found.before, _places(before_of(steps)))
        after = shown(self._after, shape, found.after, _places(after_of(steps)))
        kind = "added" if found.before is None else "removed" if found.after is None else "changed"
        if isinstance(shape, Group) and shape.model is ServiceSettings:
            # The instances follow, each by itself
            before, after = (_without_instances(each) for each in (before, after))
        masked = hidden(shape, found.before) or hidden(shape, found.after)
        return Difference(kind, written(steps), before, after, worded(kind, steps, before, after, masked))


def _explained(found: Unequal, outer: Mapping[Steps, Unequal]) -> bool:
    """Whether it is only what was changed further out."""
    if isinstance(found.shape, Group):
        return False  # a limit of its own
    source = outer.get(found.steps)
    return source is not None and source[2:] == found[2:]


def _own(before: InstanceSettings, after: InstanceSettings) -> Iterator[Unequal]:
    """What instances do not inherit."""
    for key, member in _INSTANCE.members.items():
        if key in _OF_INSTANCES or key in _WHETHER:
            continue
        one, other = getattr(before, member.field), getattr(after, member.field)
        yield from unequal(member.shape, (one, other), (key,), given=member.inherits)
    if _state(before) != _state(after):
        key = "enabled" if before.enabled != after.enabled else "status"
        yield Unequal((key,), _INSTANCE.members[key].shape, getattr(before, key), getattr(after, key))


def _state(instance: InstanceSettings) -> str:
    return instance.status if instance.enabled else "inactive"


def _gives_limit(model: ModelSettings, service: str, instance: InstanceSettings | None) -> bool:
    if instance is not None:
        return instance.rate_limit is not None
    given = model.services.get(service)
    return service == _ALL or (given is not None and given.rate_limit is not None)


def _places(path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Where a value may have been given: there, or further out, where it is one that is inherited."""
    yield path
    if path[:2] != ("model", "services"):
        return
    inner = path[3:]
    if inner[:1] == ("instances",):
        inner = inner[2:]
        if inner[:1] and inner[0] in _OF_INSTANCES:
            yield (*path[:3], *inner)
    if inner[:1] and (inner[0] in OF_SERVICES or inner[0] == "rate-limit"):
        yield ("model", *inner)


def _without_instances(service: Any) -> Any:
    if service is None:
        return None
    return {key: value for key, value in service.items() if key != "instances"}
