"""What stored changes cannot do, because whoever may make them would come by more than they were granted.

Whoever may change the configuration (`config:write`) says where requests go and what is sent along. They must
not say by that who may call, what is recorded of it, or whose word is taken for a client's address; and must
not send to a host of theirs, by writing a placeholder into a header, what is not theirs to know: a variable
of the process that nobody has meant for this, or what another instance is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import KeyPath, dotted
from jairouter.config.patch import TOLD_FIXED
from jairouter.config.placeholders import names_in, resolve, resolved_at
from jairouter.config.shape import Group, at, holds_secret
from jairouter.config.tree import Members, Node, leaves, lookup, replaced

KEPT: Final[tuple[KeyPath, ...]] = (
    ("security",),
    ("management", "api"),
    ("logging", "audit"),
    ("logging", "file"),
    ("logging", "access", "file"),
    ("server", "ssl"),
    ("server", "forward-headers"),
    ("tracing", "exporter"),
)
"""What stored changes cannot touch: it says who may do what, who is told of it, and which files are written
and deleted."""

SECRET: Final[tuple[KeyPath, ...]] = (
    ("security",),
    ("management",),
    ("logging", "audit"),
    ("server", "ssl"),
    ("store",),
    ("webclient", "ssl"),
    ("monitoring",),
    ("tracing",),
)
"""What placeholders in stored changes cannot stand for, and whose environment variables neither."""

NAMED: Final[KeyPath] = ("security", "changes", "variables")
"""Where the files name the variables that placeholders in stored changes may stand for."""

OWN: Final = "JAIROUTER_"
"""How the names of variables begin that are the gateway's own, or its command line's."""

_OF_ITS_OWN: Final = "it is a key or a variable of the gateway's own security; name another one"
_OF_AN_INSTANCE: Final = "it is, or may hold, a secret; name the variable that it comes from"
_NOT_NAMED: Final = f"it is no variable that {dotted(NAMED)} names; have it named there"
_SERVICES: Final = ("model", "services")

_VARIABLE: Final = "environment variable "
_NAME: Final = re.compile(r"\$\{\s*([^\s${}:]+)")


@dataclass(frozen=True, slots=True)
class Guard:
    """Says which placeholders stored changes cannot use.

    Attributes:
        origin: by which values of stored changes are known.
        root: the shape of the configuration.
        own: names of environment variables that belong to `SECRET`.
        named: patterns of the names of those that may be used.
    """

    origin: Origin
    root: Group
    own: frozenset[str]
    named: tuple[str, ...]

    def refuses(self, origin: Origin, name: str, path: KeyPath | None) -> str | None:
        """Why a value must not use a placeholder; see `jairouter.config.placeholders.Refuses`."""
        if origin != self.origin:
            return None
        if name.startswith(OWN) or name in self.own or (path is not None and _is_below(path, SECRET)):
            return _OF_ITS_OWN
        if path is not None:
            return _OF_AN_INSTANCE if self._may_hold_secret(path) else None
        return None if any(fnmatchcase(name, each) for each in self.named) else _NOT_NAMED

    def _may_hold_secret(self, path: KeyPath) -> bool:
        if path[:2] == _SERVICES and path[3:4] == ("instances",):
            return True  # an address may have a password in it, a path a key
        shape = at(self.root, path)
        return shape is None or holds_secret(shape)


def guard_of(below: Members, root: Group, environ: Mapping[str, str], origin: Origin) -> Guard:
    """Find out what files and environment keep secret.

    Args:
        below: what they say together.
        root: the shape of it.
        environ: the environment variables.
        origin: of the values of stored changes.
    """
    names = {name for place in SECRET for name in names_in(below, place, root, environ)}
    for path, scalar in leaves(below):
        if _is_below(path, SECRET):
            # What is only asked for when another variable is not set belongs to it as well
            names.update(() if scalar.literal else _NAME.findall(scalar.text))
            if scalar.origin.source.startswith(_VARIABLE):
                names.add(scalar.origin.source.removeprefix(_VARIABLE))
    listed = resolved_at(below, NAMED, root, environ)
    texts = [] if listed is None else [scalar.text for _, scalar in leaves(listed)]
    named = tuple(part.strip() for text in texts for part in text.split(","))
    return Guard(origin, root, frozenset(names), named)


def check_kept(
    below: Members, tree: Members, root: Group, environ: Mapping[str, str], origin: Origin, findings: Findings
) -> Members:
    """Refuse stored changes of what keeps those in check who make them, whichever way they are written.

    A key that files have there may say `${another.key}`, so that what it comes to is looked at too.

    Args:
        below: what files and environment say.
        tree: likewise, with the stored changes.
        root: the shape of it.
        environ: the environment variables.
        origin: of the stored changes.
        findings: where faults go.

    Returns:
        The tree without what was refused: nobody may have the gateway read, out of what they cannot change,
        an expression that takes longer than anybody lives.
    """
    before, after = (resolve(each, root, environ, Findings()) for each in (below, tree))
    for path in KEPT:
        now = lookup(tree, path)
        same = lookup(below, path) == now and _texts(before, path) == _texts(after, path)
        if not same:
            findings.fault(origin, path, TOLD_FIXED)
            put_back = replaced(tree, path, lookup(below, path))
            assert isinstance(put_back, Members)  # as the whole always is
            tree = put_back
    return tree


def _texts(tree: Node, path: KeyPath) -> list[tuple[KeyPath, str]]:
    node = lookup(tree, path)
    return [] if node is None else [(place, scalar.text) for place, scalar in leaves(node)]


def _is_below(path: KeyPath, places: tuple[KeyPath, ...]) -> bool:
    return any(path[: len(place)] == place for place in places)
