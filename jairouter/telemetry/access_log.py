"""One line per request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from twisted.logger import Logger, formatTime
from zope.interface import implementer

from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange, Outcome
    from jairouter.timers import Timer, TimerWheel

MAX_MODEL = 100
"""Characters of a model name, and of an error's code, that are logged: clients, and backends, may write what
they like there."""


FLUSH = 0.1
"""Seconds for which a line may wait for others."""
MAX_LINES = 400
"""Lines that wait for that."""

_PLAIN = re.compile(r"[A-Za-z0-9._:/@+{}\[\]-]+")


_Ended = tuple[float, float, str, str, int, int, str, str, int, "Outcome | None", str, str]
"""What `_line` takes, when the exchange was over first of all."""


@implementer(IRecorder)
class AccessLog:
    """Logs who asked what, who answered, and how it ended; never a body, a header or a key.

    Twisted's log takes longer over one event than a request takes in all. So the lines of a moment are one
    event. Those behind the first bring their own time, and a text log indents them by a tab. Nor are they
    made before that: one behind the other takes less time than each in the midst of its request.

    Args:
        wheel: The clock.
        today: Seconds since the epoch, for the log; by default what the wheel says.
    """

    _log = Logger()

    def __init__(self, wheel: TimerWheel, today: Callable[[], float] | None = None) -> None:
        self._wheel = wheel
        self._today = today or wheel.seconds
        self._ended: list[_Ended] = []
        self._timer: Timer | None = None
        self._second = -1
        self._prefix = ""

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        now = self._wheel.seconds()
        request, attempts = exchange.request, exchange.attempts
        instance, outcome = "-", None
        if attempts:
            instance, outcome = attempts[-1].instance.base_url, attempts[-1].outcome
        # (Nothing that would keep a request or an answer in memory)
        self._ended.append(
            (
                now,
                now - exchange.started,
                request.client_ip,
                request.route.path,
                status,
                sent,
                exchange.model[:MAX_MODEL],
                instance,
                len(attempts),
                outcome,
                (error.code or error.type)[:MAX_MODEL] if error else "",
                request.id,
            )
        )
        if self._timer is None:
            self._timer = self._wheel.start(FLUSH, self.flush)
        elif len(self._ended) >= MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Log what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ended, self._ended = self._ended, []
        if ended:
            ahead = self._today() - self._wheel.seconds()
            rest = [self._prefix_at(each[0] + ahead) + _line(*each) for each in ended[1:]]
            lines = [_line(*ended[0]), *rest]
            self._log.info("{lines}", lines="\n".join(lines))

    def _prefix_at(self, now: float) -> str:
        if int(now) != self._second:
            self._second = int(now)
            self._prefix = f"{formatTime(now)} [{self._log.namespace}#info] "
        return self._prefix


def _line(
    _: float,
    seconds: float,
    client: str,
    path: str,
    status: int,
    sent: int,
    model: str,
    instance: str,
    attempts: int,
    outcome: Outcome | None,
    error: str,
    request_id: str,
) -> str:
    return (
        f"{client} POST {path} {status} {sent}B {seconds * 1000:.1f}ms model={_fit(model)} "
        f"instance={instance} attempts={attempts} outcome={outcome.word if outcome else '-'} "
        f"error={_fit(error)} id={request_id}"
    )


@lru_cache(maxsize=1000)
def _fit(model: str) -> str:
    """A word from outside that cannot be taken for more than one field of a line."""
    return (model if _PLAIN.fullmatch(model) else json.dumps(model)) if model else "-"
