"""The end of a connection: not before the client has what it was sent, and not much later either.

What was written goes out as fast as the client reads. As long as it reads, it is waited for.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jairouter.timers import TimerWheel
    from jairouter.web.patience import Patience

LINGER = 5.0
"""Seconds in which the rest of an unwanted upload is swallowed, so that the client can read why."""
QUIET = 0.5
"""The same for one who has sent nothing more, and most likely will not."""
LOOK = 1.0
"""Seconds between two looks at what has gone out."""

# Of Linux's struct tcp_info: packets under way, bytes that have arrived, bytes that wait to be sent
_UNACKED, _BYTES_ACKED, _NOT_SENT, _SIZE = 24, 120, 144, 148


class Closing:
    """Waits for the end of a connection, and breaks it off when the client does nothing for it.

    Args:
        wheel: The clock.
        patience: Whose timer is free for this: the client owes nothing more.
    """

    def __init__(self, wheel: TimerWheel, patience: Patience) -> None:
        self._wheel = wheel
        self._patience = patience
        self._transport: Any = None
        self._lingers = False
        self._quiet = False
        self._seen: tuple[int, bool] | None = None
        self._since = 0.0

    def begin(self, transport: Any, *, lingers: bool, quiet: bool = False) -> None:
        """Everything is written.

        Args:
            transport: What closes.
            lingers: Whether it is the client who should close; it has `LINGER` seconds when all has arrived.
            quiet: Whether it has sent nothing more; then, as long as that is so, it has `QUIET` seconds.
        """
        self._transport = transport
        self._lingers = lingers
        self._quiet = quiet
        self._seen = delivery(transport)
        self._since = self._wheel.seconds()
        if self._seen is None:
            self._patience.arm(LINGER if lingers else self._patience.send_timeout, transport.abortConnection)
        else:
            self._patience.arm(QUIET if quiet else LOOK, self._look)

    def heard(self) -> None:
        """The client has sent more."""
        self._quiet = False

    @property
    def spare_since(self) -> float | None:
        """As `Patience.spare_since`: since when nothing but the client's own end has been waited for."""
        return self._since if self._lingers else None

    def _look(self) -> None:
        now, seen = self._wheel.seconds(), delivery(self._transport)
        if seen != self._seen:
            self._seen, self._since = seen, now
        arrived = seen is None or seen[1]
        if self._lingers and arrived and self._quiet and now - self._since >= QUIET:
            self._transport.loseConnection()  # there is nothing unread, so this is no reset
        elif now - self._since >= (LINGER if self._lingers and arrived else self._patience.send_timeout):
            self._transport.abortConnection()
        else:
            self._patience.arm(QUIET if self._quiet else LOOK, self._look)


def delivery(transport: Any) -> tuple[int, bool] | None:
    """How many bytes have arrived at the other side of a TCP connection, and whether that is all.

    Twisted keeps bytes of its own only when the kernel takes no more, so the kernel knows.

    Returns:
        None where the kernel does not say.
    """
    try:
        tcp = getattr(transport, "transport", transport)  # below TLS
        data: bytes = tcp.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
        [unacked], [acked], [not_sent] = (
            struct.unpack_from(form, data, at)
            for form, at in (("=I", _UNACKED), ("=Q", _BYTES_ACKED), ("=I", _NOT_SENT))
        )
    except (OSError, AttributeError, TypeError, struct.error):
        return None
    return acked, not unacked and not not_sent
