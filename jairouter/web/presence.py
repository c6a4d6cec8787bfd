"""Whether a client is still there while its connection is not read.

Normally a client that leaves is noticed by reading. While an upload is held back there is nothing to be
read until the backend takes more, and a closed connection hides behind the bytes before it; so the kernel
is asked, which may have seen the end of the connection already. (It has not while the client's own kernel
holds the end back, behind bytes for which there is no room here: then only a timeout helps.)
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jairouter.timers import Timer, TimerWheel

INTERVAL = 0.25
"""Seconds between two looks."""
ESTABLISHED = 1
"""``TCP_ESTABLISHED`` of Linux; every other state means that one side has closed."""


class Presence:
    """Looks after a connection that is not read.

    Args:
        wheel: For the interval.
        on_left: Called once when the client has left.
    """

    def __init__(self, wheel: TimerWheel, on_left: Callable[[], None]) -> None:
        self._wheel = wheel
        self._on_left = on_left
        self._transport: Any = None
        self._timer: Timer | None = None

    def watch(self, transport: Any) -> None:
        """The connection is read no more."""
        if self._timer is None and hasattr(transport, "getHandle"):
            self._transport = transport
            self._timer = self._wheel.start(INTERVAL, self._look)

    def stop(self) -> None:
        """It is read again, or gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """The connection is gone: nothing here holds it."""
        self.stop()
        self._on_left, self._transport = _nothing, None

    def _look(self) -> None:
        self._timer = None
        if has_left(self._transport.getHandle()):
            self._on_left()
        else:
            self._timer = self._wheel.start(INTERVAL, self._look)


def _nothing() -> None:
    """It is known already."""


def has_left(handle: Any) -> bool:
    """Whether the other side of a TCP socket has closed it, read or unread. False for other sockets."""
    try:
        state: bytes = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (OSError, AttributeError, TypeError):
        return False  # no TCP, or TLS, whose end is inside what was not read
    return state[0] != ESTABLISHED
