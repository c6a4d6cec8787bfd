"""What can be done to the stored changes: each of these is an `Edit`, and pure.

A new version says no more than it has to: what a request repeats of what is in force is left to where it
comes from, so that an edit of one instance leaves all others, and the files under them, as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jairouter.config.composing import free_key, json_text, nested, own_key, pruned
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
from jairouter.config.laying import is_below, laid, renamed, taken_away, unless_same
from jairouter.config.loader import Loaded
from jairouter.config.matching import as_added, identity_of, named
from jairouter.config.naming import KeyPath, dotted, service_name
from jairouter.config.patch import canonical_changes, refuse
from jairouter.config.relative import relative
from jairouter.config.tree import lookup
from jairouter.control import Changes, Edit
from jairouter.refusals import AlreadyExists, InvalidRequest, Refusal

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
        return laid(loaded, changes, patch)

    return edit


def replace_all(body: Any) -> Edit:
    """Put other changes in place of all there are.

    Args:
        body: as with `merge`, but laid over what the files say.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        patch = named(canonical_changes(body, ()), loaded.below)
        return unless_same(changes, pruned(relative(patch, loaded.below), loaded.below))

    return edit


def reset() -> Edit:
    """Take away all changes, so that what the files say applies again."""
    return lambda loaded, changes: unless_same(changes, {})


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
        return laid(loaded, changes, patch)

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
        return laid(loaded, changes, patch)

    return edit


def delete_service(service: str) -> Edit:
    """Take a service away.

    Args:
        service: its name, in any spelling.
    """

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        path: KeyPath = (*SERVICES, known_service(loaded, service))
        return taken_away(loaded, changes, path)

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
        return laid(loaded, changes, nested((*path, key), instance))

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
        made = laid(loaded, changes, nested((*path, found.key), patch))
        if made is changes or is_below(loaded, changes, (*path, found.key)):
            return made
        return renamed(loaded, made, path, found.key, own_key(whole))

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
        return taken_away(loaded, changes, (*path, found.key))

    return edit


def _service(spelling: str) -> str:
    name = service_name(spelling)
    if name is None:
        raise InvalidRequest(f"there is no service {printable(spelling)}")
    return name


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
