"""The file that is written. All of it blocks."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from jairouter.telemetry.audit.tail import Tail, mend, tail_of

if TYPE_CHECKING:
    from pathlib import Path

Strange = tuple[str, str, Mapping[str, Any]]
"""A kind of event, why, and what was found."""


class Current:
    """The file that is written, by nobody else.

    Args:
        path: Its name.
        mode: Who may read it.

    Attributes:
        size: Where our last line ends, in bytes.
        strange: What was found that should not be; whoever tells of it takes it out.
    """

    def __init__(self, path: Path, mode: int) -> None:
        self.size = 0
        self.strange: list[Strange] = []
        self._path, self._mode = path, mode
        self._number = -1
        self._broken = False  # what stands behind `size` is a part of what was to be appended

    @property
    def is_open(self) -> bool:
        """Whether it is."""
        return self._number >= 0

    def open(self) -> None:
        """Open it, and make it if it is not there.

        Raises:
            OSError: It cannot be, or is no file, or another process writes to it.
        """
        # (Links were followed when the gateway started; one that is put there later leads where others want)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        number = os.open(self._path, flags, self._mode)
        try:
            self._take(number)
        except BaseException:
            os.close(number)
            raise
        self._number, self._broken = number, False
        self.size = os.fstat(number).st_size

    def ready(self) -> None:
        """See to it that the open file is the one of that name, and ends where we left it.

        Raises:
            OSError: That cannot be done.
        """
        if self.is_open:
            here = os.fstat(self._number)
            if self._has_its_name(here):
                self._check_size(here.st_size)
                return
            self.strange.append(("AUDIT_FILE_MOVED", "another file has its name, or none", {}))
            with suppress(OSError):
                os.fsync(self._number)
            self.close()
        self.open()

    def append(self, data: bytes) -> None:
        """All of it, or nothing.

        Raises:
            OSError: Nothing.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except OSError as error:
            self._broken = True
            with suppress(OSError):
                os.ftruncate(self._number, self.size)
                self._broken = False
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        self.size += len(data)

    def tail(self) -> Tail:
        """How it ends.

        Raises:
            OSError: It cannot be read.
        """
        return tail_of(self._number)

    def sync(self) -> None:
        """Force to disk what was appended.

        Raises:
            OSError: That failed.
        """
        os.fsync(self._number)

    def close(self) -> None:
        """Let go of it."""
        if self.is_open:
            with suppress(OSError):
                os.close(self._number)
            self._number = -1

    def _take(self, number: int) -> None:
        if not S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "", f"{self._path} (which is not a file)")
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "", f"{self._path} (to which another gateway writes)") from None
        with suppress(PermissionError):  # somebody else's, who lets us write
            os.fchmod(number, self._mode)
        self._mend(number)

    def _mend(self, number: int) -> None:
        torn = mend(number)
        if torn is not None:
            found = {"bytes": torn.size, "sha256": torn.digest}
            self.strange.append(("AUDIT_LINE_TORN", "the last line was not complete", found))

    def _has_its_name(self, here: os.stat_result) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), here)
        except FileNotFoundError:
            return False

    def _check_size(self, size: int) -> None:
        if size == self.size:
            self._broken = False
        elif self._broken:
            os.ftruncate(self._number, self.size)
            self._broken = False
        else:
            found = {"expected": self.size, "found": size}
            self.strange.append(("AUDIT_FILE_CHANGED", "somebody else has written to it", found))
            self._mend(self._number)
            self.size = os.fstat(self._number).st_size
