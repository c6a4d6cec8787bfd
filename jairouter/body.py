r"""An answer's body on its way from a backend to a client.

One object joins the two sides, so that "at the last byte, exactly once" has one place::

              deliver(sink)                end | broke | abandon
    HELD  ------------------->  FLOWING  -------------------------->  DONE
      \___________________ abandon (nobody wants it) _______________/

The source (the backend's connection) calls `chunk`, `end`, `broke`. The sink (the client's connection)
calls `pause`, `resume`, `abandon`. Whoever must settle something when the body is over registers with
`on_done`; it is called exactly once, whichever side ended it, even when it registers after the end.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from jairouter.errors import ClientGone, GatewayError

if TYPE_CHECKING:
    from jairouter.interfaces import IBodySink, IBodySource

DoneCallback = Callable[[GatewayError | None], None]
"""Called with None after a complete body, else with the reason why it is not."""


class _State(enum.Enum):
    HELD = "held"
    FLOWING = "flowing"
    DONE = "done"


_HELD, _FLOWING, _DONE = _State  # looking into the class takes five times as long


class AnswerBody:
    """The bytes of an answer, complete or still arriving.

    Args:
        source: Where they come from; None when they are all here.
        held: Bytes that are here already.

    Attributes:
        mid_event: Whether what was passed on ends inside an event of an event stream.
        passed_on: Bytes that were passed on.
    """

    __slots__ = (
        "_done_callbacks",
        "_ended",
        "_error",
        "_flow_watchers",
        "_held",
        "_in_band",
        "_paused",
        "_sink",
        "_source",
        "_state",
        "mid_event",
        "passed_on",
    )

    def __init__(self, source: IBodySource | None, held: bytes = b"") -> None:
        self._source = source
        self._held = [(held, False)] if held else []
        self._state = _HELD
        self._ended = source is None
        self._error: GatewayError | None = None
        self._in_band = False
        self.mid_event = False
        self.passed_on = 0
        self._sink: IBodySink | None = None
        self._paused = False
        self._done_callbacks: list[DoneCallback] = []
        self._flow_watchers: list[Callable[[bool], None]] = []

    @classmethod
    def of(cls, data: bytes) -> AnswerBody:
        """A body that is complete already."""
        return cls(None, data)

    @property
    def whole(self) -> bool:
        """Whether all bytes are here and none was passed on."""
        return self._ended and self._error is None and self._state is _HELD

    # -- for those who watch ------------------------------------------------

    def on_done(self, callback: DoneCallback) -> None:
        """Have `callback` called once when the body is over; at once if it is."""
        if self._state is _DONE:
            callback(self._error)
        else:
            self._done_callbacks.append(callback)

    def on_flow(self, watcher: Callable[[bool], None]) -> None:
        """Have `watcher` told when the client stops (False) and starts again (True) to read."""
        self._flow_watchers.append(watcher)

    def look(self) -> bytes:
        """All of a body that is `whole`; it stays here to be passed on."""
        if len(self._held) > 1:
            self._held = [(b"".join([piece for piece, _ in self._held]), False)]
        return self._held[0][0] if self._held else b""

    # -- for the source -----------------------------------------------------

    def chunk(self, data: bytes, *, mid_event: bool = False) -> None:
        """More bytes have come.

        Args:
            data: The next bytes.
            mid_event: Whether they end inside an event of an event stream.
        """
        if self._ended or self._state is _DONE:
            return
        if self._state is _FLOWING and not self._paused and not self._held:
            self._pass_on(data, mid_event)
        else:
            self._held.append((data, mid_event))

    def end(self, told: GatewayError | None = None) -> None:
        """All bytes have come.

        Args:
            told: The failure that these bytes themselves report to the client (an error event). Watchers
                hear of it; the client is told nothing more.
        """
        self._finish(told, in_band=told is not None)

    def broke(self, error: GatewayError) -> None:
        """No more bytes will come, though more were due."""
        self._finish(error)

    # -- for the sink -------------------------------------------------------

    def deliver(self, sink: IBodySink) -> None:
        """Pass everything on to `sink`, from the first byte. Called once."""
        if self._state is _DONE:
            return
        if self._state is _FLOWING:
            raise RuntimeError("a body is delivered once")
        self._state = _FLOWING
        self._sink = sink
        self._flow()

    def take(self) -> bytes:
        """Pass everything on in one piece, instead of `deliver`, of a body that is `whole`."""
        data = self._held[0][0] if len(self._held) == 1 else b"".join([piece for piece, _ in self._held])
        self._held.clear()
        self.passed_on = len(data)
        self._settle(None)
        return data

    def pause(self) -> None:
        """The client does not read; hold the source back."""
        if self._state is not _FLOWING or self._paused:
            return
        self._paused = True
        if self._source is not None and not self._ended:
            self._source.pause()
        for watcher in self._flow_watchers:
            watcher(False)

    def resume(self) -> None:
        """The client reads again."""
        if self._state is not _FLOWING or not self._paused:
            return
        self._paused = False
        for watcher in self._flow_watchers:
            watcher(True)
        self._flow()

    def abandon(self, reason: GatewayError | None = None) -> None:
        """Nobody wants the rest: the source is told at once.

        Args:
            reason: Why; by default that the client left.
        """
        if self._state is _DONE:
            return
        self._held.clear()
        try:
            self._settle(reason or ClientGone("the client left before its answer was complete"))
        finally:
            self._abort_source()

    # -- for third parties --------------------------------------------------

    def cut(self, error: GatewayError) -> None:
        """End it now, on both sides: a timeout, or the gateway stops.

        What has come but was not passed on yet is dropped, also when it was all.
        """
        if self._state is _DONE or (self._ended and not self._held):
            return
        self._held.clear()
        self._error = error
        self._in_band = False
        try:
            if self._state is _FLOWING:
                self._close()
        finally:
            self._abort_source()

    # -- inside -------------------------------------------------------------

    def _flow(self) -> None:
        """Pass on what is held, then have the source go on."""
        self._flush()
        if self._source is not None and not self._ended and not self._paused:
            self._source.resume()

    def _pass_on(self, data: bytes, mid_event: bool) -> None:
        self.mid_event = mid_event
        self.passed_on += len(data)
        if self._sink is not None:
            self._sink.chunk(data)

    def _flush(self) -> None:
        while self._held and not self._paused and self._state is _FLOWING:
            self._pass_on(*self._held.pop(0))
        if self._ended and not self._held and self._state is _FLOWING:
            self._close()

    def _abort_source(self) -> None:
        source, self._source = self._source, None
        if source is not None and not self._ended:
            self._ended = True
            source.abort()

    def _finish(self, error: GatewayError | None, in_band: bool = False) -> None:
        if self._ended or self._state is _DONE:
            return
        self._ended = True
        self._error = error
        self._in_band = in_band
        if self._state is _FLOWING and not self._held:
            self._close()

    def _close(self) -> None:
        sink, error = self._sink, self._error
        # Settle first: what the client may see (the end of its answer) must not come before the
        # permit is back, or a client that waits for its answer finds its own slot still taken.
        try:
            self._settle(error)
        finally:
            if sink is not None:
                if error is None or self._in_band:
                    sink.end()
                else:
                    sink.broke(error)

    def _settle(self, error: GatewayError | None) -> None:
        self._state = _DONE
        self._error = error
        # Whoever is told nothing more is let go: most of them know this body, and a ring of objects costs
        # memory until the garbage collector comes by
        self._sink = None
        if self._ended:
            self._source = None
        self._flow_watchers = []
        callbacks, self._done_callbacks = self._done_callbacks, []
        _tell_all(iter(callbacks), error)


def _tell_all(callbacks: Iterator[DoneCallback], error: GatewayError | None) -> None:
    """Call each of them, also when one fails: each has something of its own to settle."""
    for callback in callbacks:
        try:
            callback(error)
        except BaseException:
            _tell_all(callbacks, error)
            raise
