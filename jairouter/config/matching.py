"""Which instances a request means that has a list of them, or names them its own way."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from jairouter.config.composing import REPLACE, free_key, json_text, own_key
from jairouter.config.faults import Fault, Origin
from jairouter.config.finding import SERVICES, ids_of, instances_in, instances_path
from jairouter.config.instance_key import IDENTITY, key_of, key_of_node, keys_of, text_of
from jairouter.config.naming import dotted
from jairouter.config.patch import refuse
from jairouter.config.relative import replacing
from jairouter.config.tree import Members, Node, lookup
from jairouter.control import Changes

_REQUEST: Final = Origin("the request")


def named(patch: Changes, tree: Members) -> Changes:
    """Name all instances in a patch by the keys that changes know them by.

    A list of instances becomes what has to be done to make the instances those in the list; so one whose
    secret is masked keeps it, and what is the same comes from where it came from.

    Args:
        patch: in canonical form.
        tree: what is in force.

    Raises:
        InvalidConfiguration: something is said of instances that are not there.
    """
    model, replaced = patch.get(SERVICES[0]), REPLACE in patch
    services = model.get(SERVICES[1]) if isinstance(model, Mapping) else None
    if not isinstance(model, Mapping) or not isinstance(services, Mapping):
        return patch
    replaced = replaced or REPLACE in model or REPLACE in services
    made = dict(services)
    for service, said in services.items():
        instances = said.get("instances") if isinstance(said, Mapping) else None
        if isinstance(instances, list | Mapping):
            alone = replaced or REPLACE in said or REPLACE in instances
            naming = _Naming(service, None if alone else tree)
            made[service] = {**said, "instances": naming.of(instances)}
    return {**patch, SERVICES[0]: {**model, SERVICES[1]: made}}


class _Naming:
    """The instances of one service, which a request may mean."""

    def __init__(self, service: str, tree: Members | None) -> None:
        self._service = service
        self._nodes = instances_in(tree, service)
        self._keys = keys_of(lookup(tree, instances_path(service)))
        self._ids = ids_of(self._nodes)

    def of(self, said: list[Any] | Mapping[str, Any]) -> Changes:
        """Return what is said of instances, by their keys."""
        return self._of_list(said) if isinstance(said, list) else self._of_mapping(said)

    def _of_list(self, wanted: Sequence[Any]) -> Changes:
        left = dict.fromkeys(range(len(self._nodes)))
        pairs: list[tuple[Any, int | None]] = []
        for instance in wanted:
            index = self._meant(instance, left)
            if index is not None:
                del left[index]
            pairs.append((instance, index))
        made: dict[str, Any] = {self._keys[index]: None for index in left}
        taken = {*self._keys}
        for instance, index in pairs:
            if index is None:
                added = as_added(instance)
                self._check_whole(own_key(added), added)
                key = free_key(own_key(added), taken)
                taken.add(key)
                made[key] = added
            else:
                made[self._keys[index]] = self._replacing(instance, index)
        return made

    def _replacing(self, wanted: Mapping[str, Any], index: int) -> dict[str, Any]:
        node = self._nodes[index]
        given, own = json_text(wanted.get("instance-id")), text_of(node, "instance-id")
        if given in {None, own} or given not in self._names(index):
            return replacing(wanted, node)
        # It only says which one is meant.
        patch = replacing({name: value for name, value in wanted.items() if name != "instance-id"}, node)
        patch.pop("instance-id", None)
        return patch

    def _names(self, index: int) -> set[str]:
        node = self._nodes[index]
        return {self._ids[index], self._keys[index], key_of_node(node), _address(node)}

    def _meant(self, instance: Any, left: Collection[int]) -> int | None:
        """Return which of the instances that are left is meant: by its name here, or by all it says."""
        if not isinstance(instance, Mapping):
            return None
        said = (json_text(instance.get("instance-id")), own_key(instance), identity_of(instance))
        for name, places in zip(said, self._by_saying, strict=True):
            found = [index for index in places.get(name, ()) if index in left]
            if len(found) == 1:
                return found[0]
        return None

    @cached_property
    def _written(self) -> tuple[str, ...]:
        return tuple(map(key_of_node, self._nodes))

    @cached_property
    def _by_saying(self) -> tuple[Mapping[Hashable, list[int]], ...]:
        """Where the instances are by what an entry of a list says of itself, the best first."""
        return tuple(map(_places, (self._ids, self._written, map(_identity, self._nodes))))

    @cached_property
    def _by_name(self) -> tuple[Mapping[Hashable, list[int]], ...]:
        """Where they are by what a mapping may call them, the best first."""
        addresses = map(_address, self._nodes)
        return tuple(map(_places, (self._ids, self._written, self._keys, addresses)))

    def _of_mapping(self, said: Mapping[str, Any]) -> Changes:
        made: dict[str, Any] = {}
        taken = {*self._keys}
        for name, inner in said.items():
            index = self._called(name)
            if name == REPLACE or index is not None:
                key = name if index is None else self._keys[index]
                if key in made:
                    self._refuse(name, "this is given twice, by another name")
                made[key] = inner
            elif inner is None:
                continue
            else:
                self._check_whole(name, inner)
                added = as_added(inner)
                key = free_key(own_key(added), taken)
                taken.add(key)
                made[key] = added
        return made

    def _check_whole(self, key: str, said: Any) -> None:
        missing = [name for name in ("name", "base-url") if said.get(name) in {None, ""}]
        if missing:
            told = f"there is no such instance; one that is added needs {' and '.join(missing)}"
            self._refuse(key, told)

    def _refuse(self, key: str, told: str) -> None:
        refuse([Fault(told, _REQUEST, dotted((*instances_path(self._service), key)))])

    def _called(self, name: str) -> int | None:
        """Return the instance of a name: by what it is called now, before what changes know it by."""
        for wanted in (name, name.rstrip("/")):
            for places in self._by_name:
                found = places.get(wanted, ())
                if len(found) == 1:
                    return found[0]
        return None


def as_added(instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return an instance that is to be added, without an `instanceId` that answers made up for another."""
    added = dict(instance)
    given = json_text(added.get("instance-id"))
    own = own_key({**added, "instance-id": None})
    if given is not None and given in {
        own,
        own_key({"name": added.get("name"), "base-url": added.get("base-url")}),
    }:
        del added["instance-id"]
    return added


def identity_of(instance: Mapping[str, Any]) -> tuple[str, str]:
    """Return what no two instances of a service may have in common: name, and address with path."""
    texts = {name: json_text(instance.get(name)) or "" for name in IDENTITY}
    return texts["name"], key_of("", texts["base-url"], texts["path"])


def _places(names: Iterable[Hashable]) -> dict[Hashable, list[int]]:
    """Return where each name stands."""
    places: dict[Hashable, list[int]] = {}
    for index, name in enumerate(names):
        places.setdefault(name, []).append(index)
    return places


def _identity(node: Node) -> tuple[str, str]:
    return identity_of({name: text_of(node, name) for name in IDENTITY})


def _address(node: Node) -> str:
    return key_of(text_of(node, "name") or "", text_of(node, "base-url") or "")
