"""One process at a time: a lock that the system gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jairouter.store.durable import hand_over

PAUSE: Final = 0.02
"""Seconds between two attempts: a write takes about as long."""


class Held(Exception):
    """Somebody else holds the lock, and has held it for longer than one wanted to wait."""


@contextmanager
def locked(path: Path, timeout: float, sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold a lock, against other processes and against other threads of this one.

    It is `flock`, which works between the clients of an NFS server, too, since the file is open for writing.

    Args:
        path: The file that is locked; it is made if it is not there, and stays.
        timeout: Seconds to wait for others; 0 to try once.
        sleep: Waits so many seconds.

    Raises:
        Held: Others hold it.
        OSError: The file cannot be made or locked.
    """
    number = _acquire(path, timeout, sleep)
    try:
        yield
    finally:
        # Said aloud, because a child that was forked meanwhile has the file open as well
        fcntl.flock(number, fcntl.LOCK_UN)
        os.close(number)


def _acquire(path: Path, timeout: float, sleep: Callable[[float], None]) -> int:
    waited = 0.0
    while (number := _try(path)) is None:
        if waited >= timeout:
            raise Held
        sleep(PAUSE)
        waited += PAUSE
    return number


def _try(path: Path) -> int | None:
    # (A link could lead to any file, which root would then hand over)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(number).st_nlink == 1:
            hand_over(number, path.parent)
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is(number, path):
            return number
    except BlockingIOError:
        pass
    except BaseException:
        os.close(number)
        raise
    os.close(number)
    return None


def _is(number: int, path: Path) -> bool:
    """Whether the file has its name still: a lock on one that was deleted keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except FileNotFoundError:
        return False
