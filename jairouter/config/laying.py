"""How an edit changes the stored changes: a patch laid over them, or a place in them taken away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jairouter.config.composing import REPLACE, compose, free_key, nested, node_at, pruned
from jairouter.config.finding import SERVICES, instances_path
from jairouter.config.instance_key import keys_of
from jairouter.config.loader import Loaded
from jairouter.config.naming import KeyPath
from jairouter.config.relative import relative
from jairouter.config.tree import lookup
from jairouter.control import Changes


def laid(loaded: Loaded, changes: Changes, patch: Changes) -> Changes:
    """Lay a patch over the changes, as far as it makes a difference.

    Args:
        loaded: the configuration in force.
        changes: those in force.
        patch: in canonical form, instances by the keys that changes know them by.

    Raises:
        InvalidConfiguration: there are secrets in the patch.
    """
    left = relative(patch, loaded.tree)
    if not left:
        return changes
    return unless_same(changes, pruned(compose(_without_lost(loaded, changes, left), left), loaded.below))


def _without_lost(loaded: Loaded, changes: Changes, patch: Changes) -> Changes:
    """Forget what was said of instances that are gone, where one with the same key is added."""
    services = _said(patch, SERVICES)
    for service, said in services.items() if isinstance(services, Mapping) else ():
        path = instances_path(service)
        there = frozenset(keys_of(lookup(loaded.tree, path)))
        instances = said.get("instances") if isinstance(said, Mapping) else None
        for key in instances if isinstance(instances, Mapping) else ():
            if key not in there and isinstance(_said(changes, (*path, key)), Mapping):
                changes = _without(changes, (*path, key))
    return changes


def _said(changes: Any, path: KeyPath) -> Any:
    for step in path:
        changes = changes.get(step) if isinstance(changes, Mapping) else None
    return changes


def renamed(loaded: Loaded, changes: Changes, path: KeyPath, old: str, new: str) -> Changes:
    """Give an instance that only the changes know the key that it has by what it says now.

    Args:
        loaded: the configuration in force before.
        changes: with the instance.
        path: the place of the instances.
        old: the key that it has.
        new: the key that it is to have.
    """
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


def unless_same(changes: Changes, made: Changes) -> Changes:
    """Return the changes there were, if the ones that were made are the same."""
    same = json.dumps(made, sort_keys=True) == json.dumps(changes, sort_keys=True)
    return changes if same else made


def taken_away(loaded: Loaded, changes: Changes, path: KeyPath) -> Changes:
    """Take away what is at a place; where only the changes know it, they do not speak of it any more.

    Args:
        loaded: the configuration in force.
        changes: those in force.
        path: the place, an instance by the key that changes know it by.
    """
    made = compose(changes, nested(path, None))
    if not is_below(loaded, changes, path):
        made = _without(made, path)
    return unless_same(changes, pruned(made, loaded.below))


def _without(changes: Changes, path: KeyPath) -> Changes:
    step, rest = str(path[0]), path[1:]
    if not rest:
        return {key: inner for key, inner in changes.items() if key != step}
    return {key: _without(inner, rest) if key == step else inner for key, inner in changes.items()}


def is_below(loaded: Loaded, changes: Changes, path: KeyPath) -> bool:
    """Whether something would be at a place if the changes did not speak of that place.

    Args:
        loaded: the configuration in force.
        changes: those in force.
        path: the place.
    """
    low: Any = loaded.below
    said: Any = changes
    for step in path:
        if said is None or isinstance(said, list) or (isinstance(said, Mapping) and REPLACE in said):
            return False
        said = said.get(step, {}) if isinstance(said, Mapping) else {}
        low = node_at(low, step)
    return low is not None
