"""A log file: appended to, put aside when it is full or its day is over, opened anew when it was moved."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from jairouter.telemetry.logs.archive import Archive

MODE: Final = 0o640
LOOK: Final = 1.0
"""Seconds after which it is looked again whether the open file still has its name."""


class Rolling(NamedTuple):
    """When a new file is begun.

    Attributes:
        max_size: Bytes at which it is; 0 for never, not at the end of a day either.
        archive: Where the old one goes.
        tidy: Has the archive tidied in another thread; told the day.
        tell: Is told that the old one cannot be put aside.
    """

    max_size: int
    archive: Archive
    tidy: Callable[[date], None]
    tell: Callable[[str], None]


class LogFile:
    """One log file; a `jairouter.telemetry.logs.writer.Target`.

    Args:
        path: Its name.
        rolling: When a new one is begun.
        today: Seconds since the epoch.
    """

    def __init__(self, path: Path, rolling: Rolling, today: Callable[[], float]) -> None:
        self.name = str(path)
        self._path, self._rolling, self._today = path, rolling, today
        self._number = -1
        self._regular = False
        self._size = 0
        self._day = date.min
        self._looked = 0.0
        self._rest = b""
        self._torn = 0  # bytes of the first line of the rest that are in the file already

    def write(self, data: bytes) -> None:
        """See `Target.write`."""
        self._rest += data
        self._be_ready()
        while self._rest:
            fitting = self._fitting()
            self._append(fitting)
            if self._rest:
                self._roll()

    def reopen(self) -> None:
        """See `Target.reopen`."""
        self.close()
        self._open()

    def close(self) -> None:
        """See `Target.close`."""
        if self._number >= 0:
            with suppress(OSError):
                os.close(self._number)
            self._number = -1

    def _be_ready(self) -> None:
        now = self._today()
        if self._number >= 0 and not LOOK > now - self._looked >= 0:
            self._looked = now
            if self._regular and not self._has_its_name():
                self.close()
        if self._number < 0:
            self._open()
        if self._regular and self._rolling.max_size and day_of(now) != self._day:
            if self._size:
                self._roll()
            self._day = day_of(now)

    def _open(self) -> None:
        self._path.parent.mkdir(0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        self._number = os.open(self._path, flags, MODE)
        found = os.fstat(self._number)
        self._regular, self._size, self._torn = S_ISREG(found.st_mode), found.st_size, 0
        if not self._regular:
            os.set_blocking(self._number, True)
        self._looked = self._today()
        self._day = day_of(found.st_mtime if self._size else self._looked)

    def _has_its_name(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._number))
        except OSError:
            return False

    def _fitting(self) -> int:
        """How many bytes of the rest belong into this file: whole lines, at least one."""
        room = self._rolling.max_size - self._size
        if not self._regular or not self._rolling.max_size or len(self._rest) - self._torn <= room:
            return len(self._rest)
        if room <= 0 and self._size and not self._torn:
            return 0
        end = self._rest.rfind(b"\n", 0, max(room, 0) + self._torn)
        if end < 0:  # a line that is longer than what is left
            if self._size and not self._torn:
                return 0
            end = self._rest.find(b"\n")
        return end + 1 if end >= 0 else len(self._rest)

    def _append(self, length: int) -> None:
        """Write that many bytes of the rest. What fails half-way goes on where it ended."""
        while self._torn < length:
            try:
                wrote = os.write(self._number, memoryview(self._rest)[self._torn : length])
            except OSError:
                if not self._regular:  # nobody reads this pipe any more
                    self.close()
                raise
            self._size += wrote
            self._torn += wrote
            whole = self._rest.rfind(b"\n", 0, self._torn) + 1
            if whole and self._torn < length:
                self._rest, self._torn, length = self._rest[whole:], self._torn - whole, length - whole
        self._rest, self._torn = self._rest[length:], 0

    def _roll(self) -> None:
        """Begin a new file. If the old one cannot be put aside, it goes on growing: that loses nothing."""
        now = day_of(self._today())
        try:
            self._rolling.archive.put_aside(self._day)
        except FileNotFoundError:
            pass  # somebody else has moved it
        except OSError as error:
            self._rolling.tell(f"{self.name} cannot be put aside and goes on growing: {error.strerror}")
            self._size = 0
            return
        self.close()
        self._open()
        self._rolling.tidy(now)


def day_of(time: float) -> date:
    """The day of a moment, by the machine's time zone."""
    return datetime.fromtimestamp(time).date()  # noqa: DTZ006 - as said
