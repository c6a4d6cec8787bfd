"""The console: where twistd would write its log."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import Any, Final

from twisted.python.logfile import LogFile

SLOWLY: Final = 1000
"""Milliseconds for which one write waits for a reader that does not read, before it looks again."""


class Console:
    """Standard output, or the file that ``twistd --logfile`` names; a `Target`.

    Args:
        file: What twistd writes to: text or bytes, with or without a descriptor.
        text: Whether it takes text.
    """

    name = "the console"

    def __init__(self, file: Any, *, text: bool) -> None:
        self._file, self._text = file, text
        self._rest = b""

    def write(self, data: bytes) -> None:
        """See `Target.write`."""
        self._rest += data
        if not self._rest:
            return
        number = self._number()
        if number is None:
            self._file.write(self._rest.decode("utf-8", "replace") if self._text else self._rest)
            self._file.flush()
            self._rest = b""
            return
        self._file.flush()
        rest = memoryview(self._rest)
        try:
            while rest:
                rest = rest[_written(number, rest) :]
        finally:
            self._rest = bytes(rest)

    def reopen(self) -> None:
        """See `Target.reopen`. What twistd does at SIGUSR1, too, and in addition what logrotate needs."""
        if not isinstance(self._file, LogFile):
            return
        try:
            moved = not os.path.samestat(os.stat(self._file.path), os.fstat(self._file._file.fileno()))
        except OSError:
            moved = True
        if moved:
            self._file.reopen()
        else:
            self._file.rotate()

    def close(self) -> None:
        """See `Target.close`. It is not ours to close."""
        with suppress(OSError, ValueError):
            self._file.flush()

    def _number(self) -> int | None:
        if isinstance(self._file, LogFile):
            return None  # which counts what is written, and begins another file
        try:
            return int(self._file.fileno())
        except (OSError, AttributeError, ValueError):
            return None


def _written(number: int, data: memoryview) -> int:
    """How many bytes could be written, perhaps after waiting for whoever reads them."""
    try:
        return os.write(number, data)
    except BlockingIOError:
        # (Whoever has the other end may have asked for that; it is one setting for both)
        waiting = select.poll()
        waiting.register(number, select.POLLOUT)
        waiting.poll(SLOWLY)
        return 0
