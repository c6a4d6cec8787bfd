"""The archives of one directory, made of what is stored and of the configuration files in force."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jairouter.store.archive import make_archive, read_manifest, verify_archive
from jairouter.store.durable import is_temporary, make_directory
from jairouter.store.files import LOCK
from jairouter.store.lock import Held, locked
from jairouter.store.manifest import ArchiveFault, files_below, survey
from jairouter.store.reading import BASE, number_of

STORE: Final = "store"
"""Directory of an archive that holds what is below `store.path`."""
FILES: Final = "config"
"""Directory of an archive that holds configuration files, by their absolute paths."""

TRIES: Final = 3
"""How often a copy is begun anew because a file changed meanwhile."""

_NAME: Final = re.compile(r"jairouter-\d{8}T\d{6}Z\.tar(\.gz)?", re.ASCII)


def members_of(
    path: Path, files: Iterable[Path], skip: Callable[[Path], bool] = lambda path: False
) -> dict[str, Path]:
    """What a backup holds: the store and the configuration files, by their names in the archive.

    Args:
        path: The directory of the store.
        files: The configuration files.
        skip: Says of a path below the store that it is left out.

    Raises:
        OSError: The store cannot be read.
    """
    stored = files_below(path, lambda each: bool(_NAME.fullmatch(each.name)) or skip(each))
    members = {f"{STORE}/{name}": each for name, each in stored.items()}
    for each in files:
        if each.is_file():  # one that is gone is nothing to keep
            # (The name that it has for whoever uses it, so that a link is not followed)
            members[f"{FILES}/{os.path.abspath(each).lstrip('/')}"] = each
    return members


def name_at(now: float, compress: bool) -> str:
    """What an archive is called.

    Args:
        now: Seconds since the epoch.
        compress: Whether it is compressed.
    """
    return f"jairouter-{datetime.fromtimestamp(int(now), UTC):%Y%m%dT%H%M%SZ}.tar{'.gz' if compress else ''}"


class BackupDirectory:
    """Makes archives in a directory and deletes old ones. Methods block; one at a time.

    Args:
        directory: Where they are.
        path: The directory of the store.
        max_backups: How many are kept; 0 keeps all.
        compress: Whether they are compressed.
        today: Seconds since the epoch.
    """

    def __init__(
        self, directory: Path, path: Path, max_backups: int, compress: bool, today: Callable[[], float]
    ) -> None:
        self.directory = directory
        self._path = path
        self._max_backups = max_backups
        self._compress = compress
        self._today = today
        self._last: tuple[Path, str] | None = None

    def make(self, files: Iterable[Path]) -> Path | None:
        """Make one, unless it would be like the last one, or nothing is stored.

        Args:
            files: The configuration files in force.

        Returns:
            The new archive, if there is one. There is none either if another process is making one.

        Raises:
            ArchiveFault: It is not good, or files change all the time.
            OSError: Something cannot be read or written.
        """
        files = tuple(files)
        if not self._anything_stored():
            return None
        for left in reversed(range(TRIES)):
            try:
                return self._make(files)
            except Held:
                return None
            except (ArchiveFault, FileNotFoundError):
                # A version was deleted, or a file edited, between two looks at it
                if not left:
                    raise
        raise AssertionError

    @property
    def newest(self) -> Path | None:
        """The archive that was made last, if there is one."""
        there = self._archives()
        return there[-1] if there else None

    def _anything_stored(self) -> bool:
        with suppress(FileNotFoundError):
            return any(name == BASE or number_of(name) is not None for name in os.listdir(self._path))
        return False

    def _make(self, files: Iterable[Path]) -> Path | None:
        mine = self.directory.resolve()
        members = members_of(self._path, files, lambda each: each.is_dir() and each.resolve() == mine)
        now = self._today()
        if survey(members, now).digest in self._digests():
            return None
        make_directory(self.directory)
        with locked(self.directory / LOCK, 0, lambda seconds: None):
            archive = self._free_name(now)
            manifest = make_archive(archive, members, self._compress, now)
            try:
                verify_archive(archive)
            except ArchiveFault:
                os.unlink(archive)
                raise
            self._last = archive, manifest.digest
            self._tidy(archive)
        return archive

    def _digests(self) -> set[str]:
        """What the newest archive holds, which another process may have made, and the last one made here."""
        found = {self._last[1]} if self._last and self._last[0].exists() else set()
        if there := self._archives():
            with suppress(ArchiveFault, OSError):  # then it is worth another one
                found.add(read_manifest(there[-1]).digest)
        return found

    def _archives(self) -> list[Path]:
        with suppress(FileNotFoundError):
            names = sorted(name for name in os.listdir(self.directory) if _NAME.fullmatch(name))
            return [self.directory / name for name in names]
        return []

    def _free_name(self, now: float) -> Path:
        while (archive := self.directory / name_at(now, self._compress)).exists():
            now += 1
        return archive

    def _tidy(self, newest: Path) -> None:
        """Delete what is too old, by their names, and what a process that was killed has left."""
        old = [each for each in self._archives() if each != newest]
        doomed = old[: max(0, len(old) + 1 - self._max_backups)] if self._max_backups else []
        doomed += [self.directory / name for name in os.listdir(self.directory) if _unfinished(name)]
        for each in doomed:
            with suppress(FileNotFoundError):
                os.unlink(each)


def _unfinished(name: str) -> bool:
    return is_temporary(name) and name.startswith(".jairouter-")
