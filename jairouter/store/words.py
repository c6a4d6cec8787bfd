"""How the stores refuse: the same words, whatever they keep versions in."""

from __future__ import annotations

from collections.abc import Sequence

from jairouter.control import Entry
from jairouter.refusals import NotPossible, VersionConflict, VersionNotFound
from jairouter.store.version_file import time_text


def no_such(number: int) -> VersionNotFound:
    """There is no version of this number."""
    return VersionNotFound(f"there is no version {number}")


def is_current(number: int) -> NotPossible:
    """A version cannot be deleted, because it is the current one."""
    return NotPossible(f"version {number} is the current one, which cannot be deleted")


def conflict(parent: int, current: Entry | None) -> VersionConflict:
    """Somebody else was faster.

    Args:
        parent: What was taken for the current version.
        current: The one that is.
    """
    if current is None:
        return VersionConflict(f"version {parent} is not the current one: nothing is stored")
    if current.damage:
        made = f"which is damaged ({current.damage})"
    else:
        made = f"made by {current.told.who} at {time_text(current.created_at)}"
    return VersionConflict(
        f"version {parent} is not the current one: that is version {current.number}, {made}"
    )


def way_back(number: int, damage: str, intact: Sequence[int]) -> str:
    """Say that a version is damaged, and what to do.

    Args:
        number: Which one.
        damage: Why, as an entry says it.
        intact: Numbers of those that are not.
    """
    told = f"version {number} is damaged: {damage}; "
    if intact:
        back = max((each for each in intact if each < number), default=max(intact))
        return f"{told}version {back} is intact: jairouter rollback {back}, or restore a backup"
    return f"{told}none is intact: restore a backup, or go back to the files alone: jairouter rollback 0"
