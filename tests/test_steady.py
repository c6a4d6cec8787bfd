"""Tests for `jairouter.steady`."""

from __future__ import annotations

from twisted.internet.base import ReactorBase
from twisted.trial.unittest import SynchronousTestCase

from jairouter.steady import keep_steady


class SteadyTests(SynchronousTestCase):
    """A clock on the wall may be set; what waits does not notice."""

    def setUp(self) -> None:
        class Reactor(ReactorBase):
            def installWaker(self) -> None:
                pass

        self.wall, self.steady = 1_000_000.0, 50.0
        self.reactor = Reactor()
        keep_steady(self.reactor, lambda: self.wall, lambda: self.steady)

    def test_begins_as_the_wall_says(self) -> None:
        self.assertEqual(self.reactor.seconds(), 1_000_000.0)

    def test_set_back(self) -> None:
        """What is due in 5 s is due in 5 s."""
        called: list[float] = []
        self.reactor.callLater(5, lambda: called.append(self.reactor.seconds()))
        self.wall -= 3600
        self.steady += 4.5
        self.reactor.runUntilCurrent()
        self.assertEqual((called, self.reactor.timeout()), ([], 0.5))
        self.steady += 0.5
        self.reactor.runUntilCurrent()
        self.assertEqual(called, [1_000_005.0])

    def test_set_forward(self) -> None:
        called: list[None] = []
        self.reactor.callLater(5, called.append, None)
        self.wall += 3600
        self.reactor.runUntilCurrent()
        self.assertEqual(called, [])
        [call] = self.reactor.getDelayedCalls()
        call.cancel()
