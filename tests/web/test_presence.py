"""Tests of jairouter.web.presence. That the kernel tells it is seen in tests/integration."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import TimerWheel
from jairouter.web.presence import INTERVAL, Presence, has_left


class Handle:
    """A socket whose state the test sets."""

    def __init__(self) -> None:
        self.state = 1

    def getsockopt(self, level: int, option: int, length: int) -> bytes:
        return bytes([self.state])


class Transport:
    """The transport of such a socket."""

    def __init__(self) -> None:
        self.handle = Handle()

    def getHandle(self) -> Handle:
        return self.handle


class PresenceTests(SynchronousTestCase):
    """A connection that is not read."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.left = 0
        self.transport = Transport()
        self.presence = Presence(TimerWheel(self.clock), self.leave)

    def leave(self) -> None:
        self.left += 1

    def test_stays(self) -> None:
        self.presence.watch(self.transport)
        self.clock.pump([INTERVAL] * 10)
        self.assertEqual(self.left, 0)
        self.presence.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leaves(self) -> None:
        """It is told once, and nothing is watched any more."""
        self.presence.watch(self.transport)
        self.clock.pump([INTERVAL] * 3)
        self.transport.handle.state = 8
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.left, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_watched_once(self) -> None:
        self.presence.watch(self.transport)
        self.presence.watch(self.transport)
        self.transport.handle.state = 7
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.left, 1)

    def test_no_socket(self) -> None:
        """What has no socket cannot be asked."""
        self.presence.watch(object())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        handles: tuple[Any, ...] = (object(), None)
        for handle in handles:
            self.assertFalse(has_left(handle))
