"""Bytes put aside: a few in memory, more in a temporary file.

Some forms name the model only after the file (``curl -F file=@talk.wav -F model=whisper-1`` does). The
file must be kept until then, but not in memory, and a disk must not stop the reactor: the file is
written and read in threads, one operation at a time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

RunInThread = Callable[..., "Deferred[Any]"]
"""``run(function, *arguments)``: calls the function in a thread."""

BLOCK = 64 * 1024


class SpoolSpace:
    """What all spools together hold.

    Args:
        memory: Bytes that may be in memory; beyond them a spool uses a file from its first byte.
        disk: Bytes in files from which on there is room for no more.

    Attributes:
        in_memory: Bytes there now.
        on_disk: Bytes in files now.
    """

    def __init__(self, memory: int, disk: int) -> None:
        self.in_memory = 0
        self.on_disk = 0
        self.memory = memory
        self.disk = disk


class Spool:
    """Written from the beginning to the end, and read any number of times.

    Args:
        in_memory: Bytes kept in memory before a file is used.
        run_in_thread: For everything that touches the file.
        space: Shared with the others.
    """

    def __init__(self, in_memory: int, run_in_thread: RunInThread, space: SpoolSpace) -> None:
        self._in_memory = in_memory
        self._run = run_in_thread
        self._space = space
        self._held = Pieces()
        self._on_disk = 0
        self._file: IO[bytes] | None = None

    @property
    def full(self) -> bool:
        """Whether the disk has no room for what must be put aside. What was taken in already still fits."""
        return self._space.on_disk >= self._space.disk

    @property
    def crowded(self) -> bool:
        """Whether the disk has no room for what need not be put aside."""
        return self._space.on_disk >= self._space.disk // 2

    def keep(self, data: bytes) -> bool:
        """Put `data` aside in memory if there is room. Returns False when there is none."""
        size, space = len(data), self._space
        if (
            self._file is not None
            or self._held.size + size > self._in_memory
            or space.in_memory + size > space.memory
        ):
            return False
        self._held.append(data)
        space.in_memory += size
        return True

    async def write(self, data: bytes) -> None:
        """Put `data` aside in the file. One call at a time.

        Raises:
            OSError: The disk is full or not writable.
        """
        if self._file is None:
            self._file = await self._run(tempfile.TemporaryFile)
            data = self._held.joined() + data
            self._forget_held()
        self._on_disk += len(data)
        self._space.on_disk += len(data)
        await self._run(_append, self._file, data)

    async def read(self, offset: int) -> bytes:
        """Some bytes from `offset` on; none at the end. One call at a time."""
        if self._file is None:
            return self._held.joined()[offset:]
        return await self._run(_read_at, self._file, offset)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Forget everything; the file was never visible in a directory."""
        self._forget_held()
        file, self._file = self._file, None
        if file is not None:
            self._space.on_disk -= self._on_disk
            self._on_disk = 0
            with suppress(OSError):  # it writes what it still holds, which nobody wants
                file.close()

    def _forget_held(self) -> None:
        self._space.in_memory -= self._held.size
        self._held.clear()


def _append(file: IO[bytes], data: bytes) -> None:
    file.seek(0, os.SEEK_END)  # it may have been read meanwhile
    file.write(data)


def _read_at(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.read(BLOCK)
