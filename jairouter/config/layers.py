"""Laying one layer of a configuration over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jairouter.config.faults import Findings
from jairouter.config.instance_key import keys_of
from jairouter.config.naming import KeyPath
from jairouter.config.tree import (
    Broken,
    Items,
    Keyed,
    Members,
    Node,
    Orphan,
    Patch,
    Removed,
    Scalar,
    split_scalar,
)


def merge(low: Node | None, high: Node, findings: Findings, path: KeyPath = ()) -> Node:
    """Lay one layer over another: mappings are merged, everything else is replaced.

    Single elements of a list that lie over nothing stay what they are, for a list may yet come below them;
    `settle` makes a list of them in the end.
    """
    match low, high:
        case Members(), Members() if not high.replaces:
            merged = dict(low.members)
            for name, node in high.members.items():
                if isinstance(node, Removed):
                    merged.pop(name, None)
                else:
                    merged[name] = merge(merged.get(name), node, findings, (*path, name))
            return Members(merged, low.origin)
        case None, Patch():
            return high
        case Patch(), Patch():
            return Patch(_overlaid(low.items, high.items, findings, path), low.origin)
        case _, Patch():
            return _patched(low, high, findings, path)
        case _, Keyed():
            return _by_key(low, high, findings, path)
    return _alone(high, findings, path)


def _alone(node: Node, findings: Findings, path: KeyPath) -> Node:
    """Return what a layer amounts to where nothing of the layers below stays."""
    match node:
        case Members():
            kept = {k: n for k, n in node.members.items() if not isinstance(n, Removed)}
            inside = {k: _alone(n, findings, (*path, k)) for k, n in kept.items()}
            return Members(inside, node.origin)
        case Items():
            items = tuple(_alone(n, findings, (*path, i)) for i, n in enumerate(node.items))
            return Items(items, node.origin, node.keys)
        case Keyed():
            return _by_key(None, node, findings, path)
    return node


def _overlaid(
    low: Mapping[int, Node], high: Mapping[int, Node], findings: Findings, path: KeyPath
) -> dict[int, Node]:
    items = dict(low)
    for index, node in high.items():
        items[index] = merge(items.get(index), node, findings, (*path, index))
    return items


def _patched(low: Node | None, high: Patch, findings: Findings, path: KeyPath) -> Node:
    before: Iterable[Node] = ()
    if isinstance(low, Items):
        before = low.items
    elif isinstance(low, Scalar) and not low.is_null:
        before = split_scalar(low).items
    items = _overlaid(dict(enumerate(before)), high.items, findings, path)
    for index in sorted(items):
        if index and index - 1 not in items:
            findings.fault(items[index].origin, (*path, index), f"there is no [{index - 1}]")
            return Broken(high.origin)
    return Items(tuple(items[index] for index in sorted(items)), high.origin)


def _by_key(low: Node | None, high: Keyed, findings: Findings, path: KeyPath) -> Node:
    """Lay changes to single instances over a list of them."""
    if isinstance(low, Patch):
        low = _patched(None, low, findings, path)
    if isinstance(low, Broken):
        return low
    rows: list[tuple[str, Node] | None] = []
    if isinstance(low, Items) and not high.replaces:
        rows += zip(keys_of(low), low.items, strict=True)
    places: dict[str, list[int]] = {}
    for index, row in enumerate(filter(None, rows)):
        places.setdefault(row[0], []).append(index)
    for key, node in high.items.items():
        found = places.get(key, [])
        if len(found) > 1:
            told = "several instances have this key; tell them apart by an instance-id"
            findings.fault(node.origin, (*path, key), told)
        else:
            _one_by_key(rows, found, key, node, findings, path)
    left = [each for each in rows if each is not None]
    keys, nodes = tuple(key for key, _ in left), tuple(node for _, node in left)
    return Items(nodes, high.origin if low is None else low.origin, keys)


def _one_by_key(
    rows: list[tuple[str, Node] | None],
    found: list[int],
    key: str,
    node: Node,
    findings: Findings,
    path: KeyPath,
) -> None:
    """Lay the change to one instance over it; one that is replaced comes last, as one that is new does."""
    row = rows[found[0]] if found else None
    if row is not None and isinstance(node, Members) and not node.replaces:
        there = row[1]
        if isinstance(there, Orphan):
            both = merge(there.node, node, findings, (*path, key))
            rows[found[0]] = (key, _orphan(both, key))
        else:
            rows[found[0]] = (key, merge(there, node, findings, (*path, key)))
        return
    for index in found:
        rows[index] = None
    if not isinstance(node, Removed):
        rows.append((key, _orphan(_alone(node, findings, (*path, key)), key)))


def _orphan(node: Node, key: str) -> Node:
    return Orphan(node, key, node.origin) if isinstance(node, Members) else node


def settle(node: Node, findings: Findings, path: KeyPath = ()) -> Node:
    """Make lists of the single elements that lay over no list, when all layers are together."""
    match node:
        case Members():
            inside = {k: settle(n, findings, (*path, k)) for k, n in node.members.items()}
            return Members(inside, node.origin)
        case Items():
            return _settled(node, findings, path)
        case Patch():
            return settle(_patched(None, node, findings, path), findings, path)
    return node


def _settled(node: Items, findings: Findings, path: KeyPath) -> Items:
    keys = node.keys or ("",) * len(node.items)
    rows = [(k, n) for k, n in zip(keys, node.items, strict=True) if not _is_lost(n, findings, path)]
    items = (
        settle(n.node if isinstance(n, Orphan) else n, findings, (*path, i)) for i, (_, n) in enumerate(rows)
    )
    return Items(tuple(items), node.origin, tuple(k for k, _ in rows) if node.keys else ())


def _is_lost(node: Node, findings: Findings, path: KeyPath) -> bool:
    """Whether a change is no instance by itself, and what it was meant for is gone."""
    if not isinstance(node, Orphan) or {"name", "base-url"} <= node.node.members.keys():
        return False
    key = "".join(c if c.isprintable() else "?" for c in node.key[:300])
    service = path[-2] if len(path) > 1 else ""
    told = f"{node.origin} changes the instance {key} of {service}, which is not there any more"
    findings.notice(None, told)
    return True
