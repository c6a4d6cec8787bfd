"""Tests for `jairouter.web.closing`: a client that has all it was sent, and does not close."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import TimerWheel
from jairouter.web.closing import LINGER, QUIET, Closing


class Transport:
    """A TCP connection on which all has arrived."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def getHandle(self) -> Transport:
        return self

    def getsockopt(self, *_: int) -> bytes:
        return bytes(148)

    def loseConnection(self) -> None:
        self.calls.append("close")

    def abortConnection(self) -> None:
        self.calls.append("abort")


class OneTimer:
    """What is used of a `Patience`."""

    send_timeout = 60.0

    def __init__(self, wheel: TimerWheel) -> None:
        self._wheel = wheel

    def arm(self, seconds: float, callback: Callable[[], None]) -> None:
        self._wheel.start(seconds, callback)


class QuietTests(SynchronousTestCase):
    """How long it is waited for."""

    def setUp(self) -> None:
        self.clock = Clock()
        wheel = TimerWheel(self.clock)
        patience: Any = OneTimer(wheel)
        self.closing = Closing(wheel, patience)
        self.transport = Transport()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def test_quiet(self) -> None:
        """Not long, and then it is closed in good order: nothing is unread."""
        self.closing.begin(self.transport, lingers=True, quiet=True)
        self.pass_time(QUIET - 0.1)
        self.assertEqual(self.transport.calls, [])
        self.pass_time(0.5)
        self.assertEqual(self.transport.calls, ["close"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_more_comes(self) -> None:
        """Then a close could be a reset, and it has the time of one who sends more."""
        self.closing.begin(self.transport, lingers=True, quiet=True)
        self.closing.heard()
        self.pass_time(LINGER - 0.5)
        self.assertEqual(self.transport.calls, [])
        self.pass_time(2)
        self.assertEqual(self.transport.calls, ["abort"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_quiet(self) -> None:
        self.closing.begin(self.transport, lingers=True)
        self.pass_time(LINGER - 0.5)
        self.assertEqual(self.transport.calls, [])
        self.pass_time(2)
        self.assertEqual(self.transport.calls, ["abort"])
