r"""How long a client may take, with one timer per connection.

What a client owes, and what its time is counted from::

    REQUEST   the connection was made, or the last answer was complete
    HEAD      the first byte of a head
    BODY      the last byte that came, while somebody waits for it
    NOTHING   it waits for us
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.timers import Timer, TimerWheel
    from jairouter.web.site import ConnectionLimits


GRACE = 1.0
"""Seconds after an answer in which the client is taken to be at work, and keeps its connection."""


class Owes(enum.Enum):
    """What the client owes; each has its own time."""

    NOTHING = "nothing"
    REQUEST = "another request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class Patience:
    """See the module's picture.

    The timer is not touched when it goes off early enough anyway; it finds out then what is left. So a
    request that is answered in time costs no timer operation.

    Args:
        wheel: The timers.
        limits: How long is too long.
        owed: Says what the client owes now.
        late: Told what it has failed to bring.
    """

    def __init__(
        self,
        wheel: TimerWheel,
        limits: ConnectionLimits,
        owed: Callable[[], Owes],
        late: Callable[[Owes], None],
    ) -> None:
        self._wheel = wheel
        self._limits = limits
        self._owed = owed
        self._late = late
        self._owes = Owes.NOTHING
        self._since = 0.0
        self._served = False
        self._timer: Timer | None = None
        self._due = 0.0

    @property
    def spare_since(self) -> float | None:
        """Since when the connection is one that could be closed for another one; None if it is none."""
        if self._owes is Owes.REQUEST and self._served:
            return self._since + GRACE
        return self._since if self._owes is Owes.REQUEST or self._owes is Owes.HEAD else None

    @property
    def send_timeout(self) -> float:
        """Seconds in which the client must read some of its last answer."""
        return self._limits.send_timeout

    def watch(self) -> None:
        """Look at what the client owes now."""
        owes = self._owed()
        if owes is not self._owes:
            self._owes = owes
            self._since = self._wheel.seconds()
        if owes is not Owes.NOTHING:
            due = self._since + self._limit()
            if self._timer is None or due < self._due:
                self.arm(due - self._wheel.seconds(), self._rang)

    def came(self) -> None:
        """Bytes came, or may come again: a body has its time from now on."""
        if self._owes is Owes.BODY:
            self._since = self._wheel.seconds()

    def answered(self) -> None:
        """An answer is complete: the next request has its time from now on."""
        self._owes = Owes.NOTHING
        self._served = True

    def arm(self, seconds: float, callback: Callable[[], None]) -> None:
        """Use the timer for this instead."""
        self.stop()
        self._due = self._wheel.seconds() + seconds
        self._timer = self._wheel.start(seconds, callback)

    def stop(self) -> None:
        """Nothing is owed any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """The connection is gone: nothing is asked of it any more, so that nothing here holds it."""
        self.stop()
        self._owed, self._late = _nothing_owed, _nobody

    def _limit(self) -> float:
        if self._owes is Owes.REQUEST and self._served:
            return self._limits.keep_alive_timeout
        return self._limits.body_timeout if self._owes is Owes.BODY else self._limits.header_timeout

    def _rang(self) -> None:
        self._timer = None
        if self._owed() is self._owes and self._owes is not Owes.NOTHING:
            left = self._since + self._limit() - self._wheel.seconds()
            if left <= 0:
                self._late(self._owes)
                return
        self.watch()


def _nothing_owed() -> Owes:
    """What a connection owes that is gone."""
    return Owes.NOTHING


def _nobody(_: Owes) -> None:
    """Nobody is late any more."""
