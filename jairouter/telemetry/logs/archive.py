"""The files that a log leaves behind: ``jairouter.2026-01-31.0.log.gz``, counted from 0 each day.

That is the pattern of the SizeAndTimeBasedRollingPolicy that users have configured in Logback.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

_UNFINISHED: Final = ".tmp"


class Archived(NamedTuple):
    """A file that is not written any more; in their order they are in the order of their lines.

    Attributes:
        day: Of its lines.
        number: Of the file, among those of its day.
        path: Where it is.
    """

    day: date
    number: int
    path: Path


class Archive:
    """The old files of one log.

    Args:
        path: The log.
        history: Days for which files are kept; 0 for ever.
        cap: Most bytes of all of them together; 0 for any number.
    """

    def __init__(self, path: Path, history: int, cap: int) -> None:
        self._path, self._history, self._cap = path, history, cap
        end = path.suffix
        self._stem = path.name.removesuffix(end)
        pattern = rf"{re.escape(self._stem)}\.(\d{{4}}-\d\d-\d\d)\.(\d{{1,9}}){re.escape(end)}(\.gz)?"
        self._name = re.compile(pattern, re.ASCII)
        self._unfinished = re.compile(rf"\.{pattern}\.gz{re.escape(_UNFINISHED)}", re.ASCII)

    def files(self) -> list[Archived]:
        """All of them: what is no file, such as a directory or a link, is somebody else's.

        Raises:
            OSError: The directory cannot be read.
        """
        return sorted(each for each in self._found() if _is_file(each.path))

    def _found(self) -> Iterator[Archived]:
        for name in os.listdir(self._path.parent):
            match = self._name.fullmatch(name)
            if match is not None:
                with suppress(ValueError):  # a 31st of February
                    path = self._path.with_name(name)
                    yield Archived(date.fromisoformat(match[1]), int(match[2]), path)

    def put_aside(self, day: date, log: Path | None = None) -> Path:
        """Give the log a name of its own.

        Args:
            day: Of its lines.
            log: Another file that is given one.

        Raises:
            OSError: It keeps its name.
        """
        taken = [each.number for each in self._found() if each.day == day]
        number = max(taken, default=-1) + 1
        path = self._path.with_name(f"{self._stem}.{day.isoformat()}.{number}{self._path.suffix}")
        os.rename(log or self._path, path)
        return path

    def tidy(self, today: date) -> None:
        """Compress what is not compressed yet, and delete what is too old or too much. Takes its time.

        Raises:
            OSError: Something of that cannot be done.
        """
        for name in os.listdir(self._path.parent):
            path = self._path.with_name(name)
            if self._unfinished.fullmatch(name) and _is_file(path):
                path.unlink(missing_ok=True)  # left over by a crash
        self._delete(today)  # first: that makes room
        failed: OSError | None = None
        for each in self.files():
            if each.path.suffix != ".gz":
                try:
                    self._compress(each)
                except OSError as error:  # one that may not be read keeps none of the others
                    failed = error
        self._delete(today)
        if failed is not None:
            raise failed

    def _compress(self, file: Archived) -> None:
        whole = file.path.with_name(file.path.name + ".gz")
        if not whole.exists():
            compress(file.path)
        elif _same(file.path, whole):  # left over by a crash
            file.path.unlink(missing_ok=True)
        else:  # somebody else made a file of that name; it is none of ours to lose
            self.put_aside(file.day, file.path)

    def _delete(self, today: date) -> None:
        files = self.files()
        if self._history:
            oldest = today - timedelta(days=self._history)
            while files and files[0].day < oldest:
                files.pop(0).path.unlink(missing_ok=True)
        if self._cap:
            total = sum(each.path.stat().st_size for each in files)
            while files and total > self._cap:
                total -= files[0].path.stat().st_size
                files.pop(0).path.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    try:
        return S_ISREG(path.lstat().st_mode)
    except OSError:  # gone already
        return False


def _same(path: Path, whole: Path) -> bool:
    """Whether a file holds what a compressed one does."""
    try:
        with open(path, "rb") as one, gzip.open(whole) as other:
            while (block := one.read(1 << 18)) == other.read(1 << 18):
                if not block:
                    return True
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    return False


def compress(path: Path) -> None:
    """Replace a file by a compressed one: at each moment one of the two is there, and whole.

    Raises:
        OSError: It stays as it is.
    """
    whole = path.with_name(path.name + ".gz")
    unfinished = path.with_name(f".{path.name}.gz{_UNFINISHED}")
    with open(path, "rb") as source:
        mode = os.fstat(source.fileno()).st_mode & 0o777
        unfinished.unlink(missing_ok=True)
        number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(number, "wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw) as target:
                shutil.copyfileobj(source, target, 1 << 18)
            raw.flush()
            os.fchmod(raw.fileno(), mode)
            os.fsync(raw.fileno())
    os.rename(unfinished, whole)
    path.unlink(missing_ok=True)
