"""JSON values into the nodes that files are read into, and back; size and depth are bounded as there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from jairouter.config.composing import REPLACE
from jairouter.config.document import MOST_DEPTH, MOST_NODES
from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import KeyPath
from jairouter.config.tree import Entry, Items, Keyed, Members, Node, Scalar, Written

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class TooMuch(Exception):
    """There is more of it than any configuration has."""


class Writing:
    """JSON values into nodes, as if they stood in a file.

    Args:
        origin: where all of them come from.
        findings: where faults go.
    """

    def __init__(self, origin: Origin, findings: Findings) -> None:
        self._origin = origin
        self._findings = findings
        self._count = 0

    def node(self, value: Any, path: KeyPath, depth: int = 0) -> Node:
        """Write one value; what cannot be written becomes a fault.

        Raises:
            TooMuch: it is nested too deep, or there are too many values.
        """
        self._count += 1
        if depth > MOST_DEPTH:
            raise TooMuch(f"nested more than {MOST_DEPTH} levels deep")
        if self._count > MOST_NODES:
            raise TooMuch(f"more than {MOST_NODES} values")
        if isinstance(value, Mapping):
            return Written(tuple(self._entries(value, path, depth)), self._origin)
        if isinstance(value, list | tuple):
            items = (self.node(item, (*path, i), depth + 1) for i, item in enumerate(value))
            return Items(tuple(items), self._origin)
        return self._scalar(value, path)

    def _entries(self, value: Mapping[Any, Any], path: KeyPath, depth: int) -> list[Entry]:
        entries = []
        for key, inner in value.items():
            if not isinstance(key, str) or _SURROGATE.search(key):
                self._findings.fault(self._origin, path, "a key must be a text")
                continue
            entries.append(Entry(key, self.node(inner, (*path, key), depth + 1), self._origin))
        return entries

    def _scalar(self, value: Any, path: KeyPath) -> Scalar:
        text, plain, told = "", True, ""
        match value:
            case None:
                pass
            case bool():
                text = "true" if value else "false"
            case int() if abs(value) < 10**30:
                text = str(value)
            case float() if math.isfinite(value) and abs(value) < 1e30:
                text = f"{int(value) if value.is_integer() else Decimal(repr(value)):f}"
            case str() if not _SURROGATE.search(value):
                text, plain = value, False
            case str():
                told = "a surrogate escape is not a character"
            case int() | float():
                told = "a number of no use here"
            case _:
                told = "not a JSON value"
        if told:
            self._findings.fault(self._origin, path, told)
        return Scalar(text, self._origin, plain)


def to_json(node: Node) -> Any:
    """Write canonical changes as JSON values."""
    match node:
        case Scalar():
            return None if node.is_null else json.loads(node.text) if node.plain else node.text
        case Members():
            inside = {name: to_json(inner) for name, inner in node.members.items()}
            return {REPLACE: "replace", **inside} if node.replaces else inside
        case Keyed():
            inside = {key: to_json(inner) for key, inner in node.items.items()}
            return {REPLACE: "replace", **inside} if node.replaces else inside
        case Items():
            return [to_json(item) for item in node.items]
    return None
