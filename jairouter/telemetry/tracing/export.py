"""Sends spans away: in batches, in a thread, and never more waiting than there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from jairouter.telemetry.logs.often import Often, left_out

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.config.settings.tracing import BatchSettings
    from jairouter.telemetry.tracing.span import Span
    from jairouter.timers import Timer, TimerWheel

EVERY: Final = 300.0
"""Seconds between two lines about a receiver that fails."""

RunInThread = Callable[..., "Deferred[Any]"]


class NotSent(Exception):
    """The receiver did not take a batch; the text says why, and names no secret."""


class Counts:
    """What became of spans.

    Attributes:
        exported: Spans that a receiver took.
        dropped: Spans that were not sent.
        succeeded: Batches that a receiver took.
        failed: Batches that it did not.
    """

    def __init__(self) -> None:
        self.exported = self.dropped = self.succeeded = self.failed = 0


class Export:
    """Sends spans to one receiver, one batch at a time.

    Args:
        send: Sends a batch. Blocks; raises `NotSent`.
        settings: How many wait, and for how long.
        wheel: For that.
        run_in_thread: Runs `send`.
        counts: Are kept up.
        often: Bounds what is logged.

    Attributes:
        failing: Whether the last batch was not taken.
    """

    _log = Logger()

    def __init__(
        self,
        send: Callable[[Sequence[Span]], None],
        settings: BatchSettings,
        wheel: TimerWheel,
        run_in_thread: RunInThread,
        counts: Counts,
        often: Often,
    ) -> None:
        self._send, self._settings, self._wheel, self._run = send, settings, wheel, run_in_thread
        self._counts, self._often = counts, often
        self.failing = False
        self._waiting: list[Span] = []
        self._timer: Timer | None = None
        self._sending: Deferred[Any] | None = None
        self._closed: Deferred[None] | None = None

    @property
    def waiting(self) -> int:
        """How many spans wait."""
        return len(self._waiting)

    def add(self, spans: Sequence[Span]) -> None:
        """Send these as well, some time."""
        waiting, settings = self._waiting, self._settings
        room = settings.max_queue - len(waiting)
        if self._closed is not None or room < len(spans):
            self._counts.dropped += len(spans)  # all of a request, rather than part of it
            return
        waiting += spans
        if len(waiting) >= settings.max_batch:
            self._next()
        elif self._timer is None:
            self._timer = self._wheel.start(settings.delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self._next()

    def _next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sending is not None or not self._waiting:
            return  # what waits follows what is under way
        batch, self._waiting = (
            self._waiting[: self._settings.max_batch],
            self._waiting[self._settings.max_batch :],
        )
        self._sending = sending = self._run(self._send, batch)
        sending.addCallbacks(partial(self._sent, len(batch)), partial(self._failed, len(batch)))
        sending.addBoth(self._go_on)

    def _sent(self, spans: int, _: object) -> None:
        self._counts.exported += spans
        self._counts.succeeded += 1
        self.failing = False

    def _failed(self, spans: int, failure: Failure) -> None:
        self._counts.dropped += spans
        self._counts.failed += 1
        self.failing = True
        untold = self._often.turn("export")
        if untold is not None:
            why = failure.value if failure.check(NotSent) else repr(failure.value)
            self._log.warn(
                "spans could not be sent, and are dropped: {why}{left_out}",
                why=why,
                left_out=left_out(untold),
            )

    def _go_on(self, _: object) -> None:
        self._sending = None
        waiting, settings = len(self._waiting), self._settings
        if self._closed is not None:
            self._next()
            if self._sending is None:
                self._end()
        elif waiting >= settings.max_batch:
            self._next()
        elif waiting and self._timer is None:
            self._timer = self._wheel.start(settings.delay, self._due)

    def close(self) -> Deferred[None]:
        """Take no more, and send what waits.

        Returns:
            Fires when that is done, or the time for it is over; what was not sent by then is dropped.
        """
        if self._closed is None:
            self._closed = Deferred()
            self._next()
            if self._sending is None:
                self._end()
            else:
                self._timer = self._wheel.start(self._settings.shutdown, self._end)
        return self._closed

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._counts.dropped += len(self._waiting)
        self._waiting = []
        assert self._closed is not None
        if not self._closed.called:
            self._closed.callback(None)
