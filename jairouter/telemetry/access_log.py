"""One line per request."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from twisted.logger import Logger, formatTime
from zope.interface import implementer

from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.timers import Timer, TimerWheel

MAX_MODEL = 100
"""Characters of a model name, and of an error's code, that are logged: clients, and backends, may write what
they like there."""


FLUSH = 0.1
"""Seconds for which a line may wait for others."""
MAX_LINES = 400
"""Lines that wait for that."""

_PLAIN = re.compile(r"[A-Za-z0-9._:/@+{}\[\]-]+")


@implementer(IRecorder)
class AccessLog:
    """Logs who asked what, who answered, and how it ended; never a body, a header or a key.

    Twisted's log takes longer over one event than a request takes in all. So the lines of a moment are one
    event. Those behind the first bring their own time, and a text log indents them by a tab.

    Args:
        wheel: The clock.
    """

    _log = Logger()

    def __init__(self, wheel: TimerWheel) -> None:
        self._wheel = wheel
        self._lines: list[str] = []
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
        prefix = self._prefix_at(now) if self._lines else ""
        self._lines.append(
            f"{prefix}{request.client_ip} POST {request.route.path} {status} {sent}B "
            f"{(now - exchange.started) * 1000:.1f}ms model={_fit(exchange.model[:MAX_MODEL])} "
            f"instance={instance} attempts={len(attempts)} outcome={outcome.word if outcome else '-'} "
            f"error={_fit((error.code or error.type)[:MAX_MODEL]) if error else '-'} id={request.id}"
        )
        if self._timer is None:
            self._timer = self._wheel.start(FLUSH, self.flush)
        elif len(self._lines) >= MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Log what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            self._log.info("{lines}", lines="\n".join(lines))

    def _prefix_at(self, now: float) -> str:
        if int(now) != self._second:
            self._second = int(now)
            self._prefix = f"{formatTime(now)} [{self._log.namespace}#info] "
        return self._prefix


@lru_cache(maxsize=1000)
def _fit(model: str) -> str:
    """A word from outside that cannot be taken for more than one field of a line."""
    return (model if _PLAIN.fullmatch(model) else json.dumps(model)) if model else "-"
