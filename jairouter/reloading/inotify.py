"""What Linux tells of changes in directories: inotify(7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.error import ConnectionDone
from twisted.internet.inotify import (
    IN_DELETE_SELF,
    IN_MOVE_SELF,
    IN_ONLYDIR,
    IN_UNMOUNT,
    IN_WATCH_MASK,
    INotify,
    INotifyError,
)
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from jairouter.reloading.notices import CannotTell

_GONE: Final = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT


class Inotify:
    """See `Notices`.

    Args:
        reactor: Reads from the kernel.
        told: See `OpenNotices`.

    Raises:
        CannotTell: The system gives no more of them (``fs.inotify.max_user_instances``).
    """

    def __init__(self, reactor: Any, told: Callable[[bool], None]) -> None:
        self._tell = told
        try:
            self._inotify = _Descriptor(reactor)
        except INotifyError as error:
            raise CannotTell(str(error)) from None
        self._inotify.startReading()

    def watch(self, directory: str) -> None:
        """See `Notices.watch`."""
        try:
            self._inotify.watch(FilePath(directory), IN_WATCH_MASK | IN_ONLYDIR, callbacks=[self._told])
        except INotifyError as error:
            raise CannotTell(str(error)) from None

    def close(self) -> None:
        """See `Notices.close`."""
        self._inotify.loseConnection()

    def _told(self, _watch: object, _path: object, mask: int) -> None:
        self._tell(bool(mask & _GONE))


class _Descriptor(INotify):
    """Closes itself at once, and once.

    Twisted's closes itself in the next turn when a directory has gone. If it was closed before that, it would
    close whatever has the number of its descriptor by then.
    """

    _fd: int

    def loseConnection(self) -> None:
        """See `FileDescriptor.loseConnection`."""
        self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        """See `FileDescriptor.connectionLost`."""
        if self._fd >= 0:
            super().connectionLost(reason)
            self._fd = -1
