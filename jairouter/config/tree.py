"""Configuration as it is read: texts, lists and mappings that remember where they were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from jairouter.config.faults import Origin
from jairouter.config.naming import KeyPath

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, as text.

    Attributes:
        text: what was written, or what its placeholders stand for.
        origin: where it was written.
        plain: whether it stood without quotes, so that `null` or nothing at all means no value.
        raw: the text with its placeholders, when there were any; this is what may be shown.
        literal: whether `${...}` in it is not a placeholder.
    """

    # Not in the repr: at this stage nothing knows yet which texts are secret.
    text: str = field(repr=False)
    origin: Origin
    plain: bool = True
    raw: str | None = field(default=None, repr=False)
    literal: bool = False

    @property
    def is_null(self) -> bool:
        """Whether no value is given."""
        return self.plain and self.text in _NULLS

    @property
    def shown(self) -> str:
        """The text as a fault may show it: never what a placeholder stands for."""
        return self.text if self.raw is None else self.raw


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping as it was written.

    Attributes:
        key: the key, in the writer's spelling.
        node: its value.
        origin: where the key stands.
        merged: whether it came from a YAML merge key (`<<`), and so gives way to other entries.
    """

    key: str
    node: Node
    origin: Origin
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping as it was written; its keys may be flat, aliases, or not exist at all."""

    entries: tuple[Entry, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Members:
    """A mapping with canonical keys.

    Attributes:
        members: what it holds.
        origin: where it was written.
        replaces: whether it replaces what lies below, in place of being merged into it.
    """

    members: Mapping[str, Node]
    origin: Origin
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list.

    Attributes:
        items: what it holds.
        origin: where it was written.
        keys: of a list of instances that changes were laid over, the keys that changes know them by, one
            for each; an instance keeps its key when a change gives it another name or address.
    """

    items: tuple[Node, ...]
    origin: Origin
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """Single elements of a list, to be laid over the list of a lower layer."""

    items: Mapping[int, Node]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Keyed:
    """Changes to single instances, to be laid over the list of a lower layer.

    Attributes:
        items: what changes, by the key of the instance.
        origin: where it was written.
        replaces: whether these are all, and nothing of the lower layer stays.
    """

    items: Mapping[str, Node]
    origin: Origin
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Orphan:
    """A change to an instance that the layers below do not have.

    It is an instance by itself if it says enough; until all layers are together, it waits for more.

    Attributes:
        node: what it says.
        key: of the instance that it is meant for.
        origin: where it was written.
    """

    node: Members
    key: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Removed:
    """Takes away what lies below."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands where something was refused, so that it is not also called missing."""

    origin: Origin


Node = Scalar | Written | Members | Items | Patch | Keyed | Orphan | Removed | Broken


def kind(node: Node) -> str:
    """Say in a word what a node is, without showing any of it."""
    match node:
        case Scalar():
            return "nothing" if node.is_null else "a text"
        case Items() | Patch():
            return "a list"
        case _:
            return "a mapping"


def child(node: Node | None, step: str | int) -> Node | None:
    """Return the node one step further down, or None."""
    match node:
        case Members() if isinstance(step, str):
            return node.members.get(step)
        case Items() if isinstance(step, int) and step < len(node.items):
            return node.items[step]
        case _:
            return None


def replaced(node: Node, path: KeyPath, by: Node | None) -> Node:
    """Return a tree in which one place holds another node, or none."""
    if not path:
        return by or node
    inside = dict(node.members) if isinstance(node, Members) else {}
    name = str(path[0])
    if len(path) > 1:
        below = inside.get(name, Members({}, node.origin))
        inside[name] = replaced(below, path[1:], by)
    elif by is None:
        inside.pop(name, None)
    else:
        inside[name] = by
    return Members(inside, node.origin)


def lookup(node: Node | None, path: KeyPath) -> Node | None:
    """Return the node at a canonical path, or None."""
    for step in path:
        node = child(node, step)
    return node


def leaves(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Scalar]]:
    """Go through all single values and their places."""
    match node:
        case Scalar():
            yield path, node
        case Members():
            for name, inner in node.members.items():
                yield from leaves(inner, (*path, name))
        case Items():
            for index, inner in enumerate(node.items):
                yield from leaves(inner, (*path, index))


def split_scalar(scalar: Scalar) -> Items:
    """Read a text where a list is expected: parts between commas, without surrounding blanks."""
    texts = (text.strip() for text in scalar.text.split(","))
    parts = (Scalar(t, scalar.origin, False, scalar.raw, True) for t in texts if t)
    return Items(tuple(parts), scalar.origin)
