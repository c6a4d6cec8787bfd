"""What of a configuration may be shown: keys in camel case as JSON has them, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jairouter.config.composing import ROOT, json_text, node_at
from jairouter.config.faults import Origin
from jairouter.config.finding import SERVICES, ids_of, instances_in, instances_path, known_service
from jairouter.config.instance_key import text_of
from jairouter.config.loader import Loaded
from jairouter.config.naming import KeyPath, camel, dotted
from jairouter.config.secret import MASK
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape, at
from jairouter.config.shown import is_secret, shown
from jairouter.config.tree import Items, Members, Node, Scalar, split_scalar
from jairouter.control import Changes
from jairouter.refusals import InstanceNotFound, NotFound

_DEFAULTS = Origin("defaults")


def service_view(loaded: Loaded, service: str, origins: bool = False) -> dict[str, Any]:
    """Show what was given for a service, its instances with their `instanceId`.

    Args:
        loaded: the configuration in force.
        service: its name, in any spelling.
        origins: see `tree_view`.

    Raises:
        ServiceNotFound: it is not configured.
    """
    view: dict[str, Any] = tree_view(loaded, (*SERVICES, known_service(loaded, service)), origins)
    return view


def instance_view(loaded: Loaded, service: str, index: int, origins: bool = False) -> dict[str, Any]:
    """Show what was given for an instance, with its `instanceId` and its weight.

    Args:
        loaded: the configuration in force.
        service: name of its service, in any spelling.
        index: its position in the settings.
        origins: see `tree_view`.

    Raises:
        ServiceNotFound: the service is not configured.
        InstanceNotFound: it has no such instance.
    """
    service = known_service(loaded, service)
    path = instances_path(service)
    nodes, shape = instances_in(loaded.tree, service), at(ROOT, (*path, index))
    if shape is None or not 0 <= index < len(nodes):
        raise InstanceNotFound(f"there is no instance {index}")
    return _View(origins).instance(nodes[index], shape, ids_of(nodes)[index])


def tree_view(loaded: Loaded, path: KeyPath = (), origins: bool = False) -> Any:
    """Show what was given below a place.

    Values that hold placeholders are shown as they were written, and secrets without one as a mask. What is
    shown may be sent back: a mask means that the secret stays.

    Args:
        loaded: the configuration in force.
        path: the place, in canonical form; empty for all.
        origins: whether each value is shown as `{"value": ..., "origin": ...}` with the place where it was
            written: `jairouter.yml:7`, `environment variable NAME`, `version 3` or `defaults`.

    Raises:
        NotFound: there is no such place.
    """
    shape = at(ROOT, path)
    if shape is None:
        raise NotFound(f"there is no such place: {dotted(path)}")
    node: Node | None = loaded.tree
    for step in path:
        node = node_at(node, step)
    if node is None:
        return [] if isinstance(shape, Listing) else None if isinstance(shape, Leaf) else {}
    return _View(origins).of(node, shape)


def changes_view(changes: Changes) -> dict[str, Any]:
    """Show what changes say.

    What is shown may be sent back as a patch. There should be no secret in what is stored, but versions of
    other products have some; they are masked.

    Args:
        changes: in canonical form.
    """
    view: dict[str, Any] = _changes(changes, ROOT)
    return view


def _changes(value: Any, shape: Shape | None) -> Any:
    match shape, value:
        case Leaf(), _:
            text = json_text(value)
            return MASK if text is not None and is_secret(shape.form, text) else value
        case Listing(item=Leaf() as item), str():
            return MASK if is_secret(item.form, value) else value
        case Group(), Mapping():
            members = shape.members
            return {
                camel(members[key].field) if key in members else key: _changes(inner, at(shape, (key,)))
                for key, inner in value.items()
            }
        case _, Mapping():
            return {
                key: _changes(inner, at(shape, (key,)) if shape else None) for key, inner in value.items()
            }
        case _, list():
            return [_changes(inner, at(shape, (i,)) if shape else None) for i, inner in enumerate(value)]
    return value


class _View:
    """One way of showing a tree."""

    def __init__(self, origins: bool) -> None:
        self._origins = origins

    def of(self, node: Node, shape: Shape | None) -> Any:
        """Show a node."""
        match shape, node:
            case Leaf(), Scalar():
                return self._value(shown(shape, node), node.origin)
            case Listing(), Scalar():
                return self._list(split_scalar(node), shape)
            case Listing(), Items():
                return self._list(node, shape)
            case Group(), Members():
                members = shape.members
                return {
                    camel(members[k].field): self.of(n, members[k].shape) for k, n in node.members.items()
                }
            case Naming(), Members():
                return {name: self.of(inner, shape.value) for name, inner in node.members.items()}
        return None

    def _list(self, node: Items, shape: Listing) -> list[Any]:
        if not shape.keyed:
            return [self.of(item, shape.item) for item in node.items]
        pairs = zip(node.items, ids_of(node.items), strict=True)
        return [self.instance(each, shape.item, name) for each, name in pairs]

    def _value(self, value: Any, origin: Origin) -> Any:
        return {"value": value, "origin": str(origin)} if self._origins else value

    def instance(self, node: Node, shape: Shape, name: str) -> dict[str, Any]:
        """Show one of the instances, which is called so."""
        view: dict[str, Any] = self.of(node, shape)
        given = node_at(node, "instance-id")
        made_up = given is None or text_of(node, "instance-id") != name
        view["instanceId"] = self._value(name, _DEFAULTS if made_up or given is None else given.origin)
        view.setdefault("weight", self._value(1, _DEFAULTS))
        return view
