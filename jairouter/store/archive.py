"""Archives for backups: tar files, perhaps compressed, that any `tar` can unpack.

The first member is `MANIFEST.json`, which has size, mode and SHA-256 of each of the others. An archive is
good when it holds these, all of them, nothing else, and nothing but files below where it is unpacked to.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from jairouter.store.durable import make_directory, publish, sync_directory, temporary, write_all
from jairouter.store.manifest import (
    BLOCK,
    MANIFEST,
    ArchiveFault,
    Hashing,
    Manifest,
    Member,
    Source,
    opened,
    parse_manifest,
    survey,
)

MAX_MANIFEST: Final = 64 * 1024 * 1024
"""Bytes of a manifest; one member needs about 150."""

_GZIP: Final = b"\x1f\x8b"


def make_archive(destination: Path, members: Mapping[str, Source], compress: bool, now: float) -> Manifest:
    """Write an archive that is not there yet. It is there when it is whole and on disk, mode 0600.

    Args:
        destination: Its name; the directory is made if it is not there.
        members: Names, and where each comes from.
        compress: Whether to compress it, by gzip.
        now: Seconds since the epoch.

    Raises:
        FileExistsError: It is there.
        ArchiveFault: A name cannot be one, something is no file, or a file changed meanwhile: try again.
        OSError: It cannot be written, or a file cannot be read.
    """
    manifest = survey(members, now)
    make_directory(destination.parent)
    with temporary(destination.parent, destination.name) as (file, path):
        with open(os.dup(file.fileno()), "wb", BLOCK) as plain:
            if compress:
                with gzip.GzipFile("", "wb", 6, plain, mtime=now) as packed:
                    _fill(cast("IO[bytes]", packed), manifest, members, now)
            else:
                _fill(plain, manifest, members, now)
        os.fsync(file.fileno())
        file.close()  # what that may find wrong must be known before the file has its name
        publish(path, destination)
    return manifest


def _fill(file: IO[bytes], manifest: Manifest, members: Mapping[str, Source], now: float) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        text = manifest.text()
        archive.addfile(_tar_info(MANIFEST, len(text), 0o600, now), io.BytesIO(text))
        for name, member in manifest.members.items():
            with opened(members[name]) as (source, _, _):
                changed = f"{name} changed while it was read"
                reader = Hashing(source, member.size, changed)
                info = _tar_info(name, member.size, member.mode, now)
                archive.addfile(info, cast("IO[bytes]", reader))
                if reader.hexdigest() != member.sha256:
                    raise ArchiveFault(changed)


def _tar_info(name: str, size: int, mode: int, now: float) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, mode, int(now)
    return info


def read_manifest(path: Path) -> Manifest:
    """Read what an archive says it holds; whether it does is not looked at.

    Raises:
        ArchiveFault: It is no archive, or has no manifest.
        OSError: It cannot be read.
    """
    with _reading(path) as archive:
        return _manifest(archive)


def verify_archive(path: Path) -> Manifest:
    """Read all of an archive and find out whether it is good.

    Raises:
        ArchiveFault: It is not; the message says what is wrong.
        OSError: It cannot be read.
    """
    with _reading(path) as archive:
        manifest = _manifest(archive)
        for name, file in _each(archive, manifest):
            file.drain()
            _check(name, file, manifest)
        _check_end(archive)
        return manifest


def unpack(path: Path, destination: Path, below: str = "") -> Manifest:
    """Put the files of an archive into a directory, each in one step, replacing those that are there.

    The whole archive is verified before anything is written. Other files stay as they are.

    Args:
        path: The archive.
        destination: The directory; made if it is not there.
        below: Take the members below this directory of the archive only, without this part of their names.

    Returns:
        What the archive holds, as a whole.

    Raises:
        ArchiveFault: It is not good, or a link in the directory leads out of it.
        OSError: It cannot be read, or the files cannot be written.
    """
    verify_archive(path)
    prefix = f"{below.strip('/')}/" if below else ""
    with _reading(path) as archive:
        manifest = _manifest(archive)
        for name, file in _each(archive, manifest):
            if name.startswith(prefix):
                _put(destination / name.removeprefix(prefix), destination, file, manifest, name)
        return manifest


def _put(final: Path, destination: Path, file: Hashing, manifest: Manifest, name: str) -> None:
    if not final.parent.resolve().is_relative_to(destination.resolve()):
        raise ArchiveFault(f"{name} is not unpacked: a link there leads out of {destination}")
    make_directory(final.parent)
    with temporary(final.parent, final.name) as (into, path):
        while block := file.read(BLOCK):
            write_all(into, block)
        _check(name, file, manifest)
        os.fchmod(into.fileno(), manifest.members[name].mode)
        os.fsync(into.fileno())
        into.close()
        os.replace(path, final)
    sync_directory(final.parent)


@contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive; whatever is found wrong with its bytes while it is open is an `ArchiveFault`."""
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz" if packed else "r:") as archive:
                yield archive
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
            fault = str(error) or "it is cut short"
        except (ValueError, OverflowError):
            fault = "it is no tar file"
        else:
            return
    raise ArchiveFault(f"{path} cannot be read as an archive: {fault}")


def _manifest(archive: tarfile.TarFile) -> Manifest:
    info = archive.next()
    if info is None or info.name != MANIFEST or info.size > MAX_MANIFEST:
        raise ArchiveFault(f"it does not begin with a {MANIFEST}")
    return parse_manifest(_file(archive, info).read(info.size))


def _each(archive: tarfile.TarFile, manifest: Manifest) -> Iterator[tuple[str, Hashing]]:
    """The members behind the manifest, which are all that it names; to be read and checked one by one."""
    missing: dict[str, Member] = dict(manifest.members)
    while (info := archive.next()) is not None:
        member = missing.pop(info.name, None)
        if member is None:
            raise ArchiveFault(f"{info.name!r} is in it, but not in its {MANIFEST}, or twice")
        if info.size != member.size:
            raise ArchiveFault(f"{info.name!r} has {info.size} bytes, not {member.size}")
        yield info.name, _file(archive, info)
    if missing:
        raise ArchiveFault(f"{min(missing)!r} is missing, and {len(missing) - 1} more")


def _check_end(archive: tarfile.TarFile) -> None:
    """Read what is behind the members: nothing but zeros, and the checksum of the compression."""
    assert archive.fileobj is not None
    while rest := archive.fileobj.read(BLOCK):
        if rest.strip(b"\0"):
            raise ArchiveFault("there is something behind its end")


def _file(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Hashing:
    # (Not `isreg`, which takes sparse files for regular ones)
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
        raise ArchiveFault(f"{info.name!r} is not a plain file")
    file = archive.extractfile(info)
    assert file is not None
    return Hashing(file, info.size, f"{info.name!r} is cut short")


def _check(name: str, file: Hashing, manifest: Manifest) -> None:
    if file.hexdigest() != manifest.members[name].sha256:
        raise ArchiveFault(f"{name!r} is damaged: its checksum is wrong")
