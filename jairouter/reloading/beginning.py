"""What a gateway starts with.

A gateway that does not start again is the worst that a stored change can do; one that starts and says nothing
of a change that it leaves out is the next worst. So:

* files that are wrong by themselves keep it from starting, as they always did: whoever has edited them is
  there to see it;
* a damaged version is passed over for the newest intact one;
* a store that cannot be read, or a version that fits the files no more (they were edited since), is left out.
  The gateway starts with the files alone, says so in the log, and its `Standing` says so until that has been
  put right: by correcting the files, by a change that makes the stored changes fit again, or by applying
  another version. What is stored stays stored. A change is made of the stored changes, so none of them is
  lost by accident: one that does not put right what is wrong is refused with the same faults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import Stored
from jairouter.refusals import Refusal, VersionDamaged, VersionNotFound
from jairouter.reloading.newest import Mark, choose
from jairouter.reloading.said import misfit

if TYPE_CHECKING:
    from jairouter.config.faults import Fault
    from jairouter.config.files import Sources
    from jairouter.config.loader import Loaded
    from jairouter.control import Changes, Entry, Version


class Versions(Protocol):
    """A store that can be asked before anything runs; `jairouter.store.files.VersionFiles` is one."""

    def history(self) -> Sequence[Entry]:
        """See `IConfigStore`; raises what that fails with."""

    def read(self, number: int) -> Version:
        """Likewise."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is in force from the start.

    Attributes:
        loaded: The configuration.
        changes: The stored changes in it.
        mark: Of the version that they are from.
        reason: What is left out, and why, in one line, or nothing.
        faults: What is wrong with what is left out.
    """

    loaded: Loaded
    changes: Changes
    mark: Mark
    reason: str = ""
    faults: tuple[Fault, ...] = ()


def begin(
    sources: Sources, build: Callable[[Sources, Stored | None], Loaded], versions: Versions
) -> Beginning:
    """Find out what to start with. Blocks.

    Args:
        sources: The files.
        build: Makes a configuration, and checks all of it, the files that it names too.
        versions: What is stored.

    Raises:
        ConfigurationFaults: The files alone are wrong.
    """
    try:
        version, reason = _newest(versions)
    except Refusal as refusal:
        alone = f"the store cannot be read, and the files alone are in force: {refusal.message}"
        return Beginning(build(sources, None), {}, Mark(), alone)
    if version is None:
        return Beginning(build(sources, None), {}, Mark(), reason)
    number, changes = version.number, version.changes
    try:
        loaded = build(sources, Stored(number, changes))
    except ConfigurationFaults as wrong:
        reason = misfit(number, 0, wrong.faults)
        return Beginning(build(sources, None), {}, Mark(), reason, wrong.faults)
    return Beginning(loaded, changes, Mark(number, version.entry.digest), reason)


def _newest(versions: Versions) -> tuple[Version | None, str]:
    """The newest intact version, and what is wrong with newer ones."""
    history = tuple(versions.history())
    while True:
        choice = choose(history, Mark())
        if choice.entry is None:
            return None, choice.reason
        try:
            return versions.read(choice.entry.number), choice.reason
        except (VersionDamaged, VersionNotFound) as refusal:
            history = without(history, choice.entry.number, refusal.message)


def without(history: Sequence[Entry], number: int, damage: str) -> tuple[Entry, ...]:
    """A history in which one version is damaged, as was found out when it was read."""
    return tuple(replace(each, damage=damage) if each.number == number else each for each in history)
