"""`${NAME}` and `${NAME:default}` in values.

A name is an environment variable or another key. What a placeholder stands for is never shown:
faults and origins keep the text as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from jairouter.config.canonical import Place, locate
from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import KeyPath, split_key
from jairouter.config.shape import Group
from jairouter.config.tree import Broken, Items, Members, Node, Scalar, child, lookup

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]*")
#: Nesting beyond this is no configuration; it also bounds how deep the resolution can recurse.
_MOST_DEPTH = 20
#: What all placeholders of one value may stand for together, in characters.
_MOST_TEXT = 100_000
#: Placeholders of one value, those that these stand for among them: each may stand for many others.
_MOST_IN_A_VALUE = 1000
#: Likewise, of all values together; a long text counts as several.
_MOST = 100_000
_LONG = 100

Refuses = Callable[[Origin, str, KeyPath | None], str | None]
"""Says of a value, by where it was written, why it must not use a placeholder, or None if it may: by its
name, and by the key that it is; None for that, too, where it is a variable or nothing."""


class _Unresolved(Exception):
    """A placeholder stands for nothing."""


def resolve(
    tree: Members,
    root: Group,
    environ: Mapping[str, str],
    findings: Findings,
    refuses: Refuses | None = None,
) -> Members:
    """Replace all placeholders of a merged tree.

    Args:
        tree: the merged layers.
        root: the shape of the tree, by which keys in placeholders are understood.
        environ: the environment variables.
        findings: where unresolved placeholders go.
        refuses: see `Refuses`; nothing is out of reach without it.
    """
    resolved = _Resolution(tree, root, environ, findings, refuses).node(tree, ())
    return resolved if isinstance(resolved, Members) else tree


def names_in(tree: Members, path: KeyPath, root: Group, environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of all placeholders that are asked for what the values below a place stand for.

    Args:
        tree: see `resolve`; likewise the others.
        path: the place.
        root: the shape of the tree.
        environ: the environment variables.
    """
    resolution = _Resolution(tree, root, environ, Findings(), None)
    node = lookup(tree, path)
    if node is not None:
        resolution.node(node, path)
    return frozenset(resolution.names)


def resolved_at(tree: Members, path: KeyPath, root: Group, environ: Mapping[str, str]) -> Node | None:
    """Return what stands at a place, with its placeholders replaced; None for nothing.

    Args:
        tree: see `resolve`; likewise the others.
        path: the place.
        root: the shape of the tree.
        environ: the environment variables.
    """
    node = lookup(tree, path)
    return None if node is None else _Resolution(tree, root, environ, Findings(), None).node(node, path)


class _Resolution:
    """The replacement of all placeholders in one tree."""

    def __init__(
        self,
        tree: Members,
        root: Group,
        environ: Mapping[str, str],
        findings: Findings,
        refuses: Refuses | None,
    ) -> None:
        self.names: set[str] = set()
        self._tree = tree
        self._refuses = refuses
        self._asking: Origin | None = None
        self._in_this_value = self._in_all = 0
        self._root = root
        self._environ = environ
        self._findings = findings

    def node(self, node: Node, path: KeyPath) -> Node:
        """Return a node with all placeholders below it replaced."""
        match node:
            case Members():
                inside = {k: self.node(n, (*path, k)) for k, n in node.members.items()}
                return Members(inside, node.origin)
            case Items():
                items = (self.node(n, (*path, i)) for i, n in enumerate(node.items))
                return Items(tuple(items), node.origin)
            case Scalar() if "${" in node.text and not node.literal:
                return self._scalar(node, path)
        return node

    def _scalar(self, scalar: Scalar, path: KeyPath) -> Node:
        # Whatever stands between, it is this value that comes to have what is found in the end
        self._asking = scalar.origin
        self._in_this_value = 0
        try:
            text = self._text(scalar.text, (path,))
        except _Unresolved as unresolved:
            self._findings.fault(scalar.origin, path, str(unresolved))
            return Broken(scalar.origin)
        return replace(scalar, text=text, raw=scalar.text, plain=False)

    def _text(self, text: str, active: tuple[KeyPath | str, ...]) -> str:
        """Replace the placeholders of a text; `active` are those being replaced just now."""
        if len(active) > _MOST_DEPTH:
            raise _Unresolved("placeholders are nested too deep")
        done: list[str] = []
        at = 0
        while (start := text.find("${", at)) >= 0:
            if start > at and text[start - 1] == "\\":
                done += (text[at : start - 1], "${")
                at = start + 2
                continue
            end = _closing(text, start + 2)
            done += (text[at:start], self._placeholder(text[start + 2 : end], active))
            at = end + 1
            if sum(map(len, done)) > _MOST_TEXT:
                raise _Unresolved("placeholders stand for more text than is allowed")
        return "".join((*done, text[at:]))

    def _placeholder(self, inner: str, active: tuple[KeyPath | str, ...]) -> str:
        written, default = _parted(inner)
        name = self._text(written, (*active, "")) if "${" in written else written
        found = self._looked_up(name.strip(), written, active)
        if found is not None:
            self._in_all += len(found) // _LONG
            return found
        if default is None:
            raise _Unresolved(
                f"the placeholder{_shown(written)} stands for nothing: "
                "no environment variable and no key has that name, and it has no default"
            )
        return self._text(default, (*active, ""))

    def _looked_up(self, name: str, written: str, active: tuple[KeyPath | str, ...]) -> str | None:
        self._in_this_value += 1
        self._in_all += 1
        if self._in_this_value > _MOST_IN_A_VALUE or self._in_all > _MOST:
            raise _Unresolved("there are more placeholders in it, or in all, than is allowed")
        self.names.add(name)
        place = locate(Place(self._root, (), split_key(name)))
        is_key = place.path and not place.rest and name not in self._environ
        self._check_reach(name, written, place.path if is_key else None)
        if name in self._environ:
            return self._environ[name]
        node: Node | None = self._tree
        for step in place.path:
            node = child(node, step)
        if place.rest or not place.path or node is None:
            return None
        if place.path in active:
            raise _Unresolved(f"the placeholder{_shown(written)} stands, in the end, for itself")
        return self._written(node, place.path, active)

    def _check_reach(self, name: str, written: str, path: KeyPath | None) -> None:
        if self._refuses is None or self._asking is None:
            return
        why = self._refuses(self._asking, name, path)
        if why is not None:
            raise _Unresolved(
                f"the placeholder{_shown(written)} stands for what stored changes cannot use: {why}, "
                "or write this into the files"
            )

    def _written(self, node: Node, path: KeyPath, active: tuple[KeyPath | str, ...]) -> str | None:
        if isinstance(node, Items) and all(isinstance(item, Scalar) for item in node.items):
            texts = (self._written(item, path, active) for item in node.items)
            return ",".join(text or "" for text in texts)
        if not isinstance(node, Scalar) or node.is_null:
            return None
        return node.text if node.literal else self._text(node.text, (*active, path))


def _shown(written: str) -> str:
    """A placeholder as a fault shows it: as it was written, since what stands in its name may be a secret.

    A password may contain ``${`` by chance, so only what looks like a name is shown.
    """
    name = written.strip()
    return f" ${{{name}}}" if _NAME.fullmatch(name) else ""


def _closing(text: str, start: int) -> int:
    """Return where the brace that closes a placeholder stands."""
    depth, at = 1, start
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
        at += 1
    raise _Unresolved("a placeholder ${ is not closed with }")


def _parted(inner: str) -> tuple[str, str | None]:
    """Part `NAME:default` at its first colon that is not inside another placeholder."""
    depth = 0
    for at, character in enumerate(inner):
        if inner.startswith("${", at):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth:
            return inner[:at], inner[at + 1 :]
    return inner, None
