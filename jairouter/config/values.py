"""A tree of texts into typed settings."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from jairouter.config.faults import Findings, Origin
from jairouter.config.forms import Hidden, Text
from jairouter.config.naming import KeyPath
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape, at
from jairouter.config.tree import Broken, Items, Members, Node, Scalar, child, split_scalar

ROOT = Group(Settings)


def typed(tree: Members, findings: Findings) -> Settings | None:
    """Check all values.

    Args:
        tree: canonical keys and texts, without placeholders.
        findings: where faults go.

    Returns:
        The settings, or None when there was a fault.
    """
    plain = _plain(tree, ROOT)
    try:
        return Settings.model_validate(plain)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    for detail in details:
        _explain(tree, detail, findings)
    return None


def _plain(node: Node, shape: Shape) -> Any:
    """Turn nodes into what pydantic reads: names of fields, and texts."""
    match shape, node:
        case Leaf(), Scalar():
            return None if _says_nothing(node, shape) else node.text
        case Listing(), Scalar():
            return [_plain(item, shape.item) for item in split_scalar(node).items]
        case Listing(), Items():
            return [_plain(item, shape.item) for item in node.items]
        case Naming(), Members():
            return {name: _plain(inner, shape.value) for name, inner in node.members.items()}
        case Group(), Members():
            return _fields(node, shape)
    return node


def _fields(node: Members, shape: Group) -> dict[str, Any]:
    fields = {}
    for key, inner in node.members.items():
        member = shape.members[key]
        value = _plain(inner, member.shape)
        optional = isinstance(member.shape, Leaf) and member.shape.optional
        if value is not None or optional:
            fields[member.field] = value
    return fields


def _says_nothing(scalar: Scalar, leaf: Leaf) -> bool:
    """Whether there is no value: `null`, or the empty text of a placeholder or variable.

    Deployment files pass variables on whether they are set or not, so an empty one is as good as
    none, except where any text is a value.
    """
    if scalar.is_null:
        return True
    passed_on = scalar.raw is not None or scalar.literal
    return passed_on and not scalar.text and not isinstance(leaf.form, Text | Hidden)


def _explain(tree: Members, detail: Any, findings: Findings) -> None:
    """Turn one error of pydantic into a fault at the place where the value was written."""
    context = detail.get("ctx", {})
    steps = tuple(step for step in detail["loc"] if step != "[key]") + tuple(context.get("at", ()))
    path, node, nearest_node = _find(tree, steps)
    if isinstance(nearest_node, Broken):
        return
    origin: Origin | None = nearest_node.origin
    shape = at(ROOT, path)
    if detail["type"] == "missing":
        findings.fault(origin, path, "this key is required")
    elif detail["type"] == "refused":
        findings.fault(origin, path, context["text"])
    elif isinstance(node, Scalar) and isinstance(shape, Leaf):
        found = "nothing" if node.is_null else shape.form.describe_text(node.shown)
        findings.fault(origin, path, f"expected {shape.form.expected}, found {found}")
    else:
        findings.fault(origin, path, f"expected {context.get('expected', 'another kind of value')}")


def _find(tree: Members, steps: tuple[str | int, ...]) -> tuple[KeyPath, Node | None, Node]:
    """Return the canonical path for steps of pydantic, its node, and the nearest node there is."""
    shape: Shape | None = ROOT
    node: Node | None = tree
    nearest_node: Node = tree
    path: KeyPath = ()
    for step in steps:
        name = step
        if isinstance(shape, Group):
            name = next((m.key for m in shape.members.values() if m.field == step), step)
        path = (*path, name)
        if isinstance(node, Scalar) and isinstance(shape, Listing):
            node = split_scalar(node)
        node = child(node, name)
        nearest_node = node or nearest_node
        shape = at(shape, (name,)) if shape else None
    return path, node, nearest_node
