"""Which files there are: the one that is written, and those before it.

A file that is full gets a name of its own, once and for all, in which the number of its last line and the
time stand: ``security-audit.log.000000012345.20260101T120000Z``, then ``.gz`` behind it. So no name means one
file now and another one later, whoever reads them meanwhile, and in the order of their names they are in the
order of their lines.
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from stat import S_ISREG
from time import sleep
from typing import IO, Final, NamedTuple, cast

HEAD: Final = ".head"
"""What the name of the note ends in that says where the chain ended."""

_TIME: Final = "%Y%m%dT%H%M%SZ"
_OLD: Final = re.compile(r"\.([0-9]{12,15})\.([0-9]{8}T[0-9]{6}Z)(?:-[0-9]+)?(\.gz)?")
_UNFINISHED: Final = ".tmp"
_TURN: Final = 40
"""Lines after which a reader lets others have their turn: some 300 us. Else whatever the reactor does waits
for 5 ms (`sys.getswitchinterval`), again and again for as long as the reading takes."""


class OldFile(NamedTuple):
    """A file that is not written any more.

    Attributes:
        seq: Number of its last line.
        ended: When it was put aside, in seconds since the epoch.
        path: Where it is.
    """

    seq: int
    ended: float
    path: Path


def reason_of(error: OSError) -> str:
    """Say in a few plain words why the system refused."""
    text = error.strerror or (os.strerror(error.errno) if error.errno else str(error) or "input/output error")
    return text[:1].lower() + text[1:]


class Files:
    """The files of one record.

    Args:
        path: The one that is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head = path.with_name(path.name + HEAD)

    def old(self) -> list[OldFile]:
        """Those that are not written any more, the oldest first.

        Raises:
            OSError: The directory cannot be read.
        """
        found: dict[str, OldFile] = {}
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(self.path.parent)):
                each = self._old(name)
                if each is not None:
                    # Of two the compressed one, which is whole, comes later: the other one is left over
                    found[name.removesuffix(".gz")] = each
        return sorted(found.values())

    def _old(self, name: str) -> OldFile | None:
        if not name.startswith(self.path.name):
            return None
        match = _OLD.fullmatch(name, len(self.path.name))
        if match is None:
            return None
        try:
            ended = datetime.strptime(match[2], _TIME).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None
        return OldFile(int(match[1]), ended, self.path.with_name(name))

    def put_aside(self, seq: int, now: float) -> None:
        """Give the file that is written a name of its own.

        Args:
            seq: Number of its last line.
            now: Seconds since the epoch.

        Raises:
            OSError: It keeps its name.
        """
        stem = f"{self.path.name}.{seq:012d}.{datetime.fromtimestamp(now, UTC).strftime(_TIME)}"
        taken = 0
        name = stem
        while any(os.path.lexists(self.path.with_name(name + end)) for end in ("", ".gz")):
            taken += 1
            name = f"{stem}-{taken}"
        os.rename(self.path, self.path.with_name(name))
        _sync_directory(self.path.parent)

    def compress(self) -> None:
        """Compress those that are not yet, and take away what was left by a crash meanwhile.

        Raises:
            OSError: It cannot be done; nothing is lost.
        """
        for name in sorted(os.listdir(self.path.parent)):
            path = self.path.with_name(name)
            if name.startswith(f".{self.path.name}.") and name.endswith(".gz" + _UNFINISHED):
                path.unlink(missing_ok=True)
            elif not name.endswith(".gz") and self._old(name) is not None:
                _compress(path)

    def delete(self, files: list[OldFile]) -> None:
        """Delete some of them.

        Raises:
            OSError: One cannot be.
        """
        for each in files:
            each.path.unlink(missing_ok=True)
            each.path.with_name(each.path.name.removesuffix(".gz")).unlink(missing_ok=True)


def _compress(path: Path) -> None:
    whole = path.with_name(path.name + ".gz")
    if not whole.exists():
        unfinished = path.with_name(f".{path.name}.gz{_UNFINISHED}")
        with open(path, "rb") as source:
            mode = os.fstat(source.fileno()).st_mode & 0o777
            unfinished.unlink(missing_ok=True)
            number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(number, "wb") as raw:
                with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as target:
                    shutil.copyfileobj(source, target, 1 << 18)
                raw.flush()
                os.fchmod(raw.fileno(), mode)
                os.fsync(raw.fileno())
        os.rename(unfinished, whole)
        _sync_directory(path.parent)
    path.unlink(missing_ok=True)


def open_lines(path: Path) -> IO[bytes]:
    """Open a file of lines, compressed or not; one that is being compressed at this moment, too.

    Raises:
        OSError: It cannot be opened, or is no file.
    """
    try:
        return _opened(path)
    except FileNotFoundError:
        if path.name.endswith(".gz"):
            raise
        return _opened(path.with_name(path.name + ".gz"))


def _opened(path: Path) -> IO[bytes]:
    # (A pipe of that name would keep one waiting for a writer)
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    if os.pread(number, 2, 0) != b"\x1f\x8b":
        return open(number, "rb")
    os.close(number)
    return cast("IO[bytes]", gzip.open(path))


def is_same(path: Path, file: IO[bytes]) -> bool:
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except OSError:
        return False


def lines_of(file: IO[bytes], longest: int = 1 << 20) -> Iterator[bytes]:
    """The lines of a file, without what ends them; one that is torn comes as it is.

    Args:
        file: Open.
        longest: Bytes of a line; the rest of a longer one comes as another one.

    Raises:
        OSError: It cannot be read, or a compressed one is damaged.
    """
    try:
        for number in count(1):
            line = file.readline(longest)
            if not line:
                return
            yield line
            if not number % _TURN:
                sleep(0)
    except (EOFError, zlib.error) as error:
        raise OSError(errno.EIO, f"it is damaged: {error}") from None


def _sync_directory(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # (CIFS and some of FUSE know no such thing)
        with suppress(OSError):
            os.fsync(number)
    finally:
        os.close(number)
