"""Which instance of one configuration is which of another one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from jairouter.config.instance_key import keys_of
from jairouter.config.tree import lookup

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded
    from jairouter.config.settings.model import InstanceSettings

_Same = Callable[["InstanceSettings"], Hashable]


def matched(before: Loaded, after: Loaded, service: str) -> Iterable[tuple[str, int, int]]:
    """Match the instances of a service before with those after.

    The same are those of one key (which may not say all of a path, since that may hold a secret); else those
    of one model at one address, which were given an `instance-id` or lost it; else those of which all but the
    address is equal, which have moved.

    Returns:
        What each is called, and its positions, -1 for nowhere: those that were there before, in their order,
        then those that are new.
    """
    old, new = _instances(before, service), _instances(after, service)
    names, new_names = _names(before, service), _names(after, service)
    found: dict[int, int] = {}
    for same in (_exactly, None, _address, _all_but_address):
        olds, news = (names, new_names) if same is None else (list(map(same, old)), list(map(same, new)))
        _match(olds, news, found)
        if len(found) == min(len(old), len(new)):
            break
    there = set(found.values())
    yield from ((name, index, found.get(index, -1)) for index, name in enumerate(names))
    yield from ((name, -1, index) for index, name in enumerate(new_names) if index not in there)


def _match(before: Sequence[Hashable], after: Sequence[Hashable], found: dict[int, int]) -> None:
    """Add pairs of equal ones to what was found before."""
    taken = set(found.values())
    places: dict[Hashable, list[int]] = {}
    for index in range(len(after) - 1, -1, -1):
        if index not in taken:
            places.setdefault(after[index], []).append(index)
    for index, each in enumerate(before):
        if index not in found and places.get(each):
            found[index] = places[each].pop()


def _instances(loaded: Loaded, service: str) -> Sequence[InstanceSettings]:
    given = loaded.settings.model.services.get(service)
    return given.instances if given is not None else ()


def _names(loaded: Loaded, service: str) -> Sequence[str]:
    """The keys that changes know them by."""
    return keys_of(lookup(loaded.tree, ("model", "services", service, "instances")))


def _exactly(instance: InstanceSettings) -> Hashable:
    return instance.name, instance.base_url, instance.path, instance.instance_id


def _address(instance: InstanceSettings) -> Hashable:
    return instance.name, instance.base_url, instance.path


def _all_but_address(instance: InstanceSettings) -> Hashable:
    return instance.model_copy(update={"base_url": ""})
