"""Tests for `jairouter.traffic.snapshot`; more are in `tests.web.management.test_balancing`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.snapshot import Moment, exclusion_state


class MomentTests(SynchronousTestCase):
    """Two clocks."""

    def setUp(self) -> None:
        self.moment = Moment(100.0, 1754049600.0)

    def test_date(self) -> None:
        self.assertEqual(self.moment.date(98.5), "2025-08-01T11:59:58.500Z")

    def test_left(self) -> None:
        """Nothing is left of what is over."""
        self.assertEqual((self.moment.left(101.25), self.moment.left(99.0)), (1.25, 0.0))

    def test_exclusion(self) -> None:
        """A word for programs, words for people."""
        shown = exclusion_state(Exclusion(Reason.TRIALS_TAKEN), self.moment)
        self.assertEqual(shown, {"reason": "trials-taken", "text": "trials under way", "seconds": None})
