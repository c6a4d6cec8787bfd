"""Files, profiles and environment into one settings tree.

From low to high: the defaults of the settings, the files, the files of active profiles, the
environment. A mapping of a higher layer is merged into the one below; anything else replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jairouter.config import not_yet, plugged
from jairouter.config.canonical import canonical
from jairouter.config.environment import overrides
from jairouter.config.faults import ConfigurationFaults, Findings, Notice, Origin
from jairouter.config.files import Source, Text, read_sources
from jairouter.config.naming import dotted
from jairouter.config.placeholders import resolve
from jairouter.config.profiles import applies
from jairouter.config.settings.root import Settings
from jairouter.config.tree import (
    Items,
    Members,
    Node,
    Scalar,
    leaves,
    lookup,
    merge,
    replaced,
    settle,
)
from jairouter.config.values import ROOT, typed

__all__ = ["ConfigurationFaults", "Loaded", "Text", "load"]

_ACTIVE: Final = ("spring", "profiles", "active")
_PHASE: Final = ("spring", "lifecycle", "timeout-per-shutdown-phase")
_SHUTDOWN: Final = ("server", "shutdown")
_DELAY: Final = ("server", "drain", "delay")
_TIMEOUT: Final = ("server", "drain", "timeout")


@dataclass(frozen=True)
class Loaded:
    """A configuration that was read without a fault.

    Attributes:
        settings: the settings tree.
        notices: what is to be known about it, such as keys that have no effect.
        origins: for each value that was given, by its key, where it was written.
        placeholders: for each value that was written with placeholders, by its key, the text as it
            was written; show or store this, not what the placeholders stand for.
        profiles: the active profiles, in order.
    """

    settings: Settings
    notices: tuple[Notice, ...]
    origins: Mapping[str, Origin]
    placeholders: Mapping[str, str]
    profiles: tuple[str, ...]


def load(
    paths: Iterable[str | Path | Text],
    profiles: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read a configuration.

    Args:
        paths: files and directories, the later ones laid over the earlier ones. In a directory,
            `application.yml` and `jairouter.yml` are read, then `application-security.yml`,
            then the files of the active profiles. A `Text` stands for a file that has been read.
        profiles: the active profiles, each perhaps several with commas between. When there are
            none, `SPRING_PROFILES_ACTIVE` counts, then `spring.profiles.active` in a file that
            belongs to no profile.
        environ: the environment variables.

    Raises:
        ConfigurationFaults: something is wrong; all that could be found is told at once.
    """
    environ = environ or {}
    findings = Findings()
    sources, active = read_sources(tuple(paths), tuple(profiles), environ, findings)
    tree: Node = Members({}, Origin("defaults"))
    for source in sources:
        tree = merge(tree, _layer(source, active, findings), findings)
    tree = merge(tree, overrides(environ, ROOT, tree, findings), findings)
    tree = _derived(_with_profiles(settle(tree, findings), active))
    assert isinstance(tree, Members)
    tree = resolve(tree, ROOT, environ, findings)
    settings = typed(tree, findings)
    if settings is not None:
        plugged.check(settings, tree, findings)
    findings.check()
    assert settings is not None
    not_yet.tell(settings, tree, findings)
    return _loaded(settings, tree, active, findings)


def _loaded(settings: Settings, tree: Members, active: tuple[str, ...], findings: Findings) -> Loaded:
    scalars = {dotted(path): scalar for path, scalar in leaves(tree)}
    return Loaded(
        settings,
        tuple(findings.notices),
        {key: scalar.origin for key, scalar in scalars.items()},
        {key: scalar.raw for key, scalar in scalars.items() if scalar.raw is not None},
        active,
    )


def _layer(source: Source, active: tuple[str, ...], findings: Findings) -> Node:
    """Make one layer of a file: those of its documents that apply, one over the other."""
    layer: Node = Members({}, Origin(source.name))
    for document in source.documents:
        if not applies(document, active, findings):
            continue
        read: Node = canonical(document, ROOT, findings)
        given = lookup(read, _ACTIVE)
        if given is not None and source.profile is not None:
            told = "spring.profiles.active has no effect in the file of a profile"
            findings.notice(given.origin, f"{told}: by then it is settled which are active")
            read = replaced(read, _ACTIVE, None)
        layer = merge(layer, read, findings)
    return layer


def _with_profiles(tree: Node, active: tuple[str, ...]) -> Node:
    """Let `spring.profiles.active` say what is active, wherever that was asked for."""
    if not active:
        return replaced(tree, _ACTIVE, None) if lookup(tree, _ACTIVE) else tree
    given = lookup(tree, _ACTIVE)
    origin = given.origin if given is not None else Origin("active profiles")
    names = tuple(Scalar(name, origin, plain=False, literal=True) for name in active)
    return replaced(tree, _ACTIVE, Items(names, origin))


def _derived(tree: Node) -> Node:
    """Fill in keys that other keys stand in for when they are not given."""
    phase, shutdown = lookup(tree, _PHASE), lookup(tree, _SHUTDOWN)
    if isinstance(shutdown, Scalar) and shutdown.text.lower() == "immediate":
        at_once = Scalar("0s", shutdown.origin)
        for path in (_DELAY, _TIMEOUT):
            if lookup(tree, path) is None:
                tree = replaced(tree, path, at_once)
    if phase is not None and lookup(tree, _TIMEOUT) is None:
        tree = replaced(tree, _TIMEOUT, phase)
    return tree
