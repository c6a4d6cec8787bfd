"""Notices of changes in directories: what `watch` asks of whoever sends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class CannotTell(Exception):
    """The kernel does not tell of changes here; says why."""


class Notices(Protocol):
    """Tells of changes until it is closed."""

    def watch(self, directory: str) -> None:
        """Tell of changes in this directory too.

        Raises:
            CannotTell: It cannot be watched.
        """

    def close(self) -> None:
        """Tell nothing any more; may be called again."""


OpenNotices = Callable[[Callable[[bool], None]], Notices]
"""Makes one that calls this whenever something has changed; with True if a directory has gone, and what comes
in its place is not watched. Raises `CannotTell`."""


def kernel_notices(reactor: Any) -> OpenNotices:
    """Notices of the kernel.

    Args:
        reactor: Reads them.
    """

    def opened(told: Callable[[bool], None]) -> Notices:
        try:
            # It cannot be imported where there is no inotify
            from jairouter.reloading.inotify import Inotify  # noqa: PLC0415
        except ImportError as error:
            raise CannotTell(str(error)) from None
        return Inotify(reactor, told)

    return opened
