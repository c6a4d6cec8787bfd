"""What the store says now, beside what is in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jairouter.config.loader import Stored
from jairouter.refusals import VersionDamaged, VersionNotFound
from jairouter.reloading.beginning import without
from jairouter.reloading.newest import Mark, choose
from jairouter.reloading.said import named

if TYPE_CHECKING:
    from jairouter.control import Changes, IConfigStore, Told, Version


@dataclass(frozen=True, slots=True)
class Newest:
    """The version that counts.

    Attributes:
        mark: By what it is known.
        changes: All of them.
        highest: See `Choice`.
        reason: Likewise.
        told: About it, if it was read just now.
        stays: Whether it is the one in force.
    """

    mark: Mark
    changes: Changes
    highest: int
    reason: str = ""
    told: Told | None = None
    stays: bool = True

    @classmethod
    def of(cls, version: Version) -> Newest:
        """A version that is intact, and the last one."""
        mark = Mark(version.number, version.entry.digest)
        return cls(mark, version.changes, version.number, told=version.entry.told)

    @property
    def number(self) -> int:
        """Of the version; 0 for the files alone."""
        return self.mark.number

    @property
    def stored(self) -> Stored | None:
        """It, as a layer."""
        return Stored(self.number, self.changes) if self.number else None

    @property
    def settled(self) -> bool:
        """Whether it is in force, and stored in a way that lasts."""
        return self.stays and not self.reason

    def __str__(self) -> str:
        if not self.number:
            return "the files alone"
        return named(self.number, self.told) if self.told is not None else f"version {self.number}"


async def look(store: IConfigStore, force: Newest, *, as_it_is: bool = False) -> Newest:
    """Find out which version counts.

    Args:
        store: To look into.
        force: The version in force.
        as_it_is: See `choose`.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    history = await store.history()
    while True:
        choice = choose(history, force.mark, as_it_is=as_it_is)
        if choice.stays:
            return replace(force, highest=choice.highest, reason=choice.reason, stays=True)
        if choice.entry is None:
            return Newest(Mark(), {}, choice.highest, choice.reason, stays=False)
        try:
            version = await store.read(choice.entry.number)
        except (VersionDamaged, VersionNotFound) as refusal:
            history = without(history, choice.entry.number, refusal.message)
        else:
            newest = Newest.of(version)
            return replace(newest, highest=choice.highest, reason=choice.reason, stays=False)
