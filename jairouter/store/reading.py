"""Reads the versions of one directory. Nothing is changed there, and no lock is needed: see `files`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jairouter.config.patch import canonical_stored
from jairouter.control import Entry, Version
from jairouter.refusals import StoreUnavailable
from jairouter.store import original
from jairouter.store.durable import open_file, reason_of
from jairouter.store.version_file import MAX_BYTES, Damaged, load, read_version

BASE: Final = "model-router-config.json"
"""A copy of the version in force, by another product. If it is the only file, it is version 1."""

_NAME: Final = re.compile(r"model-router-config@([1-9]\d{0,14})\.json", re.ASCII)

Signature = tuple[int, int, int, int]
"""What is another when a file is another."""


def name_of(number: int) -> str:
    """What the file of a version is called."""
    return f"model-router-config@{number}.json"


def number_of(name: str) -> int | None:
    """Which version a file holds by its name; None if it is no such name."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def content_of(path: Path) -> tuple[bytes, os.stat_result]:
    """Read a file, or so much of it that it is known to be too large.

    Raises:
        Damaged: It is no file.
        OSError: It cannot be read.
    """
    if (opened := open_file(path)) is None:
        raise Damaged("it is not a file")
    file, status = opened
    with file:
        return file.read(MAX_BYTES + 1), status


class Reading:
    """The files of a directory, and what is remembered of them. Threads may share it.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # What was read is not read again while the file is the same. Each is replaced as a whole
        self._known: Mapping[int, tuple[tuple[Signature | None, ...], int, Entry]] = {}
        self._remembered: tuple[Signature, Mapping[int, original.Remembered]] | None = None
        self._had_some = False

    def numbers(self) -> dict[int, Path]:
        """The files of all versions, in ascending order.

        Raises:
            StoreUnavailable: There were some, and now there are none: but the current one is never deleted.
            OSError: The directory cannot be read.
        """
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            if self.path.is_symlink():
                raise
            names = []
        found = {number: self.path / name for name in names if (number := number_of(name))}
        if not found and BASE in names:
            found = {1: self.path / BASE}
        if not found and self._had_some:
            told = "all versions are gone; is its disk mounted?"
            raise StoreUnavailable(f"the store in {self.path} cannot be used: {told}")
        self._had_some = bool(found)
        return dict(sorted(found.items()))

    def version(self, number: int, numbers: Mapping[int, Path]) -> Version:
        """Read one, and find out whether it is what was stored.

        Args:
            number: Which one.
            numbers: The files.

        Raises:
            Damaged: It is not.
            OSError: It cannot be read.
        """
        content, status = content_of(numbers[number])
        found = load(content)
        if not original.is_original(found):
            return read_version(found, number)
        remembered = self._history_of_original().get(number, original.Remembered())
        at = remembered.created_at if remembered.created_at is not None else status.st_mtime
        parent = max((each for each in numbers if each < number), default=0)
        changes = canonical_stored(original.changes_of(found))
        return Version(Entry(number, at, parent, remembered.told), changes)

    def history(self, numbers: Mapping[int, Path]) -> tuple[Entry, ...]:
        """All versions, damaged ones too. One that was deleted since `numbers` is left out."""
        known, entries = {}, []
        beside, before = _signature(self.path / original.HISTORY), 0
        for number, path in numbers.items():
            signatures = _signature(path), beside
            if signatures[0] is None and not os.path.lexists(path):
                continue
            found = self._known.get(number)
            if found is None or found[:2] != (signatures, before):
                entry, lasting = self._entry(number, numbers, before)
                found = signatures, before, entry
            else:
                entry, lasting = found[2], True
            if lasting:
                known[number] = found
            entries.append(entry)
            before = number
        self._known = known
        return tuple(entries)

    def _entry(self, number: int, numbers: Mapping[int, Path], before: int) -> tuple[Entry, bool]:
        """What the history says of one, and whether it says so until the file is another."""
        path, lasting = numbers[number], True
        try:
            return self.version(number, numbers).entry, lasting
        except Damaged as damaged:
            reason = str(damaged)
        except OSError as error:
            # (It may be for want of descriptors, which has an end)
            reason, lasting = f"it cannot be read: {reason_of(error)}", False
        signature = _signature(path)
        at = signature[0] / 1e9 if signature else 0.0
        return Entry(number, at, before, original.UNTOLD, damage=reason), lasting

    def _history_of_original(self) -> Mapping[int, original.Remembered]:
        path = self.path / original.HISTORY
        if (signature := _signature(path)) is None:
            return {}
        known = self._remembered
        if known is None or known[0] != signature:
            try:
                known = signature, original.history_of(load(content_of(path)[0]))
            except (OSError, Damaged):
                known = signature, {}  # it only tells about versions
            self._remembered = known
        return known[1]


def _signature(path: Path) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
