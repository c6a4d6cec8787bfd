"""Files that are either there and whole, or not there, whatever happens to the process or the machine.

A file is written under another name, forced to disk, given its name, and the name is forced to disk: a name
in a directory is data of the directory. (T. S. Pillai et al., "All File Systems Are Not Created Equal", OSDI
2014, is about those who left out one of these.)
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import IO, Final

TEMPORARY: Final = ".tmp"
"""How the names of files end that are not finished; they begin with a dot."""

_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_NO_DIRECTORY_SYNC: Final = {errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP}


def is_temporary(name: str) -> bool:
    """Whether a file of this name was never finished, or is not yet."""
    return name.startswith(".") and name.endswith(TEMPORARY)


def reason_of(error: OSError) -> str:
    """Say in a few plain words why the system refused."""
    if error.errno is None:
        return str(error) or "input/output error"
    text = os.strerror(error.errno)
    return text[:1].lower() + text[1:]


def open_file(path: Path) -> tuple[IO[bytes], os.stat_result] | None:
    """Open a file for reading; None if something else has that name.

    Raises:
        OSError: It cannot be opened.
    """
    # (A pipe of that name would keep one waiting for a writer)
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(number)
    if S_ISREG(status.st_mode):
        return open(number, "rb"), status
    os.close(number)
    return None


def make_directory(path: Path) -> None:
    """Make a directory that only its owner may enter, and those above it, unless it is there.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        # Somebody else may have made it just now. A link to nothing is none, which the next step finds
        with suppress(FileExistsError):
            os.mkdir(each, 0o700 if each == missing[0] else 0o777)
            sync_directory(each.parent)


def hand_over(made: int | Path, directory: Path) -> None:
    """Give what root has made in somebody's directory to them, for whom it is meant.

    Else the gateway, which is seldom root, could not read what an operator has stored for it.

    Args:
        made: A file's descriptor, or its path.
        directory: Where it is.
    """
    if os.geteuid() == 0:
        # File systems that know no owners, or not this one, keep nobody out by them
        with suppress(OSError):
            owner = os.stat(directory)
            # (Never what a link leads to: whose directory it is may have put that there)
            os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=isinstance(made, int))


def sync_directory(path: Path) -> None:
    """Force the names in a directory to disk.

    Raises:
        OSError: That failed. Where file systems (CIFS, some of FUSE) know no such thing, nothing is raised.
    """
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(number)


@contextmanager
def temporary(directory: Path, name: str) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file of another name, mode 0600, and delete it at the end if it still has that name.

    Args:
        directory: Where it is going to be.
        name: What it is going to be called.

    Raises:
        OSError: It cannot be made, or the block raised this.
    """
    number, path = tempfile.mkstemp(TEMPORARY, f".{name[:40]}.", directory)
    try:
        with open(number, "wb", buffering=0) as file:
            yield file, Path(path)
    finally:
        with suppress(OSError):  # it has another name now, or the next writer deletes it
            os.unlink(path)


def write_new(directory: Path, name: str, pieces: Iterable[bytes], mtime_ns: int | None = None) -> None:
    """Write a file that is not there yet. When this returns, it survives a power cut.

    Args:
        directory: Where.
        name: Its name.
        pieces: What it says.
        mtime_ns: When it was changed last, if that is not now.

    Raises:
        FileExistsError: It is there.
        OSError: It cannot be written; then it is not there.
    """
    with temporary(directory, name) as (file, path):
        for piece in pieces:
            write_all(file, piece)
        hand_over(file.fileno(), directory)
        if mtime_ns is not None:
            os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
        os.fsync(file.fileno())
        file.close()  # what that may find wrong must be known before the file has its name
        publish(path, directory / name)


def write_all(file: IO[bytes], piece: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part, and fails only when it is asked again."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file.fileno(), rest) :]


def publish(path: Path, final: Path) -> None:
    """Give a finished file its name, unless that is taken.

    A link fails if there is something of that name, on network file systems too; a rename would overwrite it.

    Raises:
        FileExistsError: The name is taken.
        OSError: That failed; the name is free again.
    """
    try:
        os.link(path, final)
    except FileExistsError:
        # NFS may have done it, lost the answer, and asked again
        if os.stat(path).st_nlink < 2:
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(path, final)
    try:
        sync_directory(final.parent)
    except OSError:
        with suppress(OSError):
            os.unlink(final)
        raise


def _rename(path: Path, final: Path) -> None:
    if os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
    os.rename(path, final)
