"""Tests for `jairouter.telemetry.logs.often`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs.often import Often, left_out


class OftenTests(SynchronousTestCase):
    """What is said again and again."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.often = Often(self.clock.seconds, 10.0, most=3)

    def test_once_in_a_while(self) -> None:
        self.assertEqual([self.often.turn("a") for _ in range(4)], [0, None, None, None])
        self.clock.advance(10)
        self.assertEqual([self.often.turn("a"), self.often.turn("a")], [3, None])

    def test_different_things(self) -> None:
        self.assertEqual([self.often.turn("a"), self.often.turn("b")], [0, 0])

    def test_bounded(self) -> None:
        for each in "abcd":
            self.often.turn(each)
        self.assertEqual(self.often.turn("a"), 0)

    def test_text(self) -> None:
        self.assertEqual(left_out(0), "")
        self.assertEqual(left_out(3), " (and 3 times before that were left out)")
