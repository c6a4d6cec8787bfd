"""Putting single values at their canonical places, to make one layer of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from jairouter.config.faults import Origin
from jairouter.config.naming import KeyPath
from jairouter.config.tree import Items, Keyed, Members, Node, Patch


@dataclass
class _Open:
    """A mapping or list while it is being filled."""

    origin: Origin
    inside: dict[str | int, Node | _Open] = field(default_factory=dict)
    whole_list: bool = False
    keyed: bool = False
    replaces: bool = False

    def closed(self) -> Node:
        """Return it as it will stay."""
        closed = {k: n.closed() if isinstance(n, _Open) else n for k, n in self.inside.items()}
        if self.whole_list:
            return Items(tuple(closed.values()), self.origin)
        if self.keyed:
            return Keyed({str(k): n for k, n in closed.items()}, self.origin, self.replaces)
        if any(isinstance(step, int) for step in closed):
            return Patch({k: n for k, n in closed.items() if isinstance(k, int)}, self.origin)
        return Members({str(k): n for k, n in closed.items()}, self.origin, self.replaces)


class Builder:
    """Collects the values of one layer.

    Args:
        origin: where the layer as a whole comes from.
    """

    def __init__(self, origin: Origin) -> None:
        self._root = _Open(origin)

    def put(self, path: KeyPath, node: Node) -> Origin | None:
        """Put a value at its place.

        Returns:
            None, or where another value for the same place was written; then that one stays.
        """
        opened = self._open(path[:-1], node.origin)
        if isinstance(opened, Origin):
            return opened
        there = opened.inside.setdefault(path[-1], node)
        return None if there is node else there.origin

    def begin(self, path: KeyPath, origin: Origin, *, whole_list: bool = False) -> Origin | None:
        """Note that there is a mapping, or a whole list, even if nothing will be in it.

        Returns:
            None, or where another value for the same place was written.
        """
        before = self.origin_of(path) if whole_list else None
        opened = self._open(path, origin)
        if isinstance(opened, Origin):
            return opened
        opened.whole_list = opened.whole_list or whole_list
        return before

    def mark(self, path: KeyPath, origin: Origin, *, keyed: bool = False, replaces: bool = False) -> None:
        """Note that a mapping has instances by their key, or replaces what lies below."""
        opened = self._open(path, origin)
        if not isinstance(opened, Origin):
            opened.keyed = opened.keyed or keyed
            opened.replaces = opened.replaces or replaces

    def origin_of(self, path: KeyPath) -> Origin | None:
        """Return where the value at a place was written, or None when there is none."""
        there: Node | _Open | None = self._root
        for step in path:
            there = there.inside.get(step) if isinstance(there, _Open) else None
        return there.origin if there is not None else None

    def _open(self, path: KeyPath, origin: Origin) -> _Open | Origin:
        opened = self._root
        for step in path:
            there = opened.inside.setdefault(step, _Open(origin))
            if not isinstance(there, _Open):
                return there.origin
            opened = there
        return opened

    def built(self) -> Members:
        """Return the layer."""
        closed = self._root.closed()
        return closed if isinstance(closed, Members) else Members({}, closed.origin)
