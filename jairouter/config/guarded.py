"""What stored changes cannot do, because whoever may make them would come by more than they were granted.

Whoever may change the configuration (`config:write`) says where requests go and what is sent along. They must
not say by that who may call, what is recorded of it, or whose word is taken for a client's address; and must
not send the gateway's own secrets to a host of theirs by writing a placeholder into a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import KeyPath
from jairouter.config.patch import TOLD_FIXED
from jairouter.config.placeholders import names_in, resolve
from jairouter.config.shape import Group
from jairouter.config.tree import Members, Node, leaves, lookup

KEPT: Final[tuple[KeyPath, ...]] = (
    ("security",),
    ("management", "api"),
    ("logging", "audit"),
    ("logging", "file"),
    ("logging", "access", "file"),
    ("server", "ssl"),
    ("server", "forward-headers"),
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

OWN: Final = "JAIROUTER_"
"""How the names of variables begin that are the gateway's own, or its command line's."""

_VARIABLE: Final = "environment variable "
_NAME: Final = re.compile(r"\$\{\s*([^\s${}:]+)")


@dataclass(frozen=True, slots=True)
class Guard:
    """Says which placeholders stored changes cannot use.

    Attributes:
        origin: by which values of stored changes are known.
        variables: names of environment variables that belong to `SECRET`.
    """

    origin: Origin
    variables: frozenset[str]

    def refuses(self, origin: Origin, name: str, path: KeyPath) -> bool:
        """Whether a value must not use a placeholder; see `jairouter.config.placeholders.Refuses`."""
        if origin != self.origin:
            return False
        return name.startswith(OWN) or name in self.variables or _is_below(path, SECRET)


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
    return Guard(origin, frozenset(names))


def check_kept(
    below: Members, tree: Members, root: Group, environ: Mapping[str, str], origin: Origin, findings: Findings
) -> None:
    """Refuse stored changes of what keeps those in check who make them, whichever way they are written.

    A key that files have there may say `${another.key}`, so that what it comes to is looked at too.

    Args:
        below: what files and environment say.
        tree: likewise, with the stored changes.
        root: the shape of it.
        environ: the environment variables.
        origin: of the stored changes.
        findings: where faults go.
    """
    before, after = (resolve(each, root, environ, Findings()) for each in (below, tree))
    for path in KEPT:
        now = lookup(tree, path)
        same = lookup(below, path) == now and _texts(before, path) == _texts(after, path)
        if not same:
            findings.fault(origin, path, TOLD_FIXED)


def _texts(tree: Node, path: KeyPath) -> list[tuple[KeyPath, str]]:
    node = lookup(tree, path)
    return [] if node is None else [(place, scalar.text) for place, scalar in leaves(node)]


def _is_below(path: KeyPath, places: tuple[KeyPath, ...]) -> bool:
    return any(path[: len(place)] == place for place in places)
