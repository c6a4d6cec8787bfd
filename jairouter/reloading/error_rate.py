"""How many requests fail, before a change and under it.

A request has failed when whoever configures the gateway could have spared it that:

| how it ended                                               | counts as                     |
|------------------------------------------------------------|-------------------------------|
| complete, any status below 500 but the next                | good                          |
| 429, of a limit here or of a backend                       | failed: a limit or a weight   |
| 401, 403, 404 or 405 of a backend                          | failed: a key or a path       |
| another 4xx                                                | good: the client's own fault  |
| 404 because nothing is configured for the model            | failed: perhaps a typing error|
| 5xx, here or at a backend                                  | failed                        |
| broken after it had begun, whoever broke it but the client | failed                        |
| answered by a fallback, all instances having failed        | failed                        |
| the client left, the gateway stops                         | not at all                    |

Clients that run into their limits, have no valid key of a backend's, or ask for models that never were, do so
before a change as well as after it; what is judged is the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from zope.interface import implementer

from jairouter.errors import ClientGone, ModelNotFound, ShuttingDown, UpstreamRefusal
from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange

REMEMBERED: Final = 600
"""Seconds."""


_BLAMED: Final = frozenset({401, 403, 404, 405, 429})
"""Statuses below 500 that backends answer to whom sends a wrong key, or to a wrong path, or too much."""


class Counts(NamedTuple):
    """Requests that are over.

    Attributes:
        requests: All of them.
        failed: Those that failed.
    """

    requests: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """Of the requests, how many failed; 0 of none."""
        return self.failed / self.requests if self.requests else 0.0


@implementer(IRecorder)
class ErrorRate:
    """Counts requests and failures second by second, and apart those that began under a new version.

    Args:
        seconds: The clock that requests are told the time by.
    """

    __slots__ = (
        "_end",
        "_failed",
        "_new",
        "_new_failed",
        "_place",
        "_requests",
        "_second",
        "_seconds",
        "_since",
    )

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._second = int(seconds())
        self._place, self._end = self._second % REMEMBERED, self._second + 1
        self._requests = [0] * REMEMBERED
        self._failed = [0] * REMEMBERED
        self._since = float("inf")  # nothing is watched
        self._new = self._new_failed = 0

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        if error is None:
            failed = status >= 500 or status in _BLAMED or exchange.fallback != ""
        elif isinstance(error, ClientGone | ShuttingDown):
            return
        else:
            # Once an answer has begun, its status is not that of the error
            status = error.status
            blamed = isinstance(error, ModelNotFound | UpstreamRefusal) and status in _BLAMED
            failed = status >= 500 or status == 429 or blamed
        if self._seconds() >= self._end:
            self._turn(int(self._seconds()))
        self._requests[self._place] += 1
        if failed:
            self._failed[self._place] += 1
        if exchange.started >= self._since:
            self._new += 1
            self._new_failed += failed

    def recent(self, seconds: float) -> Counts:
        """Requests that ended in the last so many seconds, up to `REMEMBERED`."""
        self._turn(int(self._seconds()))
        now = self._second
        length = max(1, min(REMEMBERED, int(seconds)))
        places = [(now - back) % REMEMBERED for back in range(length)]
        return Counts(sum(self._requests[at] for at in places), sum(self._failed[at] for at in places))

    def watch(self, since: float) -> None:
        """From now on count those apart that began at this time or later."""
        self._since = since
        self._new = self._new_failed = 0

    def disown(self) -> None:
        """Leave out of `recent` all that ended since the watch began.

        A version that was taken back is no measure for the next one.
        """
        now = int(self._seconds())
        for second in range(max(int(min(self._since, now)) + 1, now - REMEMBERED + 1), now + 1):
            self._requests[second % REMEMBERED] = self._failed[second % REMEMBERED] = 0

    def unwatch(self) -> None:
        """Count none apart any more."""
        self.watch(float("inf"))

    @property
    def watched(self) -> Counts:
        """Those that were counted apart."""
        return Counts(self._new, self._new_failed)

    def _turn(self, second: int) -> None:
        """Forget what is too old to be remembered."""
        for passed in range(self._second + 1, min(second, self._second + REMEMBERED) + 1):
            place = passed % REMEMBERED
            self._requests[place] = self._failed[place] = 0
        self._second = max(second, self._second)
        self._place, self._end = self._second % REMEMBERED, self._second + 1
