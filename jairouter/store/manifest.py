"""What an archive holds, or is going to hold."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from jairouter.store.durable import is_temporary, open_file
from jairouter.store.files import LOCK
from jairouter.store.version_file import time_text

MANIFEST: Final = "MANIFEST.json"
"""Name of the first member of an archive."""
FORMAT: Final = 1
BLOCK: Final = 256 * 1024
"""Bytes that are read at once."""

_SHA256: Final = re.compile("[0-9a-f]{64}")

Source = Path | bytes
"""Where a member comes from: a file, or its content."""


class ArchiveFault(Exception):
    """An archive is not good, or cannot be made of what it should hold; the message says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive.

    Attributes:
        sha256: Of its content, in hexadecimal.
        size: In bytes.
        mode: Who may read and write it, as `chmod` has it.
    """

    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds.

    Attributes:
        created: When it was made: ISO 8601, UTC.
        members: The files by their names, which are relative.
    """

    created: str
    members: Mapping[str, Member]

    @property
    def digest(self) -> str:
        """The same for two archives that hold the same, whenever they were made."""
        return hashlib.sha256(json.dumps(_plain(self.members), sort_keys=True).encode()).hexdigest()

    def text(self) -> bytes:
        """Write it as JSON."""
        whole = {"format": FORMAT, "created": self.created, "members": _plain(self.members)}
        return json.dumps(whole, indent=1).encode() + b"\n"


def _plain(members: Mapping[str, Member]) -> dict[str, dict[str, Any]]:
    return {
        name: {"sha256": each.sha256, "size": each.size, "mode": f"{each.mode:04o}"}
        for name, each in members.items()
    }


def parse_manifest(text: bytes) -> Manifest:
    """Read what `Manifest.text` wrote.

    Raises:
        ArchiveFault: It is none, or names files that no archive may hold.
    """
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ArchiveFault(f"its format is not {FORMAT}; was it written by a newer release?")
        members = {name: _member(name, each) for name, each in found["members"].items()}
        return Manifest(str(found["created"]), members)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ArchiveFault(f"its {MANIFEST} cannot be read") from None


def _member(name: str, found: Mapping[str, Any]) -> Member:
    check_name(name)
    sha256, size, mode = found["sha256"], found["size"], int(found["mode"], 8)
    if not _SHA256.fullmatch(sha256) or not isinstance(size, int) or size < 0 or not 0 <= mode <= 0o777:
        raise ValueError
    return Member(sha256, size, mode)


def check_name(name: str) -> None:
    """Find out whether a file of this name is below wherever an archive is unpacked.

    Raises:
        ArchiveFault: It is not, or it is not the plainest name of that file.
    """
    plain = PurePosixPath(name)
    if plain.is_absolute() or ".." in plain.parts:
        fault = "it leads out of the place where the archive is unpacked"
    elif not plain.parts or str(plain) != name or "\0" in name:
        fault = "it is not a plain name"
    elif name == MANIFEST:
        fault = "that is the archive's own"
    else:
        return
    raise ArchiveFault(f"no archive can hold {name!r}: {fault}")


def files_below(directory: Path, skip: Callable[[Path], bool] = lambda path: False) -> dict[str, Path]:
    """The files of a directory and of those inside it, by their relative names, in order.

    Files that are not finished and locks are left out, and so is a directory `backups` right in it, and what
    is no file. A link to a file counts as a file; links to directories are not followed.

    Args:
        directory: Where to look; if it is not there, nothing is below it.
        skip: Says of a file or directory that it is left out as well.

    Raises:
        OSError: It cannot be read.
    """
    return dict(sorted(_walk(directory, "", skip)))


def _walk(directory: Path, prefix: str, skip: Callable[[Path], bool]) -> Iterator[tuple[str, Path]]:
    try:
        entries = list(os.scandir(directory))
    except FileNotFoundError:
        return
    for entry in entries:
        path, name = directory / entry.name, prefix + entry.name
        if name == "backups" or entry.name == LOCK or is_temporary(entry.name) or skip(path):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, f"{name}/", skip)
        elif entry.is_file():
            yield name, path


def survey(members: Mapping[str, Source], now: float) -> Manifest:
    """Find out what an archive of these would hold.

    Args:
        members: Names, and where each comes from.
        now: Seconds since the epoch.

    Raises:
        ArchiveFault: A name cannot be one, something is no file, or a file changed meanwhile.
        OSError: A file cannot be read.
    """
    found = {}
    for name in sorted(members):
        check_name(name)
        with opened(members[name]) as (file, size, mode):
            reader = Hashing(file, size, f"{name} changed while it was read")
            reader.drain()
            found[name] = Member(reader.hexdigest(), size, mode)
    return Manifest(time_text(now), found)


@contextmanager
def opened(source: Source) -> Iterator[tuple[IO[bytes], int, int]]:
    """Open what becomes a member: the file, its size, its mode.

    Raises:
        ArchiveFault: It is no file.
        OSError: It cannot be opened.
    """
    if isinstance(source, bytes):
        yield BytesIO(source), len(source), 0o600
        return
    if (found := open_file(source)) is None:
        raise ArchiveFault(f"{source} is not a file")
    file, status = found
    with file:
        yield file, status.st_size, status.st_mode & 0o777


class Hashing:
    """Reads so many bytes and hashes them.

    Args:
        file: What is read.
        size: How many bytes of it.
        short: What is wrong when there are fewer.
    """

    def __init__(self, file: IO[bytes], size: int, short: str) -> None:
        self._file = file
        self._left = size
        self._short = short
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read so many bytes, or what is left.

        Raises:
            ArchiveFault: There are fewer.
        """
        wanted = min(size, self._left)
        data = self._file.read(wanted)
        if len(data) != wanted:
            raise ArchiveFault(self._short)
        self._left -= wanted
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read all that is left."""
        while self.read(BLOCK):
            pass

    def hexdigest(self) -> str:
        """SHA-256 of what was read."""
        return self._hash.hexdigest()
