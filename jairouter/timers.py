"""One coarse timer for everything that is only late by a fraction of a second.

A gateway arms several timeouts per request and nearly all of them are cancelled. A `DelayedCall` each
costs a heap operation in the reactor and an object; here a timer is put into the bucket of its tick
and the reactor holds one `DelayedCall` in all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timer:
    """One armed timer. Cancel it when it is not wanted any more."""

    __slots__ = ("_callback", "_tick", "_wheel")

    def __init__(self, wheel: TimerWheel, tick: int, callback: Callable[[], None]) -> None:
        self._wheel = wheel
        self._tick = tick
        self._callback: Callable[[], None] | None = callback

    @property
    def armed(self) -> bool:
        """Whether it will still go off."""
        return self._callback is not None

    def cancel(self) -> None:
        """Never go off. Does nothing when it has gone off or was cancelled."""
        if self._callback is not None:
            self._callback = None
            self._wheel._forget(self, self._tick)

    def _fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class TimerWheel:
    """Runs callbacks after at least the asked time, at most two ticks late.

    Args:
        clock: The reactor, or a fake clock.
        tick: Seconds; timers due in the same tick go off together.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, tick: float = 0.1) -> None:
        self._clock = clock
        self._tick = tick
        # In each the timers in the order in which they were armed: the same run goes the same way
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._due: list[int] = []
        self._count = 0
        self._call: IDelayedCall | None = None
        self._call_tick = 0

    def start(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay` seconds from now, rounded up to a tick."""
        tick = self._tick_of(self._clock.seconds() + max(delay, 0.0)) + 1
        timer = Timer(self, tick, callback)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            heapq.heappush(self._due, tick)
        bucket[timer] = None
        self._count += 1
        if self._call is None or tick < self._call_tick:
            self._schedule()
        return timer

    def seconds(self) -> float:
        """The clock's time."""
        return self._clock.seconds()

    def _tick_of(self, seconds: float) -> int:
        # The clock may stand a hair before the tick it was asked to wait for
        return int(seconds / self._tick + 1e-6)

    def _schedule(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        if self._due:
            self._call_tick = self._due[0]
            delay = max(0.0, self._call_tick * self._tick - self._clock.seconds())
            self._call = self._clock.callLater(delay, self._run)

    def _run(self) -> None:
        self._call = None
        now = self._tick_of(self._clock.seconds())
        while self._due and self._due[0] <= now:
            bucket = self._buckets.pop(heapq.heappop(self._due))
            self._count -= len(bucket)
            for timer in list(bucket):
                try:
                    timer._fire()
                except Exception:
                    self._log.failure("a timer's callback failed")
        if self._call is None:
            self._schedule()

    def _forget(self, timer: Timer, tick: int) -> None:
        bucket = self._buckets.get(tick)
        if bucket is None or timer not in bucket:
            return  # its bucket is being run
        del bucket[timer]
        self._count -= 1
        if self._count == 0:
            self._buckets.clear()
            self._due.clear()
            self._schedule()
