"""What can be done to the stored changes: each of these is an `Edit`, and pure.

A new version says no more than it has to: what a request repeats of what is in force is left to where it
comes from, so that an edit of one instance leaves all others, and the files under them, as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jairouter.config.composing import REPLACE, compose, free_key, json_text, nested, node_at, own_key, pruned
from jairouter.config.faults import Fault, Origin
from jairouter.config.finding import (
    SERVICES,
    find_instance,
    instances_in,
    instances_path,
    known_service,
    printable,
)
from jairouter.config.instance_key import IDENTITY, key_of_node, keys_of, text_of
from jairouter.config.loader import Loaded
from jairouter.config.matching import as_added, identity_of, named
from jairouter.config.naming import KeyPath, dotted, service_name
from jairouter.config.patch import canonical_changes, refuse
from jairouter.config.relative import relative
from jairouter.config.tree import lookup
from jairouter.control import AlreadyExists, Changes, Edit, InvalidRequest, Refusal

_ADDED = "@added"
"""Stands for the key of an instance that is being added."""


def merge(body: Any) -> Edit:
    """Lay a patch over what is in force.

    Args:
        body: a patch of the whole, keys in any spelling; see `jairouter.control`. Where it has a list of
            instances, these are all that stay.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        patch = named(canonical_changes(body, ()), loaded.tree)
        return _laid(loaded, changes, patch)

    return edit


def replace_all(body: Any) -> Edit:
    """Put other changes in place of all there are.

    Args:
        body: as with `merge`, but laid over what the files say.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        patch = named(canonical_changes(body, ()), loaded.below)
        return _unless_same(changes, pruned(relative(patch, loaded.below), loaded.below))

    return edit


def reset() -> Edit:
    """Take away all changes, so that what the files say applies again."""
    return lambda loaded, changes: _unless_same(changes, {})


def add_service(service: str, body: Any) -> Edit:
    """Add a service.

    Args:
        service: its name, in any spelling.
        body: what is said of it; may be empty.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        name = _service(service)
        if name in loaded.settings.model.services:
            raise AlreadyExists(f"the service {name} is configured already")
        path: KeyPath = (*SERVICES, name)
        patch = named(nested(path, canonical_changes(body or {}, path)), loaded.tree)
        return _laid(loaded, changes, patch)

    return edit


def update_service(service: str, body: Any) -> Edit:
    """Change a service: mappings are merged, a list of instances is all that stay, the rest is left alone.

    Args:
        service: its name, in any spelling.
        body: what is to be different.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        path: KeyPath = (*SERVICES, known_service(loaded, service))
        patch = named(nested(path, canonical_changes(body, path)), loaded.tree)
        return _laid(loaded, changes, patch)

    return edit


def delete_service(service: str) -> Edit:
    """Take a service away.

    Args:
        service: its name, in any spelling.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        path: KeyPath = (*SERVICES, known_service(loaded, service))
        return _taken_away(loaded, changes, path)

    return edit


def add_instance(service: str, body: Any) -> Edit:
    """Add an instance, and its service if that is not there.

    Args:
        service: name of the service, in any spelling.
        body: what is said of the instance; at least its name and address.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        name = _service(service)
        path = instances_path(name)
        instance = as_added(canonical_changes(body, (*path, _ADDED)))
        missing = [key for key in ("name", "base-url") if instance.get(key) in {None, ""}]
        origin = Origin("the request")
        refuse([Fault("this key is required", origin, dotted((*path, _ADDED, key))) for key in missing])
        _check_new(loaded, name, instance, None)
        key = free_key(own_key(instance), keys_of(lookup(loaded.tree, path)))
        return _laid(loaded, changes, nested((*path, key), instance))

    return edit


def update_instance(service: str, which: str, body: Any) -> Edit:
    """Change an instance; what is not said stays.

    Args:
        service: name of its service, in any spelling.
        which: see `find_instance`.
        body: what is to be different.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find_instance(loaded, service, which)
        name = known_service(loaded, service)
        path = instances_path(name)
        patch = dict(canonical_changes(body, (*path, found.key)))
        node = instances_in(loaded.tree, name)[found.index]
        given = json_text(patch.get("instance-id"))
        if given not in {None, text_of(node, "instance-id")} and _means(loaded, name, given, found.index):
            del patch["instance-id"]  # it only says which one is meant
        whole = {key: text_of(node, key) for key in IDENTITY} | patch
        _check_new(loaded, name, whole, found.index)
        laid = _laid(loaded, changes, nested((*path, found.key), patch))
        if laid is changes or _is_below(loaded, changes, (*path, found.key)):
            return laid
        return _renamed(loaded, laid, path, found.key, own_key(whole))

    return edit


def delete_instance(service: str, which: str) -> Edit:
    """Take an instance away.

    Args:
        service: name of its service, in any spelling.
        which: see `find_instance`.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find_instance(loaded, service, which)
        path = instances_path(known_service(loaded, service))
        return _taken_away(loaded, changes, (*path, found.key))

    return edit


def _service(spelling: str) -> str:
    name = service_name(spelling)
    if name is None:
        raise InvalidRequest(f"there is no service {printable(spelling)}")
    return name


def _laid(loaded: Loaded, changes: Changes, patch: Changes) -> Changes:
    """Lay a patch over the changes, as far as it makes a difference."""
    left = relative(patch, loaded.tree)
    if not left:
        return changes
    return _unless_same(changes, pruned(compose(_without_lost(loaded, changes, left), left), loaded.below))


def _without_lost(loaded: Loaded, changes: Changes, patch: Changes) -> Changes:
    """Forget what was said of instances that are gone, where one with the same key is added."""
    services = _said(patch, SERVICES)
    for service, said in services.items() if isinstance(services, Mapping) else ():
        path = instances_path(service)
        there = keys_of(lookup(loaded.tree, path))
        instances = said.get("instances") if isinstance(said, Mapping) else None
        for key in instances if isinstance(instances, Mapping) else ():
            if key not in there and isinstance(_said(changes, (*path, key)), Mapping):
                changes = _without(changes, (*path, key))
    return changes


def _said(changes: Any, path: KeyPath) -> Any:
    for step in path:
        changes = changes.get(step) if isinstance(changes, Mapping) else None
    return changes


def _means(loaded: Loaded, service: str, which: str, index: int) -> bool:
    try:
        return find_instance(loaded, service, which).index == index
    except Refusal:
        return False


def _check_new(loaded: Loaded, service: str, instance: Mapping[str, Any], index: int | None) -> None:
    """Refuse an instance that another one is already.

    Args:
        loaded: the configuration in force.
        service: canonical name of its service.
        instance: what is said of it.
        index: the position of the one that becomes this one, if any.
    """
    given = loaded.settings.model.services.get(service)
    used = [(node, key_of_node(node)) for node in instances_in(loaded.tree, service)]
    mine, key = identity_of(instance), own_key(instance)
    for other, each in enumerate(given.instances if given else ()):
        node, known = used[other]
        written = identity_of({name: text_of(node, name) for name in IDENTITY})
        meant = identity_of({"name": each.name, "base-url": each.base_url, "path": each.path})
        if other != index and (mine in {written, meant} or key == known):
            raise AlreadyExists(f"{service} has an instance {printable(known)} already")


def _renamed(loaded: Loaded, changes: Changes, path: KeyPath, old: str, new: str) -> Changes:
    """Give an instance that only the changes know the key that it has by what it says now."""
    instances = _said(changes, path)
    if old == new or not isinstance(instances, Mapping):
        return changes
    new = free_key(new, (*keys_of(lookup(loaded.tree, path)), *instances))
    made = {new if key == old else key: inner for key, inner in instances.items()}
    return _with(changes, path, made)


def _with(changes: Changes, path: KeyPath, value: Any) -> Changes:
    step, rest = str(path[0]), path[1:]
    return {
        key: (_with(inner, rest, value) if rest else value) if key == step else inner
        for key, inner in changes.items()
    }


def _unless_same(changes: Changes, made: Changes) -> Changes:
    """Return the changes there were, if the ones that were made are the same."""
    same = json.dumps(made, sort_keys=True) == json.dumps(changes, sort_keys=True)
    return changes if same else made


def _taken_away(loaded: Loaded, changes: Changes, path: KeyPath) -> Changes:
    """Take away what is at a place; where only the changes know it, they do not speak of it any more."""
    made = compose(changes, nested(path, None))
    if not _is_below(loaded, changes, path):
        made = _without(made, path)
    return _unless_same(changes, pruned(made, loaded.below))


def _without(changes: Changes, path: KeyPath) -> Changes:
    step, rest = str(path[0]), path[1:]
    if not rest:
        return {key: inner for key, inner in changes.items() if key != step}
    return {key: _without(inner, rest) if key == step else inner for key, inner in changes.items()}


def _is_below(loaded: Loaded, changes: Changes, path: KeyPath) -> bool:
    """Whether something would be at a place if the changes did not speak of that place."""
    low: Any = loaded.below
    said: Any = changes
    for step in path:
        if said is None or isinstance(said, list) or (isinstance(said, Mapping) and REPLACE in said):
            return False
        said = said.get(step, {}) if isinstance(said, Mapping) else {}
        low = node_at(low, step)
    return low is not None
