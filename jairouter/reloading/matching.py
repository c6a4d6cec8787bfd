"""Which instance of one configuration is which of another one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from jairouter.config.instance_key import key_of

if TYPE_CHECKING:
    from jairouter.config.settings.model import InstanceSettings


def key_of_settings(instance: InstanceSettings) -> str:
    """What an instance is called in paths and texts."""
    return key_of(instance.name, instance.base_url, instance.path, instance.instance_id)


def matched(
    before: Sequence[InstanceSettings], after: Sequence[InstanceSettings]
) -> list[tuple[int, int]]:
    """Match the instances of a service before with those after.

    The same are those of one key (which may not say all of a path, since that may hold a secret); else those
    of one model at one address, which were given an `instance-id` or lost it; else those of which all but the
    address is equal, which have moved.

    Returns:
        Positions, -1 for nowhere: those that were there before, in their order, then those that are new.
    """
    found: dict[int, int] = {}
    for same in (_exactly, key_of_settings, _address, _all_but_address):
        places: dict[Hashable, list[int]] = {}
        taken = set(found.values())
        left = [index for index in range(len(after)) if index not in taken]
        for index in left:
            places.setdefault(same(after[index]), []).append(index)
        for index, each in enumerate(before):
            if left and index not in found and (there := places.get(same(each))):
                found[index] = there.pop(0)
    there_too = set(found.values())
    pairs = [(index, found.get(index, -1)) for index in range(len(before))]
    return pairs + [(-1, index) for index in range(len(after)) if index not in there_too]



def _exactly(instance: InstanceSettings) -> Hashable:
    return instance.name, instance.base_url, instance.path, instance.instance_id


def _address(instance: InstanceSettings) -> Hashable:
    return instance.name, instance.base_url, instance.path


def _all_but_address(instance: InstanceSettings) -> Hashable:
    return instance.model_copy(update={"base_url": ""})
