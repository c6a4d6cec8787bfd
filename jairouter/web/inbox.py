"""What a client has sent and nobody has taken yet: bytes, and a few of them parsed already.

A client may send hundreds of requests in one go, and each costs many times its bytes once it is parsed.
llhttp cannot be stopped half-way, so it is given the bytes in pieces, the next one when the events of the
last have been taken. A head ends with an empty line, so a piece that ends with the first empty line behind
its first `STEP` bytes holds no more heads than fit into these.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from jairouter.web.request_parser import END, RequestParser

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.web.request_parser import Event, HeadLimits

ENOUGH = 32 * 1024
"""Bytes behind which the client should be read no more; Twisted reads 64 KB at a time."""
STEP = 512
"""The smallest head has 27 bytes: some twenty requests at most are parsed ahead."""


class Inbox:
    """See the module's text.

    Args:
        limits: Of every head.
    """

    def __init__(self, limits: HeadLimits) -> None:
        self._parser = RequestParser(limits)
        self._events: deque[Event] = deque()
        self._data = b""
        self._at = 0

    @property
    def error(self) -> GatewayError | None:
        """Why what comes after the events that are left is no request, or None."""
        return self._parser.error

    @property
    def in_head(self) -> bool:
        """Whether a head has begun that is not complete."""
        return self._parser.in_head

    def forget_head(self) -> None:
        """Keep no head for the next request."""
        self._parser.forget()

    @property
    def full(self) -> bool:
        """Whether more than enough waits."""
        return len(self._data) - self._at >= ENOUGH

    @property
    def waiting(self) -> bool:
        """Whether there may be something to take, or to complain of."""
        return bool(self._events or self._data or self._parser.error is not None)

    def put(self, data: bytes) -> None:
        """Bytes came. Behind an error they mean nothing."""
        if self._parser.error is None:
            self._data = self._data[self._at :] + data if self._data else data
            self._at = 0

    def take(self) -> Event | None:
        """What came next, or None when all that came has been taken."""
        events = self._events
        while not events:
            if not self._data:
                return None
            events.extend(self._parser.feed(self._piece()))
            if self._parser.error is not None:
                self._data = b""
        return events.popleft()

    def whole_body(self) -> bytes | None:
        """All of the body of the head that was taken last, if all of it is here in one piece."""
        events = self._events
        if events and events[0] is END:
            events.popleft()
            return b""
        if len(events) < 2 or events[1] is not END or not isinstance(events[0], bytes):
            return None
        data, _ = events[0], events.popleft()
        events.popleft()
        return data

    def fail(self, error: GatewayError) -> None:
        """The rest will not be waited for: it is as if it were no request."""
        if self.error is None:
            self._parser.error = error
        self._data = b""

    def close(self) -> None:
        """Nothing is taken any more."""
        self._events.clear()
        self._data = b""
        self._parser.close()

    def _piece(self) -> bytes:
        data, at = self._data, self._at
        end = data.find(b"\r\n\r\n", at + STEP) + 4
        if end < 4 or end == len(data):
            self._data, self._at = b"", 0
            return data[at:]
        self._at = end
        return data[at:end]
