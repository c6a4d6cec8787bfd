"""Files, profiles, environment and stored changes into one settings tree.

From low to high: the defaults of the settings, the files, the files of active profiles, the
environment, the changes of a stored version. A mapping of a higher layer is merged into the one
below; anything else replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jairouter.config import destinations, extras, guarded, not_yet, plugged, users, weak_keys
from jairouter.config.canonical import canonical
from jairouter.config.environment import overrides
from jairouter.config.faults import ConfigurationFaults, Findings, Notice, Origin
from jairouter.config.files import Source, Sources, Text, read_sources
from jairouter.config.layers import merge, settle
from jairouter.config.naming import KeyPath, dotted
from jairouter.config.patch import read_changes
from jairouter.config.placeholders import Refuses, resolve
from jairouter.config.profiles import applies
from jairouter.config.settings.root import Settings
from jairouter.config.tree import (
    Items,
    Members,
    Node,
    Scalar,
    leaves,
    lookup,
    replaced,
)
from jairouter.config.values import ROOT, typed
from jairouter.control import Changes

__all__ = [
    "ConfigurationFaults",
    "Further",
    "Loaded",
    "Sources",
    "Stored",
    "Text",
    "alone",
    "build",
    "load",
    "read",
]

_ACTIVE: Final = ("spring", "profiles", "active")
_PHASE: Final = ("spring", "lifecycle", "timeout-per-shutdown-phase")
_SHUTDOWN: Final = ("server", "shutdown")
_DELAY: Final = ("server", "drain", "delay")
_TIMEOUT: Final = ("server", "drain", "timeout")


Further = Callable[[Settings, Mapping[str, Origin], tuple[str, ...], Findings], None]
"""Looks at what settings name: told the settings, where each was written, and the active profiles. What it
finds is told together with all other faults."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The changes of a stored version.

    Attributes:
        number: of the version.
        changes: all of them, in canonical form; see `jairouter.control`.
    """

    number: int
    changes: Changes


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
        sources: the files that it was made of, as they were read.
        tree: all that was given, with canonical keys, and placeholders as they were written. Its lists have
            the order of those in the settings.
        below: likewise, but without the stored changes.
        stored: number of the version whose changes are in it; 0 for none.
    """

    settings: Settings
    notices: tuple[Notice, ...]
    origins: Mapping[str, Origin]
    placeholders: Mapping[str, str]
    profiles: tuple[str, ...]
    sources: Sources
    tree: Members = field(repr=False)
    below: Members = field(repr=False)
    stored: int = 0


def load(
    paths: Iterable[str | Path | Text],
    profiles: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    stored: Stored | None = None,
    further: Further | None = None,
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
        stored: changes that lie over all that.
        further: see `Further`.

    Raises:
        ConfigurationFaults: something is wrong; all that could be found is told at once.
    """
    return build(read(paths, profiles, environ), environ, stored, further)


def read(
    paths: Iterable[str | Path | Text],
    profiles: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Sources:
    """Read the files, which blocks; what is wrong with them is told when something is made of them.

    Args:
        paths: see `load`; likewise the others.
        profiles: the active profiles.
        environ: the environment variables.
    """
    return read_sources(tuple(paths), tuple(profiles), environ or {})


def build(
    sources: Sources,
    environ: Mapping[str, str] | None = None,
    stored: Stored | None = None,
    further: Further | None = None,
) -> Loaded:
    """Make a configuration of what was read; nothing is read any more, but by `further`.

    Args:
        sources: the files; they may be used again with other changes.
        environ: the environment variables.
        stored: changes that lie over files and environment.
        further: see `Further`.

    Raises:
        ConfigurationFaults: something is wrong; all that could be found is told at once.
    """
    environ = environ or {}
    findings = Findings(sources.faults, sources.notices)
    low = _below(sources, environ, findings)
    below = _whole(low, sources, Findings() if stored else findings)
    tree = below
    refuses: Refuses | None = None
    if stored is not None:
        origin = Origin(f"version {stored.number}")
        tree = _whole(merge(low, read_changes(stored.changes, origin, findings), findings), sources, findings)
        tree = guarded.check_kept(below, tree, ROOT, environ, origin, findings)
        refuses = guarded.guard_of(below, ROOT, environ, origin).refuses
    resolved = resolve(_derived(tree), ROOT, environ, findings, refuses)
    settings = typed(resolved, findings)
    scalars = {dotted(path): scalar for path, scalar in leaves(resolved)}
    origins = {key: scalar.origin for key, scalar in scalars.items()}
    if settings is not None:
        plugged.check(settings, resolved, findings)
        users.check(settings, sources.profiles, resolved, findings)
        destinations.check(settings, resolved, findings)
        extras.check(settings, resolved, findings)
        if further is not None:
            further(settings, origins, sources.profiles, findings)
    findings.check()
    assert settings is not None
    not_yet.tell(settings, resolved, findings)
    weak_keys.tell(settings, resolved, findings)
    return Loaded(
        settings,
        tuple(findings.notices),
        origins,
        {key: scalar.raw for key, scalar in scalars.items() if scalar.raw is not None},
        sources.profiles,
        sources,
        tree,
        below,
        stored.number if stored is not None else 0,
    )


def alone(sources: Sources, environ: Mapping[str, str], section: str) -> Settings:
    """Read one section as files and environment have it, and take the defaults for all others.

    What is wrong elsewhere does not matter, unless a file could not be read at all: stored changes may put it
    right, and where they are has to be known before.

    Args:
        sources: the files.
        environ: the environment variables.
        section: a key of the whole, such as `store`.

    Raises:
        ConfigurationFaults: something is wrong there.
    """
    findings = Findings(sources.faults)
    tree = _whole(_below(sources, environ, findings), sources, findings)
    node = lookup(resolve(tree, ROOT, environ, findings), (section,))
    settings = typed(Members({} if node is None else {section: node}, tree.origin), findings)
    inside = [each for each in findings.faults if each in sources.faults or each.path.startswith(section)]
    Findings(inside).check()
    assert settings is not None
    return settings


def _below(sources: Sources, environ: Mapping[str, str], findings: Findings) -> Node:
    """Lay the files and the environment over one another."""
    tree: Node = Members({}, Origin("defaults"))
    for source in sources.files:
        tree = merge(tree, _layer(source, sources.profiles, findings), findings)
    return merge(tree, overrides(environ, ROOT, tree, findings), findings)


def _whole(tree: Node, sources: Sources, findings: Findings) -> Members:
    """Finish a tree that no further layer will be laid over."""
    whole = _with_profiles(settle(tree, findings), sources.profiles)
    assert isinstance(whole, Members)
    return whole


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


def _derived(tree: Members) -> Members:
    """Fill in keys that other keys stand in for when they are not given."""
    phase, shutdown = lookup(tree, _PHASE), lookup(tree, _SHUTDOWN)
    if isinstance(shutdown, Scalar) and shutdown.text.lower() == "immediate":
        at_once = Scalar("0s", shutdown.origin)
        for path in (_DELAY, _TIMEOUT):
            if lookup(tree, path) is None:
                tree = _filled(tree, path, at_once)
    if phase is not None and lookup(tree, _TIMEOUT) is None:
        tree = _filled(tree, _TIMEOUT, phase)
    return tree


def _filled(tree: Members, path: KeyPath, by: Node) -> Members:
    filled = replaced(tree, path, by)
    assert isinstance(filled, Members)
    return filled
