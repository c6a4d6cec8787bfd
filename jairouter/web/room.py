"""Room for a newcomer when as many clients are connected as may be.

A connection gives way whose client is waited for: nothing of its next request has come, or not all of a
head. The one that has been waited for longest goes first. So clients that hold connections and do nothing, or
hardly anything, shut nobody out. A request under way is never broken off for another one, nor an answer that
has not been read to its end; and who has just been answered has a moment to ask again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

if TYPE_CHECKING:
    from jairouter.web.channel import Channel

SHARE: Final = 16
"""One look through all connections finds this part of them (one in so many), for as many newcomers."""
PAUSE: Final = 0.25
"""Seconds without a further look when none was found, for it would be for nothing again and again."""
NOTICE: Final = 60.0
"""Seconds between two lines in the log that say the same."""


class Room:
    """See the module's text.

    Args:
        channels: The open connections; one that gives way is taken out.
        limit: How many may be open.
        seconds: The clock.
    """

    _log = Logger()

    def __init__(self, channels: dict[Channel, None], limit: int, seconds: Callable[[], float]) -> None:
        self._channels = channels
        self._limit = limit
        self._seconds = seconds
        self._found: list[tuple[float, Channel]] = []  # the one to go first comes last
        self._look_again = 0.0
        self._told: dict[str, float] = {}

    def for_one_more(self) -> bool:
        """Make room for another connection if there is none. Returns whether there is."""
        if len(self._channels) < self._limit:
            return True
        if self._close_one():
            self._tell("those that wait for a request give way to new ones")
            return True
        self._tell("new ones are refused")
        return False

    def _close_one(self) -> bool:
        while self._found or self._look():
            since, channel = self._found.pop()
            if channel in self._channels and channel.spare_since == since:
                del self._channels[channel]  # it is gone in the next turn of the reactor only
                channel.abortConnection()
                return True
        return False

    def _look(self) -> bool:
        now = self._seconds()
        if now < self._look_again:
            return False
        spare = [
            (since, channel)
            for channel in self._channels
            if (since := channel.spare_since) is not None and since <= now
        ]
        spare.sort(key=itemgetter(0))
        # Who has not got all of an answer is none, but the kernel is asked only for those who come first
        ready = (each for each in spare if each[1].delivered)
        self._found = list(islice(ready, -(-self._limit // SHARE)))[::-1]
        if not self._found:
            self._look_again = now + PAUSE
        return bool(self._found)

    def _tell(self, what: str) -> None:
        now = self._seconds()
        if now - self._told.get(what, -NOTICE) >= NOTICE:
            self._told[what] = now
            self._log.warn(
                "{limit} clients are connected, which is server.max-connections: {what}",
                limit=self._limit,
                what=what,
            )
