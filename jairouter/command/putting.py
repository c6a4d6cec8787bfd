"""Putting directories in the place of others, so that what was there can always be had back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jairouter.command.failures import Refused
from jairouter.store.durable import make_directory, reason_of, sync_directory


@dataclass(frozen=True, slots=True)
class Place:
    """A directory that is to be replaced by a new one.

    Attributes:
        target: Its name; perhaps there is none yet.
        fresh: The new one, beside it.
        aside: What the old one will be called.
    """

    target: Path
    fresh: Path
    aside: Path


@contextmanager
def prepared(target: Path, stamp: str) -> Iterator[Place]:
    """Make a new, empty directory beside one, and delete it at the end unless it has been put in place.

    Args:
        target: The directory that is to be replaced.
        stamp: Ends the names of the others.

    Raises:
        Refused: There can be no such directory.
    """
    target = target.resolve()
    if target.exists() and not target.is_dir():
        raise Refused(f"{target}: it is not a directory")
    if os.path.ismount(target):
        told = "a disk is mounted there, so it cannot be put aside; restore into a directory beside, and copy"
        raise Refused(f"{target}: {told}")
    place = Place(
        target,
        target.with_name(f".{target.name}.restore-{stamp}"),
        target.with_name(f"{target.name}.before-restore-{stamp}"),
    )
    if os.path.lexists(place.aside):
        raise Refused(f"{place.aside} is there already")
    try:
        make_directory(target.parent)
        place.fresh.mkdir(0o700)
    except OSError as error:
        raise Refused(f"{place.fresh}: {reason_of(error)}") from None
    try:
        yield place
    finally:
        shutil.rmtree(place.fresh, ignore_errors=True)


def resemble(place: Place, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Give the new directory the owner and mode of the old one, or else this mode.

    An archive does not say whose its files were, and the gateway, which is seldom root, must be able to read
    them.

    Args:
        place: The directories.
        mode: Of the new one, where there is no old one.
        owner: User and group; None for those of the old one.

    Raises:
        Refused: Whoever runs this may not give files to that owner.
    """
    old = place.target.stat() if place.target.exists() else None
    mode = old.st_mode & 0o777 if old is not None else mode
    if owner is None and old is not None and os.geteuid() == 0:
        owner = old.st_uid, old.st_gid
    for directory, _, files in os.walk(place.fresh):
        os.chmod(directory, mode)
        if owner is not None:
            for each in (directory, *(os.path.join(directory, name) for name in files)):
                try:
                    os.chown(each, *owner)
                except OSError as error:
                    raise Refused(f"{place.target}: its owner cannot be set: {reason_of(error)}") from None


def put(places: Sequence[Place]) -> None:
    """Put all of them in place, or none.

    Raises:
        OSError: That failed; everything is as it was.
    """
    with ExitStack() as back:
        for place in places:
            if place.target.exists():
                os.rename(place.target, place.aside)
                back.callback(_rename, place.aside, place.target)
            os.rename(place.fresh, place.target)
            back.callback(_rename, place.target, place.fresh)
            sync_directory(place.target.parent)
        back.pop_all()


def _rename(one: Path, other: Path) -> None:
    with suppress(OSError):
        os.rename(one, other)
