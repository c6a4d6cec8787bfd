"""The bytes of a file, without waiting long for whatever else may have its name."""

from __future__ import annotations

import errno
import os
import select
from pathlib import Path
from stat import S_ISFIFO, S_ISREG
from typing import Final

PATIENCE: Final = 5.0
"""Seconds until the next bytes of a pipe have to be there, as the shell's `<(...)` makes one."""


def content_of(path: str | Path, most: int, patience: float = PATIENCE) -> bytes:
    """Read a file. Blocks, but not for ever.

    A pipe in the place of a file would keep its reader until somebody writes into it, and with it all changes
    of the configuration that wait for their turn.

    Args:
        path: its name.
        most: so many bytes are read, if there are as many.
        patience: see `PATIENCE`.

    Raises:
        OSError: it cannot be read, or is a pipe with nothing in it.
        ValueError: its name cannot be one.
    """
    # (Else opening a pipe would wait for its writer)
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb", buffering=0) as file:
        kind = os.fstat(number).st_mode
        poll = select.poll()
        poll.register(number, select.POLLIN)
        content = bytearray()
        while len(content) < most:
            if not S_ISREG(kind) and not poll.poll(patience * 1000):
                raise OSError(errno.ETIMEDOUT, "it is no file, and nothing comes out of it")
            piece = file.read(most - len(content))
            if piece == b"":
                break
            content += piece or b""
    if S_ISFIFO(kind) and not content:
        raise OSError(errno.ENODATA, "it is a pipe with nothing in it")
    return bytes(content)
