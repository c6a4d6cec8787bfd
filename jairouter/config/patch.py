"""Changes: from JSON into the tree and back, one laid over another, by the same rules as files.

See `jairouter.control` for what changes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jairouter.config.building import Builder
from jairouter.config.canonical import Place, Reader, locate
from jairouter.config.composing import REPLACE, ROOT, compose
from jairouter.config.faults import Fault, Findings, Origin
from jairouter.config.json_nodes import TooMuch, Writing, to_json
from jairouter.config.naming import KeyPath, dotted, relaxed, split_key
from jairouter.config.shape import Group, Leaf, Listing, Shape, at
from jairouter.config.shown import secrets_in
from jairouter.config.tree import Entry, Members, Node, Removed, Scalar, Written, lookup
from jairouter.control import Changes
from jairouter.refusals import InvalidConfiguration, InvalidRequest

__all__ = [
    "canonical_changes",
    "canonical_stored",
    "compose",
    "read_changes",
    "refuse",
    "refuse_secrets",
    "secrets_in",
    "to_json",
]

FIXED: Final = ("store", "spring")
"""What cannot be changed while the gateway runs: it says where changes are kept, and which files count."""

TOLD_FIXED: Final = "this cannot be changed while the gateway runs; it belongs into the files"

_READ_ONLY: Final = (
    "status-code",
    "health",
    "health-status",
    "healthy",
    "up",
    "state",
    "last-health-check",
    "last-health-error",
    "last-checked",
    "request-count",
    "total-requests",
    "error-count",
    "success-count",
    "avg-response-time",
    "response-time",
    "in-flight",
    "active-requests",
    "breaker",
    "breaker-state",
    "circuit-breaker-state",
    "label",
    "service",
    "service-type",
    "effective-weight",
    "share",
    "draining",
    "created-at",
    "updated-at",
)
READ_ONLY: Final = frozenset(map(relaxed, _READ_ONLY))
"""Members of instances that answers may have, relaxed; ignored when they come back in a request."""

SEEN_STATUS: Final = frozenset({"up", "down", "healthy", "unhealthy", "unknown", "disabled", "error"})
"""Values of `status` that tell how an instance is doing, not what was configured; ignored likewise."""


def read_changes(changes: Changes, origin: Origin, findings: Findings) -> Members:
    """Read stored changes as a layer of the configuration.

    Args:
        changes: all of them.
        origin: what is said of where each value was written, `version 7`.
        findings: where faults and notices go.
    """
    return _without_fixed(_read(changes, (), origin, findings, _ChangesReader), findings)


def canonical_stored(changes: Changes) -> Changes:
    """Bring stored changes that were not written here into canonical form, as edits need them.

    Keys that nobody knows are passed over, as whoever wrote them did; else one of them would keep all the
    rest from coming into force. What has other faults stays as it is: whoever makes a configuration of it is
    told.

    Args:
        changes: all of them, keys in any spelling.
    """
    findings = Findings()
    tree = _read(changes, (), Origin("stored changes"), findings, _LenientReader)
    found = changes if findings.faults else to_json(tree)
    assert isinstance(found, Mapping)
    return found


def canonical_changes(body: Any, path: KeyPath, source: str = "the request") -> Changes:
    """Bring what a request says into canonical form: keys in kebab case, no aliases, no flat keys.

    Single values are not checked here; that is done when a whole configuration is made of them.

    Args:
        body: JSON values, keys in any spelling.
        path: the place that it is about, such as `("model", "services", "chat")`; empty for the whole.
        source: what to call it in faults.

    Raises:
        InvalidConfiguration: there are unknown keys, or something has the wrong shape.
        InvalidRequest: there is no such place.
    """
    if at(ROOT, path) is None:
        raise InvalidRequest(f"there is no such place: {dotted(path)}")
    findings = Findings()
    tree = _read(body, path, Origin(source), findings, _RequestReader)
    refuse(findings.faults)
    found = lookup(tree, path)
    if found is None:
        refuse([Fault(f"expected a mapping, found {_kind(body)}", Origin(source), dotted(path))])
        return {}
    changes = to_json(found)
    assert isinstance(changes, dict)
    return changes


def refuse_secrets(changes: Changes) -> None:
    """Go on only when there is no secret in changes that are to be stored.

    There is none in what edits make of what this gateway has stored, but versions of another product may hold
    some, and what is made of those too.

    Args:
        changes: all of them, in canonical form.

    Raises:
        InvalidConfiguration: there is at least one.
    """
    told = (
        "the version that this is made of holds a secret, which is not stored anew; "
        "write ${NAME} in its place, in this change or before it"
    )
    refuse([Fault(told, Origin("stored changes"), dotted(place)) for place in secrets_in(changes)])


def refuse(faults: list[Fault]) -> None:
    """Go on only when there is no fault.

    Raises:
        InvalidConfiguration: there is at least one.
    """
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        first = ": ".join(part for part in (faults[0].path, faults[0].text) if part)
        raise InvalidConfiguration(f"{first}{more}", tuple(dict.fromkeys(faults)))


def _kind(body: Any) -> str:
    if body is None:
        return "nothing"
    return "a mapping" if isinstance(body, Mapping) else "a list" if isinstance(body, list) else "a value"


def _read(
    body: Any, path: KeyPath, origin: Origin, findings: Findings, reading: type[_ChangesReader]
) -> Members:
    shape = at(ROOT, path)
    builder = Builder(origin)
    try:
        written = Writing(origin, findings).node(body, path)
    except TooMuch as refused:
        findings.fault(origin, path, str(refused))
        return builder.built()
    reader = reading(builder, findings, path)
    if not isinstance(written, Written) or shape is None:
        findings.fault(origin, path, f"expected a mapping, found {_kind(body)}")
        return builder.built()
    if path:
        builder.begin(path, origin)
        reader.value(Place(shape, path, ()), written)
    else:
        reader.entries(Place(shape, (), ()), written)
    tree = builder.built()
    if tree.replaces:
        told = f'"{REPLACE}" cannot stand here: it would replace {" and ".join(FIXED)} too'
        findings.fault(tree.origin, (), told)
    return Members(tree.members, tree.origin)


def _without_fixed(tree: Members, findings: Findings) -> Members:
    """Refuse what would change where changes are kept, and leave it out."""
    kept = dict(tree.members)
    for name in FIXED:
        if name in kept:
            findings.fault(kept.pop(name).origin, (name,), TOLD_FIXED)
    return Members(kept, tree.origin)


class _ChangesReader(Reader):
    """Reads changes: `null` takes away, `$patch` replaces, instances have keys, and no list has positions.

    Args:
        builder: see `Reader`; likewise `findings`.
        findings: where faults and notices go.
        start: the place where reading begins.
    """

    def __init__(self, builder: Builder, findings: Findings, start: KeyPath) -> None:
        super().__init__(builder, findings)
        self._start = start

    def entries(self, place: Place, written: Written) -> None:
        """See `Reader.entries`."""
        kept = []
        for entry in written.entries:
            if entry.key == REPLACE:
                self._marked(place, entry)
            elif self._has_position(place, entry.key):
                told = "a list has no positions here: it is replaced as a whole, or named by its keys"
                self.findings.fault(entry.origin, (*place.path, *place.rest, entry.key), told)
            else:
                kept.append(entry)
        super().entries(place, Written(tuple(kept), written.origin))

    def _has_position(self, place: Place, key: str) -> bool:
        there = locate(Place(place.shape, place.path, (*place.rest, *split_key(key))))
        return any(isinstance(step, int) for step in there.path[len(place.path) :])

    def _marked(self, place: Place, entry: Entry) -> None:
        if isinstance(entry.node, Scalar) and entry.node.text == "replace" and not place.rest:
            self.builder.mark(place.path, entry.origin, replaces=True)
        else:
            told = f'"{REPLACE}": "replace" is all that can be said with it, in the mapping itself'
            self.findings.fault(entry.origin, place.path, told)

    def value(self, place: Place, node: Node) -> None:
        """See `Reader.value`."""
        shape, path, _ = place
        optional = isinstance(shape, Leaf) and shape.optional
        if isinstance(node, Scalar) and node.is_null and not optional:
            self.put(path, Removed(node.origin))
        elif isinstance(shape, Listing) and shape.keyed and isinstance(node, Written):
            self._by_key(shape.item, path, node)
        else:
            super().value(place, node)

    def _by_key(self, shape: Shape, path: KeyPath, node: Written) -> None:
        first = self.builder.origin_of(path)
        if first is not None and path != self._start:
            self.findings.fault(node.origin, path, f"given twice, first at {first}")
            return
        self.builder.mark(path, node.origin, keyed=True)
        for entry in node.entries:
            place = (*path, entry.key)
            if entry.key == REPLACE:
                self._marked(Place(shape, path, ()), entry)
            elif "@" not in entry.key or len(entry.key) > 8000:
                told = "the key of an instance is its name, @, and its address or instance-id"
                self.findings.fault(entry.origin, place, told)
            else:
                self.value(Place(shape, place, ()), entry.node)


class _LenientReader(_ChangesReader):
    """Reads changes that another product has stored."""

    def unknown(self, place: Place, entry: Entry) -> None:
        """See `Reader.unknown`."""


class _RequestReader(_ChangesReader):
    """Reads what a request says: what answers show and nobody can set is ignored."""

    def unknown(self, place: Place, entry: Entry) -> None:
        """See `Reader.unknown`."""
        shape = place.shape
        if isinstance(shape, Group) and shape.model.keyed and relaxed(".".join(place.rest)) in READ_ONLY:
            return
        super().unknown(place, entry)

    def value(self, place: Place, node: Node) -> None:
        """See `Reader.value`."""
        if place.path[-1:] == ("status",) and isinstance(node, Scalar):
            outer = at(ROOT, place.path[:-1])
            if isinstance(outer, Group) and outer.model.keyed and node.text.lower() in SEEN_STATUS:
                return
        super().value(place, node)
