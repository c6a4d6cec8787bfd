"""Which stored version counts, given what is in force: nothing that was in force is dropped in silence.

| the store                                            | what counts                                     |
|------------------------------------------------------|-------------------------------------------------|
| has a newer one that is intact                       | that one                                        |
| has the one in force, and nothing newer              | the one in force                                |
| has another one of the same number                   | that one: the directory was exchanged           |
| has newer ones, all damaged                          | the newest intact one, or the one in force      |
| has the one in force, damaged                        | the one in force: it was intact when it was read|
| does not have the one in force, or anything newer    | the one in force, until somebody asks for what  |
|                                                      | is there, as after an old state was restored    |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.control import Entry


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a stored version is known.

    Attributes:
        number: 0 for none at all.
        digest: See `Entry`.
    """

    number: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What counts.

    Attributes:
        stays: Whether it is the one in force.
        entry: If not, which; None for the files alone.
        highest: The highest number in the store, damaged or not; what follows it is a version more.
        reason: What is wrong with the store, in one line, or nothing.
    """

    stays: bool
    entry: Entry | None
    highest: int
    reason: str = ""


def choose(history: Sequence[Entry], force: Mark, *, as_it_is: bool = False) -> Choice:
    """Say which version counts.

    Args:
        history: All versions, the oldest first.
        force: The one in force.
        as_it_is: Whether the store is right even where it has less than is in force.
    """
    highest = history[-1].number if history else 0
    intact = next((entry for entry in reversed(history) if not entry.damage), None)
    here = next((entry for entry in history if entry.number == force.number), None)
    best = intact.number if intact is not None else 0
    lost = force.number > 0 and here is None
    if best > force.number or (lost and as_it_is):
        return Choice(False, intact, highest, _damaged(history, highest, best))
    if best == force.number:
        stays = intact is None or intact.digest == force.digest
        return Choice(stays, None if stays else intact, highest, _damaged(history, highest, best))
    if lost:
        reason = f"version {force.number} is not in the store any more; it stays in force"
        return Choice(True, None, highest, reason)
    return Choice(True, None, highest, _damaged(history, highest, force.number))


def _damaged(history: Sequence[Entry], highest: int, counts: int) -> str:
    """What to say when the last version is no good."""
    damage = history[-1].damage if history else ""
    if not damage:
        return ""
    what = f"version {counts} stays in force" if counts else "the files alone are in force"
    if counts == highest:
        what = "it stays in force"
    return f"version {highest} is damaged: {damage}; {what}, and the next change takes its place"
