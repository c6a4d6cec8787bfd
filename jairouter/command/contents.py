"""What is in a backup, and unpacking it: ours, and the plain tar archives of other scripts.

Nothing is unpacked before all of it was looked at. Names that lead elsewhere, links and devices are refused:
an archive is data, and must not decide where it is written.
"""

from __future__ import annotations

import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jairouter.command.failures import Refused
from jairouter.store.archive import unpack, verify_archive
from jairouter.store.durable import sync_directory
from jairouter.store.manifest import MANIFEST, ArchiveFault, check_name

CONFIG: Final = "config"
STORE: Final = "store"

MOST_BYTES: Final = 4 * 1024**3
"""Of all files of a plain archive together: what is packed into a few bytes must not fill the disk."""

_DAMAGE: Final = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a good archive holds.

    Attributes:
        archive: Where it is.
        created: When it was made, as far as it says.
        names: All its files.
        config: The directory of the archive that the configuration is in; None if there is none.
        store: Likewise for the store.
        plain: Whether it is a plain tar archive, all of which is configuration.
    """

    archive: Path
    created: str
    names: Sequence[str]
    config: str | None
    store: str | None
    plain: bool = False

    def unpack(self, below: str, destination: Path) -> None:
        """Put the files below a directory of the archive into one that is there, and on disk.

        Raises:
            Refused: The archive is not what it was any more.
            OSError: They cannot be written.
        """
        if self.plain:
            _unpack_plain(self.archive, destination)
            return
        try:
            unpack(self.archive, destination, below)
        except ArchiveFault as fault:
            raise Refused(f"{self.archive}: {fault}") from None


def read_contents(archive: Path) -> Contents:
    """Read all of an archive and find out what it holds.

    Raises:
        Refused: It is not good.
        OSError: It cannot be read.
    """
    if _is_plain(archive):
        return Contents(archive, "", _plain_names(archive), "", None, plain=True)
    try:
        manifest = verify_archive(archive)
    except ArchiveFault as fault:
        raise Refused(f"{archive}: {fault}") from None
    names = tuple(manifest.members)
    return Contents(archive, manifest.created, names, _config(archive, names), _store(names))


def _config(archive: Path, names: Sequence[str]) -> str | None:
    """The directory that the configuration is in: the gateway's own backups have the whole path."""
    parents = [str(PurePosixPath(name).parent) for name in names if name.startswith(f"{CONFIG}/")]
    if not parents:
        return None
    found = os.path.commonpath(parents)
    files = (name for name in names if str(PurePosixPath(name).parent) == found)
    if not any(files):
        told = "its configuration is from several directories, which no command can tell apart: use tar"
        raise Refused(f"{archive}: {told}")
    return found


def _store(names: Sequence[str]) -> str | None:
    return STORE if any(name.startswith(f"{STORE}/") for name in names) else None


def _is_plain(archive: Path) -> bool:
    """Whether it is a tar archive, but none of ours."""
    with _opened(archive) as tar:
        first = tar.next()
        return first is None or first.name != MANIFEST


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:*") as tar:
            yield tar
    except _DAMAGE:
        raise Refused(f"{archive}: it is no tar archive, or it is damaged") from None


def _plain_names(archive: Path) -> tuple[str, ...]:
    """Read all of a plain archive. Returns the names of its files.

    Raises:
        Refused: It is damaged, or holds what must not be unpacked.
    """
    found: dict[str, None] = {}
    size = 0
    with _opened(archive) as tar:
        for member in tar:
            name = _checked(archive, member)
            if name is None:
                continue
            if name in found:
                raise Refused(f"{archive}: {name} is in it twice")
            found[name] = None
            size += member.size
            if size > MOST_BYTES:
                raise Refused(f"{archive}: its files have more than {MOST_BYTES} bytes")
            _content(tar, member)
        _drain(tar)
    if not found:
        raise Refused(f"{archive}: there is nothing in it")
    return tuple(found)


def _drain(tar: tarfile.TarFile) -> None:
    """Read what comes after the last file: the checksum of what is compressed is at its very end."""
    assert tar.fileobj is not None
    while tar.fileobj.read(1024 * 1024):
        pass


def _checked(archive: Path, member: tarfile.TarInfo) -> str | None:
    """The plain name of a file in it, None for a directory.

    Raises:
        Refused: It must not be unpacked.
    """
    name = str(PurePosixPath(member.name))
    try:
        if member.isdir() and name == ".":
            return None
        if member.name.startswith("/"):
            raise ArchiveFault(f"{member.name!r} is an absolute name")
        check_name(name)
        if not member.isdir() and not member.isreg():
            raise ArchiveFault(f"{name!r} is neither a file nor a directory")
    except ArchiveFault as fault:
        raise Refused(f"{archive}: {fault}") from None
    return name if member.isreg() else None


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path | None = None) -> None:
    """Read all of a file, and write it, if there is somewhere to write it to."""
    source = tar.extractfile(member)
    assert source is not None
    if into is None:
        while source.read(1024 * 1024):
            pass
        return
    number = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(number, "wb") as file:
        while piece := source.read(1024 * 1024):
            file.write(piece)
        file.flush()
        os.fchmod(number, member.mode & 0o777)
        os.fsync(number)


def _unpack_plain(archive: Path, destination: Path) -> None:
    touched = {destination}
    with _opened(archive) as tar:
        for member in tar:
            name = _checked(archive, member)
            if name is None:
                continue
            into = destination / name
            into.parent.mkdir(parents=True, exist_ok=True)
            touched.update(each for each in into.parents if each.is_relative_to(destination))
            _content(tar, member, into)
    for each in touched:
        sync_directory(each)
