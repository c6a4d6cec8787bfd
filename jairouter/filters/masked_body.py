"""An event stream in which texts are masked on their way to the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from jairouter.codec.event_lines import first_end, last_end
from jairouter.codec.patience import Patience, Unreadable
from jairouter.errors import InternalError
from jairouter.filters.between import Between
from jairouter.interfaces import IBodySink

if TYPE_CHECKING:
    from jairouter.body import AnswerBody
    from jairouter.codec.masked_events import EventMasker
    from jairouter.errors import GatewayError
    from jairouter.timers import Timer, TimerWheel

LOOK: Final = 0.1
"""Seconds for which the event loop may look through one event. (Tens of microseconds are enough; the rest is
for a machine that is busy with something else.)"""

TRIES: Final = 3
"""Events that may be too much for a search; then the rest of the stream is not looked through any more: each
of them keeps the event loop for as long as it may."""


@implementer(IBodySink)
class MaskedBody(Between):
    """Stands between two bodies, the sink of the inner one and the source of the outer one.

    What is held here is held by the masker: the beginning of something that may have to be masked, and what
    came behind it. It is let go when more has come, when the answer is over, or after a while.

    Args:
        inner: The body as it comes, of which nothing was passed on yet.
        masker: Masks it.
        wheel: Timers, and the clock.
        max_wait: Seconds for which something may be held.
        strict: Whether the stream ends with an error when it cannot be looked through.
        unreadable: Told why, then.

    Attributes:
        outer: The body as it goes on.
    """

    def __init__(
        self,
        inner: AnswerBody,
        masker: EventMasker,
        wheel: TimerWheel,
        max_wait: float,
        strict: bool,
        unreadable: Callable[[str], None],
    ) -> None:
        super().__init__(inner)
        self._masker = masker
        self._wheel = wheel
        self._max_wait = max_wait
        self._strict = strict
        self._unreadable = unreadable
        self._timer: Timer | None = None
        self._over = self._blind = self._mid_event = False
        self._tries = TRIES
        self._last = b""  # of what was passed by

    def over(self, error: GatewayError | None) -> None:
        """See `Between.over`."""
        self._over = True
        self._stop_timer()
        super().over(error)

    def abort(self) -> None:
        """See `Between.abort`."""
        self._over = True
        self._stop_timer()
        super().abort()

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        if self._over:
            return
        within, self._mid_event = self._mid_event, self.inner.mid_event
        if self._blind:
            self._pass_on(data, mid_event=self._mid_event)
        elif within or self._mid_event:
            self._pass_by(data, within)
        else:
            self._feed(data)

    def _pass_by(self, data: bytes, within: bool) -> None:
        """Of an event that is too long to be held nobody sees what is in it; others are masked."""
        if within:
            end = first_end(self._last, data)
            self._last = data[-1:]
            self._pass_on(data[:end] if end else data, mid_event=not end)
            data = data[end:] if end else b""
        begin = last_end(data) if self._mid_event else len(data)
        if begin:
            self._feed(data[:begin])
        if begin < len(data):
            self._flush()
            self._unreadable("size")
            if self._strict:
                self._fail()
            self._last = data[-1:]
            self._pass_on(data[begin:], mid_event=True)

    def end(self) -> None:
        """See `IBodySink.end`."""
        self._flush()
        if not self._over:
            self._over = True
            self.outer.end(told=self.error)

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._flush()
        if not self._over:
            self._over = True
            self.outer.broke(error)

    def _feed(self, data: bytes) -> None:
        try:
            out = self._masker.feed(data, self._patience())
        except Unreadable as error:
            self._give_up(error)
            return
        if out:
            self._stop_timer()
            self._pass_on(out)
        if self._masker.waiting and self._timer is None and not self._over:
            self._timer = self._wheel.start(self._max_wait, self._waited)

    def _waited(self) -> None:
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        """Let go of what is held."""
        self._stop_timer()
        if not self._masker.waiting or self._over:
            return
        try:
            out = self._masker.finish(self._patience())
        except Unreadable as error:
            self._give_up(error)
        else:
            self._pass_on(out)

    def _give_up(self, error: Unreadable) -> None:
        """What is here cannot be looked through."""
        self._stop_timer()
        self._unreadable(error.reason)
        left = self._masker.give_up()
        if self._strict:
            self._fail()
        else:
            self._tries -= 1
            self._blind = not self._tries
            self._pass_on(left)

    def _fail(self) -> None:
        if self._over:
            return
        self._over = True
        error = InternalError("the answer cannot be looked through for what has to be masked")
        self.outer.broke(error)
        self.inner.abandon(error)

    def _pass_on(self, data: bytes, *, mid_event: bool = False) -> None:
        if data and not self._over:
            self.outer.chunk(data, mid_event=mid_event)

    def _patience(self) -> Patience:
        return Patience(self._wheel.seconds, LOOK)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
