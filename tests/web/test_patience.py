"""Tests for `jairouter.web.patience`. What clients see of it is tested with the channel."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import TimerWheel
from jairouter.web.patience import Owes, Patience
from jairouter.web.site import ConnectionLimits

LIMITS = ConnectionLimits(header_timeout=10, body_timeout=30, keep_alive_timeout=75)


class PatienceTests(SynchronousTestCase):
    """One timer for whatever is owed."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.owes = Owes.REQUEST
        self.late: list[Owes] = []
        wheel = TimerWheel(self.clock)
        self.patience = Patience(wheel, LIMITS, lambda: self.owes, self.late.append)
        self.patience.watch()
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        self.patience.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def owe(self, owes: Owes) -> None:
        self.owes = owes
        self.patience.watch()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def assert_late_after(self, seconds: float) -> None:
        self.pass_time(seconds - 0.2)
        self.assertEqual(self.late, [])
        self.pass_time(0.5)
        self.assertEqual(self.late, [self.owes])

    def test_first_request(self) -> None:
        self.assert_late_after(10)

    def test_next_request(self) -> None:
        self.pass_time(5)
        self.patience.answered()
        self.patience.watch()
        self.assert_late_after(75)

    def test_head(self) -> None:
        """Its own time begins with its first byte."""
        self.pass_time(9)
        self.owe(Owes.HEAD)
        self.assert_late_after(10)

    def test_head_on_a_connection_kept_alive(self) -> None:
        """The timer that is armed goes off too late for it, so it is armed anew."""
        self.patience.answered()
        self.patience.watch()
        self.owe(Owes.HEAD)
        self.assert_late_after(10)

    def test_body(self) -> None:
        """Each time bytes come it has its time again."""
        self.owe(Owes.BODY)
        for _ in range(3):
            self.pass_time(29)
            self.patience.came()
            self.patience.watch()
        self.assertEqual(self.late, [])
        self.assert_late_after(30)

    def test_bytes_of_a_head_give_no_time(self) -> None:
        self.owe(Owes.HEAD)
        for _ in range(9):
            self.pass_time(1)
            self.patience.came()
        self.assert_late_after(1)

    def test_nothing(self) -> None:
        """The client waits for us, as long as it may take."""
        self.owe(Owes.NOTHING)
        self.pass_time(500)
        self.assertEqual(self.late, [])

    def test_not_told_of_a_change(self) -> None:
        """What is owed is asked when the timer goes off, so that it never says what is not true."""
        self.owes = Owes.NOTHING
        self.pass_time(500)
        self.assertEqual(self.late, [])

    def test_armed_for_something_else(self) -> None:
        rang: list[str] = []
        self.patience.arm(5, lambda: rang.append("rang"))
        self.pass_time(100)
        self.assertEqual((rang, self.late), (["rang"], []))

    def test_a_request_costs_no_timer(self) -> None:
        """Hundreds of requests in time leave the one timer as it is."""
        self.patience.answered()
        self.patience.watch()
        [armed] = self.clock.getDelayedCalls()
        for _ in range(100):
            self.owe(Owes.NOTHING)
            self.patience.answered()
            self.owe(Owes.REQUEST)
        self.assertEqual(self.clock.getDelayedCalls(), [armed])
