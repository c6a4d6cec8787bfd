"""One line per request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.logs.logger_names import ACCESS
from jairouter.telemetry.logs.requests import Batch

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.logs.requests import Row
    from jairouter.timers import Timer, TimerWheel

MAX_MODEL = 100
"""Characters of a model name, and of an error's code, that are logged: clients, and backends, may write what
they like there."""


FLUSH = 0.1
"""Seconds for which a line may wait for others."""
MAX_LINES = 400
"""Lines that wait for that."""


@implementer(IRecorder)
class AccessLog:
    """Logs who asked what, who answered, and how it ended; never a body, a header or a key.

    Twisted's log takes longer over one event than a request takes in all. So the requests of a moment are one
    event, of which `jairouter.telemetry.logs` makes a line for each, with its own time and trace. Nor is
    anything formatted before that: one behind the other takes less time than each amid its request.

    Args:
        wheel: The clock.
        today: Seconds since the epoch, for the log; by default what the wheel says.
    """

    def __init__(self, wheel: TimerWheel, today: Callable[[], float] | None = None) -> None:
        self._log = Logger(ACCESS)  # (one of the class would be called after that)
        self._wheel = wheel
        self._today = today or wheel.seconds
        self._ended: list[Row] = []
        self._timer: Timer | None = None

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
                exchange.trace,
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
            self._log.info("{requests}", requests=Batch(ended, self._today() - self._wheel.seconds()))
