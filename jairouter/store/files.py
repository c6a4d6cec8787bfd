"""The versions of one directory: one file each, which is never changed once it is there.

Names are `model-router-config@7.json`. A new version is linked to its name when it is whole and on disk, so
that no reader ever sees a part of one, and two writers cannot both have the number. Writers besides take a
lock, so that each sees what the one before has written; readers need none. Whatever a writer that was killed
has left is deleted by the next.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from jairouter.control import Draft, Entry, Version
from jairouter.refusals import NotPossible, StoreUnavailable, VersionDamaged
from jairouter.store.durable import (
    hand_over,
    is_temporary,
    make_directory,
    reason_of,
    sync_directory,
    write_new,
)
from jairouter.store.lock import Held, locked
from jairouter.store.reading import BASE, Reading, content_of, name_of
from jairouter.store.version_file import Damaged, compose, parse
from jairouter.store.words import conflict, is_current, no_such, way_back

LOCK: Final = ".lock"
_OUT_OF_REACH: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}
)
LARGEST: Final = 10**15 - 1
"""Highest number; beyond 2^53 not every reader of JSON knows one number from the next."""


class VersionFiles:
    """Reads and writes them. Methods block, and may be called from several threads at once.

    Args:
        path: The directory; made when something is stored first.
        max_versions: How many are kept when one is added, the newest ones; 0 keeps all.
        lock_timeout: Seconds for which one waits for other writers.
        today: Seconds since the epoch.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        path: Path,
        max_versions: int,
        lock_timeout: float,
        today: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self._max_versions = max_versions
        self._lock_timeout = lock_timeout
        self._today = today
        self._sleep = sleep
        self._reading = Reading(path)

    def history(self) -> tuple[Entry, ...]:
        """All versions, the oldest first, damaged ones too.

        Raises:
            StoreUnavailable: The directory cannot be read.
        """
        with self._reasons("read"):
            return self._reading.history(self._reading.numbers())

    def newest(self) -> Version | None:
        """The current version; None when nothing is stored.

        Raises:
            VersionDamaged: It cannot be read; the text says the way back.
            StoreUnavailable: The directory cannot be read.
        """
        with self._reasons("read"):
            numbers = self._reading.numbers()
            return self._read(max(numbers), numbers) if numbers else None

    def read(self, number: int) -> Version:
        """Read one, and find out whether it is what was stored.

        Raises:
            VersionNotFound: There is none of this number.
            VersionDamaged: It is not; the text says the way back.
            StoreUnavailable: The directory cannot be read.
        """
        with self._reasons("read"):
            return self._read(number, self._reading.numbers())

    def _read(self, number: int, numbers: Mapping[int, Path]) -> Version:
        if number not in numbers:
            raise no_such(number)
        try:
            return self._reading.version(number, numbers)
        except FileNotFoundError:
            if not os.path.lexists(numbers[number]):
                raise no_such(number) from None
            damage = "it is a link to nothing"
        except Damaged as damaged:
            damage = str(damaged)
        intact = [each.number for each in self._reading.history(numbers) if not each.damage]
        raise VersionDamaged(way_back(number, damage, intact))

    def add(self, draft: Draft) -> Version:
        """Store a new version; when this returns, it survives a power cut.

        Raises:
            VersionConflict: The draft's parent is not the current version.
            InvalidRequest: It is too large, too deep, or no JSON.
            StoreUnavailable: It cannot be stored; the text says why.
        """
        number = draft.parent + 1
        content = compose(draft, number, self._today())
        with self._reasons("written"):
            # Asked here as well, because whoever is late need not wait for the lock
            if not self._check(draft.parent) and not self.path.exists():
                make_directory(self.path)
                hand_over(self.path, self.path.parent)
            with self._locked():
                numbers = self._check(draft.parent)
                self._refuse_unreadable(numbers)
                self._adopt(numbers)
                try:
                    write_new(self.path, name_of(number), [content])
                except FileExistsError:
                    self._check(draft.parent)  # by somebody whom the lock does not keep out
                    raise
                self._forget_oldest()
        return parse(content, number)

    def delete(self, number: int) -> None:
        """Delete a version that is not the current one.

        Raises:
            VersionNotFound: There is none of this number.
            NotPossible: It is the current one.
            StoreUnavailable: It cannot be deleted; the text says why.
        """
        with self._reasons("written"):
            self._deletable(number)
            with self._locked():
                os.unlink(self._deletable(number))
                sync_directory(self.path)

    def _deletable(self, number: int) -> Path:
        numbers = self._reading.numbers()
        if number not in numbers:
            raise no_such(number)
        if number == max(numbers):
            raise is_current(number)
        return numbers[number]

    def _check(self, parent: int) -> Mapping[int, Path]:
        """The files, if this is the current version.

        Raises:
            VersionConflict: It is not.
            NotPossible: There is no number for the next one.
        """
        numbers = self._reading.numbers()
        if parent != max(numbers, default=0):
            history = self._reading.history(numbers)
            raise conflict(parent, history[-1] if history else None)
        if parent >= LARGEST:
            raise NotPossible(f"there are no numbers for versions beyond {LARGEST}")
        return numbers

    def _refuse_unreadable(self, numbers: Mapping[int, Path]) -> None:
        """Add nothing behind a version that is only out of reach: its draft's maker has not seen it.

        A damaged one is lost anyway, and the next takes its place. One that belongs to another user, or for
        which there are no descriptors left, is not: the others read it, and would lose what it changes.
        """
        if not numbers:
            return
        number, path = max(numbers.items())
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            if error.errno in _OUT_OF_REACH:
                told = f"version {number} cannot be read, so nothing can follow it: {reason_of(error)}"
                raise StoreUnavailable(f"the store in {self.path} cannot be written: {told}") from None

    @contextmanager
    def _reasons(self, done: str) -> Iterator[None]:
        try:
            yield
        except Held:
            told = f"another process has been writing to it for more than {self._lock_timeout:g} s"
        except OSError as error:
            told = reason_of(error)
        else:
            return
        raise StoreUnavailable(f"the store in {self.path} cannot be {done}: {told}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.path / LOCK, self._lock_timeout, self._sleep):
            for name in os.listdir(self.path):
                if is_temporary(name) and name.startswith(".model-router-config@"):
                    with suppress(FileNotFoundError):
                        os.unlink(self.path / name)
            yield

    def _adopt(self, numbers: Mapping[int, Path]) -> None:
        """Give version 1 a file of its own, if it is the one that only counts while there is no other."""
        path = numbers.get(1)
        if path is not None and path.name == BASE:
            with suppress(Damaged):  # a directory, which is no loss
                content, status = content_of(path)
                write_new(self.path, name_of(1), [content], status.st_mtime_ns)

    def _forget_oldest(self) -> None:
        if not self._max_versions:
            return
        # The new version is stored, come what may; the next one to be added tries this again
        with suppress(OSError, StoreUnavailable):
            for path in list(self._reading.numbers().values())[: -self._max_versions]:
                with suppress(OSError):
                    os.unlink(path)
