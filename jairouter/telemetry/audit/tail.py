"""How the last file ends, and what a crash has left there."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.telemetry.audit.chain import Seal, seal_of
from jairouter.telemetry.audit.files import lines_of, open_lines

if TYPE_CHECKING:
    from jairouter.telemetry.audit.files import Files

WINDOW: Final = 1 << 20
"""Bytes at the end that are looked at: several of the longest lines."""


class Torn(NamedTuple):
    """What stood behind the last line.

    Attributes:
        size: Bytes.
        digest: Their SHA-256.
    """

    size: int
    digest: str


class Tail(NamedTuple):
    """The end of a file.

    Attributes:
        seals: Of the last lines, the oldest first; lines that are none of ours are left out.
        strange: How many those are.
    """

    seals: tuple[Seal, ...]
    strange: int


def mend(number: int) -> Torn | None:
    """Cut off what stands behind the last line of an open file: a crash came while it was written.

    Args:
        number: The file's descriptor.

    Returns:
        What it was; None when the file ends as it should.

    Raises:
        OSError: It cannot be read or cut.
    """
    size = os.fstat(number).st_size
    start = size
    rest = b""
    while start > 0 and b"\n" not in rest:
        start = max(0, start - WINDOW)
        rest = os.pread(number, size - start, start)
    end = start + rest.rfind(b"\n") + 1
    if end == size:
        return None
    torn = rest[end - start :]
    os.ftruncate(number, end)
    return Torn(len(torn), sha256(torn).hexdigest())


def tail_of(number: int) -> Tail:
    """The end of an open file, which ends with a whole line.

    Raises:
        OSError: It cannot be read.
    """
    size = os.fstat(number).st_size
    start = max(0, size - WINDOW)
    lines = os.pread(number, size - start, start).split(b"\n")[1 if start else 0 : -1]
    return _tail(lines)


def tail_of_old(files: Files) -> Tail:
    """The end of the newest file that is not written any more.

    Raises:
        OSError: It cannot be read.
    """
    old = files.old()
    if not old:
        return Tail((), 0)
    last = b""
    with open_lines(old[-1].path) as file:
        for line in lines_of(file):
            last = line
    return _tail([last.rstrip(b"\n")])


def _tail(lines: list[bytes]) -> Tail:
    seals = [seal_of(line) for line in lines if line]
    return Tail(tuple(each for each in seals if each is not None), seals.count(None))
