"""One coarse timer for everything that is only late by a fraction of a second.

A gateway arms several timeouts per request and nearly all of them are cancelled. A `DelayedCall` each
costs a heap operation in the reactor and an object; here a timer is put into the bucket of its tick
and the reactor holds one `DelayedCall` in all.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

_T = TypeVar("_T")


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
        self.seconds: Callable[[], float] = clock.seconds
        """The clock's time."""
        # In each the timers in the order in which they were armed: the same run goes the same way
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._due: list[int] = []
        self._count = 0
        self._call: IDelayedCall | None = None
        self._call_tick = 0

    def start(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay` seconds from now, rounded up to a tick."""
        tick = self._tick_of(self.seconds() + max(delay, 0.0)) + 1
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
        if not self._count:
            self._clear()
        elif self._call is None:
            self._schedule()

    def _forget(self, timer: Timer, tick: int) -> None:
        bucket = self._buckets.get(tick)
        if bucket is None or timer not in bucket:
            return  # its bucket is being run
        del bucket[timer]
        self._count -= 1
        if not self._count:
            self._clear()

    def _clear(self) -> None:
        """Forget the ticks of those that were cancelled: the reactor need not wait for them."""
        self._buckets.clear()
        self._due.clear()
        self._schedule()


class Sweep(Generic[_T]):
    """Things that all wait equally long, and nearly all of which are taken away before. One timer for all.

    To add one, or to take it away, costs an operation of a dictionary. A timer costs ten times that.

    Args:
        wheel: The timers.
        delay: Seconds.
        on_due: Told of each thing that has waited so long, and is then in here no more.
    """

    def __init__(self, wheel: TimerWheel, delay: float, on_due: Callable[[_T], None]) -> None:
        self._wheel = wheel
        self._delay = delay
        self._on_due = on_due
        self._since: dict[_T, float] = {}  # who waits longest is first
        self._timer: Timer | None = None
        self._armed = 0.0

    def __bool__(self) -> bool:
        return bool(self._since)

    def __len__(self) -> int:
        return len(self._since)

    def __iter__(self) -> Iterator[_T]:
        return iter(tuple(self._since))

    def add(self, thing: _T) -> None:
        """Begin to wait."""
        now = self._since[thing] = self._wheel.seconds()
        # (Where the clock was set back, a timer armed before that would be late by as much)
        if self._timer is None or now < self._armed:
            self._arm(self._delay)

    def discard(self, thing: _T) -> None:
        """Do not wait any more; does nothing when it does not."""
        self._since.pop(thing, None)
        if not self._since:
            self._stop()

    def pop(self) -> _T:
        """Take away what has waited for the shortest time.

        Raises:
            KeyError: There is nothing.
        """
        thing, _ = self._since.popitem()
        if not self._since:
            self._stop()
        return thing

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay: float) -> None:
        self._stop()
        self._armed = self._wheel.seconds()
        self._timer = self._wheel.start(delay, self._run)

    def _run(self) -> None:
        now = self._wheel.seconds()
        latest = now - self._delay
        for thing in [*takewhile(lambda each: self._since[each] > now, self._since)]:
            del self._since[thing]  # the clock was set back: it waits from now on, behind the others
            self._since[thing] = now
        due = [thing for thing, since in self._since.items() if since <= latest]
        try:
            for thing in due:
                # What came before it may have taken it away, or let it wait anew
                if self._since.get(thing, math.inf) <= latest:
                    del self._since[thing]
                    self._on_due(thing)
        finally:
            self._stop()
            if self._since:  # who waits longest, whoever was added meanwhile
                self._arm(next(iter(self._since.values())) - latest)
