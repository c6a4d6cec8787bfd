"""Changes laid over changes, as JSON values: what is done one after the other, done at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from jairouter.config.instance_key import IDENTITY, key_of, keys_of
from jairouter.config.naming import KeyPath
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape, at
from jairouter.config.tree import Items, Node, child
from jairouter.control import Changes

REPLACE: Final = "$patch"
"""The member that says, with the value `replace`, that what lies below is replaced."""
ROOT: Final = Group(Settings)
ABSENT: Final = object()
"""Stands where nothing is said, which is not the same as `null`."""


def compose(below: Changes, above: Changes) -> Changes:
    """Return the changes that do what some changes do, and then others.

    Args:
        below: those that come first, in canonical form.
        above: those that come then, likewise.
    """
    composed: Changes = _composed(below, above, ROOT)
    return composed


def _composed(low: Any, high: Any, shape: Shape | None) -> Any:
    if low is ABSENT or not isinstance(high, Mapping) or REPLACE in high:
        return high
    keyed = isinstance(shape, Listing) and shape.keyed
    if keyed and isinstance(low, list):
        low = {REPLACE: "replace", **dict(zip(own_keys(low), low, strict=True))}
    if not isinstance(low, Mapping):
        return {REPLACE: "replace", **high}
    result = dict(low)
    for key, inner in high.items():
        before = result.get(key, ABSENT)
        if keyed and (before is None or (isinstance(inner, Mapping) and REPLACE in inner)):
            result.pop(key, None)  # what is replaced comes last, as in the tree
        result[key] = _composed(before, inner, at(shape, (key,)) if shape else None)
    return result


def own_keys(instances: Sequence[Any]) -> tuple[str, ...]:
    """Return a key for each instance of a list in changes; no two are the same."""
    keys: dict[str, None] = {}
    for instance in instances:
        keys[free_key(own_key(instance), keys)] = None
    return tuple(keys)


def own_key(instance: Any) -> str:
    """Return the key of an instance in changes by what it says of itself."""
    members = instance if isinstance(instance, Mapping) else {}
    texts = [json_text(members.get(name)) for name in IDENTITY]
    return key_of(texts[0] or "", texts[1] or "", texts[2], texts[3])


def free_key(key: str, taken: Collection[str]) -> str:
    """Return a key that is not taken yet; of an instance that only the changes know, any will do."""
    if key not in taken:
        return key
    last, free = 1, 2
    while f"{key}#{free}" in taken:
        last, free = free, 2 * free
    while free - last > 1:  # the lowest number, where none is left out; a thousand may have the same key
        middle = (last + free) // 2
        last, free = (middle, free) if f"{key}#{middle}" in taken else (last, middle)
    return f"{key}#{free}"


def json_text(value: Any) -> str | None:
    """Write a single JSON value as a file would have it; None when it is nothing, or not single."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def node_at(node: Node | None, step: str | int) -> Node | None:
    """Return the node one step further down; an instance is found by the key that changes know it by."""
    return steps_from(node)(step)


def steps_from(node: Node | None) -> Callable[[str | int], Node | None]:
    """Return `node_at` of one node, for many steps: the keys of instances are found out once."""
    if not isinstance(node, Items):
        return partial(child, node)
    # The first of several with the same key counts
    by_key = dict(zip(reversed(keys_of(node)), reversed(node.items), strict=True))
    return lambda step: by_key.get(step) if isinstance(step, str) else child(node, step)


def nested(path: KeyPath, value: Any) -> Changes:
    """Return the changes that say one thing, at one place."""
    for step in reversed(path):
        value = {step: value}
    changes: Changes = value
    return changes


def pruned(changes: Changes, below: Node) -> Changes:
    """Leave out empty mappings that change nothing.

    Args:
        changes: in canonical form.
        below: what they are laid over.
    """
    result: Changes = _pruned(changes, below, ROOT, alone=False)
    return result


def _pruned(patch: Any, low: Node | None, shape: Shape | None, *, alone: bool) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    kept: dict[str, Any] = {}
    replaces, there = REPLACE in patch, steps_from(low)
    for key, inner in patch.items():
        if key == REPLACE:
            if not alone:
                kept[key] = inner
            continue
        under = None if replaces or alone else there(key)
        left = _pruned(inner, under, at(shape, (key,)) if shape else None, alone=alone or replaces)
        if left is None and (alone or replaces) and not _is_value(shape, key):
            continue
        if left != {} or not (under is not None or _is_there_anyway(shape, key)):
            kept[key] = left
    return kept


def _is_value(shape: Shape | None, key: str) -> bool:
    """Whether `null` is a value at a key."""
    inner = at(shape, (key,)) if shape else None
    return isinstance(inner, Leaf) and inner.optional


def _is_there_anyway(shape: Shape | None, key: str) -> bool:
    """Whether an empty mapping at a key is as good as none; a limit is there when it is given at all."""
    match shape:
        case Group() if key in shape.members:
            member = shape.members[key]
            return not member.inherits and not isinstance(member.shape, Leaf)
        case Listing():
            return True
        case Naming():
            return not isinstance(shape.value, Group)
    return False
