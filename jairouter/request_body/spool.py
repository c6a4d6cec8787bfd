"""Bytes put aside: a few in memory, more in a temporary file.

Some forms name the model only after the file (``curl -F file=@talk.wav -F model=whisper-1`` does). The
file must be kept until then, but not in memory, and a disk must not stop the reactor: the file is
written and read in threads, one operation at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import IO, Any

RunInThread = Callable[..., Awaitable[Any]]
"""``run(function, *arguments)``: calls the function in a thread."""

BLOCK = 64 * 1024


class Spool:
    """Written once from the beginning to the end, then read any number of times.

    Args:
        in_memory: Bytes kept in memory before a file is used.
        run_in_thread: For everything that touches the file.
    """

    def __init__(self, in_memory: int, run_in_thread: RunInThread) -> None:
        self.length = 0
        self._in_memory = in_memory
        self._run = run_in_thread
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None

    def keep(self, data: bytes) -> bool:
        """Put `data` aside in memory if there is room. Returns False when there is none."""
        if self._file is not None or self.length + len(data) > self._in_memory:
            return False
        self._chunks.append(data)
        self.length += len(data)
        return True

    async def write(self, data: bytes) -> None:
        """Put `data` aside in the file. One call at a time.

        Raises:
            OSError: The disk is full or not writable.
        """
        if self._file is None:
            self._file = await self._run(tempfile.TemporaryFile)
            data = b"".join(self._chunks) + data
            self.length -= sum(map(len, self._chunks))
            self._chunks.clear()
        await self._run(self._file.write, data)
        self.length += len(data)

    async def read(self, offset: int) -> bytes:
        """Some bytes from `offset` on; none at the end. One call at a time."""
        if self._file is None:
            return b"".join(self._chunks)[offset:]
        return await self._run(_read_at, self._file, offset)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Forget everything; the file was never visible in a directory."""
        file, self._file = self._file, None
        self._chunks.clear()
        if file is not None:
            with suppress(OSError):  # it writes what it still holds, which nobody wants
                file.close()


def _read_at(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.read(BLOCK)
