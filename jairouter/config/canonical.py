"""Written keys into canonical ones: spellings, flat keys, aliases, and keys that do not exist."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from jairouter.config import not_applicable
from jairouter.config.building import Builder
from jairouter.config.faults import Findings, Origin
from jairouter.config.forms import Template, Text, Unfit
from jairouter.config.naming import KeyPath, dotted, nearest, position, relaxed, split_key
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape
from jairouter.config.tree import Broken, Entry, Items, Members, Node, Scalar, Written, kind

GUESSES: Final = 200
"""Faults up to which it is guessed what was meant, which takes longer than all else about a key."""


class Place(NamedTuple):
    """How far a written key leads.

    Attributes:
        shape: what may stand there.
        path: the canonical way there.
        rest: the parts of the key that lead no further.
    """

    shape: Shape
    path: KeyPath
    rest: tuple[str, ...]


def locate(place: Place) -> Place:
    """Follow the parts of a key as far as they lead."""
    while place.rest:
        further = _step(place)
        if further is None:
            return place
        place = further
    return place


def _step(place: Place) -> Place | None:
    shape, path, rest = place
    match shape:
        case Group():
            return _into_group(shape, path, rest)
        case Naming():
            single = isinstance(shape.value, Leaf)
            spelled = ".".join(part.strip("[]") for part in rest) if single else rest[0]
            try:
                name = str(shape.keys.parse(spelled))
            except Unfit:
                return None
            return Place(shape.value, (*path, name), () if single else rest[1:])
        case Listing() if (index := position(rest[0])) is not None:
            return Place(shape.item, (*path, index), rest[1:])
    return None


def _into_group(shape: Group, path: KeyPath, rest: tuple[str, ...]) -> Place | None:
    steps = [relaxed(part) for part in rest]
    # The longest first: `cache.ttl` as a whole may be an alias where `cache` alone is none.
    for length in range(len(steps), 0, -1):
        target = shape.spellings.get(".".join(steps[:length]))
        if target is not None:
            return (
                Place(shape, path, (*target, *rest[length:]))
                if len(target) != 1
                else Place(shape.members[target[0]].shape, (*path, target[0]), rest[length:])
            )
    return None


def canonical(node: Node, root: Group, findings: Findings) -> Members:
    """Bring one document into canonical form.

    Args:
        node: what was written.
        root: the shape of the whole tree.
        findings: where faults and notices go.

    Returns:
        A mapping with canonical keys; what was refused is left out or marked as broken.
    """
    reader = Reader(Builder(node.origin), findings)
    if isinstance(node, Written):
        reader.entries(Place(root, (), ()), node)
    elif not (isinstance(node, Scalar) and node.is_null):
        findings.fault(node.origin, (), f"expected a mapping of keys, found {kind(node)}")
    return reader.builder.built()


class Reader:
    """Walks what was written alongside the shape that it should have."""

    def __init__(self, builder: Builder, findings: Findings) -> None:
        self.builder = builder
        self.findings = findings

    def entries(self, place: Place, written: Written) -> None:
        """Read all entries of a mapping; those of merge keys give way to the others."""
        seen: dict[KeyPath, Entry] = {}
        for entry in sorted(written.entries, key=lambda entry: entry.merged):
            whole = Place(place.shape, place.path, (*place.rest, *split_key(entry.key)))
            if isinstance(entry.node, Written) and _may_nest(place.shape):
                self.entries(whole, entry.node)
                continue
            there = locate(whole)
            if there.rest or there.path == place.path:
                self._partly(there, entry)
                continue
            first = seen.setdefault(there.path, entry)
            if first is entry:
                self.value(there, entry.node)
            elif not entry.merged:
                self._twice(there.path, entry.origin, first.origin)

    def _twice(self, path: KeyPath, second: Origin, first: Origin) -> None:
        self.findings.fault(second, path, f"given twice, first at {first}")

    def _partly(self, place: Place, entry: Entry) -> None:
        """Read an entry whose key leads nowhere, or only together with a key inside it."""
        if isinstance(entry.node, Written) and self._may_continue(place):
            self.entries(place, entry.node)
        elif not place.rest:
            self.value(place, entry.node)
        else:
            self.unknown(place, entry)

    def _may_continue(self, place: Place) -> bool:
        if not place.rest:
            return True
        beginning = ".".join(relaxed(part) for part in place.rest) + "."
        spellings = place.shape.spellings if isinstance(place.shape, Group) else ()
        return any(alias.startswith(beginning) for alias in spellings)

    def value(self, place: Place, node: Node) -> None:
        """Read what stands at a place."""
        shape, path, _ = place
        if isinstance(node, Scalar) and node.is_null:
            if isinstance(shape, Leaf) and shape.optional:
                self.put(path, node)
            return
        match shape, node:
            case ((Leaf() | Listing(item=Leaf())), Scalar()):
                self.put(path, node)
            case Leaf(form=Template()), _:
                self.put(path, Scalar(json.dumps(_plain(node)), node.origin, plain=False))
            case Listing(), Items():
                self._list(shape, path, node)
            case ((Group() | Naming() | Listing()), Written()):
                self._begin(path, node.origin)
                self.entries(Place(shape, path, ()), node)
            case Group(), Scalar() if shape.model.short_form is not None:
                self.put((*path, shape.model.short_form), node)
            case _:
                self.misshapen(shape, path, node)

    def put(self, path: KeyPath, node: Node) -> None:
        """Put a value at its place."""
        first = self.builder.put(path, node)
        if first is not None:
            self._twice(path, node.origin, first)

    def _begin(self, path: KeyPath, origin: Origin, *, whole_list: bool = False) -> None:
        first = self.builder.begin(path, origin, whole_list=whole_list)
        if first is not None:
            self._twice(path, origin, first)

    def _list(self, shape: Listing, path: KeyPath, node: Items) -> None:
        self._begin(path, node.origin, whole_list=True)
        for index, item in enumerate(node.items):
            place = Place(shape.item, (*path, index), ())
            if isinstance(item, Scalar) and item.is_null:
                self.misshapen(shape.item, place.path, item)
            else:
                self.value(place, item)

    def misshapen(self, shape: Shape, path: KeyPath, node: Node) -> None:
        """Refuse what cannot stand at a place."""
        expected = "a mapping"
        if isinstance(shape, Leaf):
            expected = shape.form.expected
        elif isinstance(shape, Listing):
            expected = "a list"
        self.findings.fault(node.origin, path, f"expected {expected}, found {kind(node)}")
        if path:
            self.builder.put(path, Broken(node.origin))

    def unknown(self, place: Place, entry: Entry) -> None:
        """Refuse a key that leads nowhere, unless other products give it a meaning."""
        shape, path, rest = place
        full = (*path, *rest)
        if not_applicable.reason(full) is not None:
            self._inapplicable(full, len(path) + 1, entry)
            return
        told, names = "unknown key", set[str]()
        if isinstance(shape, Group):
            names = {*shape.members, *(alias for alias in shape.model.aliases if alias)}
        elif isinstance(shape, Naming):
            told = f"expected {shape.keys.expected}"
            names = set(shape.keys.json_schema().get("enum", ()))
        guess = len(self.findings.faults) < GUESSES
        meant = nearest(rest[0], sorted(names)) if guess else None
        hint = f"; did you mean {meant}?" if meant else ""
        self.findings.fault(entry.origin, full, told + hint)

    def _inapplicable(self, path: KeyPath, least: int, entry: Entry) -> None:
        if isinstance(entry.node, Written) and not_applicable.goes_deeper(path):
            for inner in entry.node.entries:
                self._inapplicable((*path, *split_key(inner.key)), least, inner)
            return
        depth, why = not_applicable.reason(path) or (0, "")
        named = dotted(path[: max(depth, least)])
        if why:
            self.findings.notice(entry.origin, f"{named} has no meaning here: {why}")


def _may_nest(shape: Shape) -> bool:
    """Whether names may be written as nested mappings, as logger names sometimes are."""
    return isinstance(shape, Naming) and isinstance(shape.value, Leaf) and shape.keys == Text()


def _plain(node: Node) -> object:
    match node:
        case Written():
            return {entry.key: _plain(entry.node) for entry in node.entries}
        case Items():
            return [_plain(item) for item in node.items]
        case Scalar():
            return None if node.is_null else _typed(node)
    return None


def _typed(scalar: Scalar) -> object:
    if scalar.plain:
        try:
            value: object = json.loads(scalar.text)
        except ValueError:
            return scalar.text
        if isinstance(value, bool | int | float):
            return value
    return scalar.text
