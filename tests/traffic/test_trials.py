"""Tests for `jairouter.traffic.trials`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.traffic.permits import Ledger
from jairouter.traffic.trials import Trials


class TrialsTests(SynchronousTestCase):
    """Places, and for how long they are kept."""

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.trials = Trials(self.ledger)

    def assert_out(self, number: int) -> None:
        self.assertEqual((len(self.trials), self.ledger.outstanding()["trial"]), (number, number))

    def test_end(self) -> None:
        trial = self.trials.begin(0.0)
        self.assert_out(1)
        self.assertIn(trial, self.trials)
        self.trials.end(trial, Outcome.SUCCEEDED)
        self.assert_out(0)
        self.assertNotIn(trial, self.trials)

    def test_asking_takes_nothing_back(self) -> None:
        self.trials.begin(0.0)
        self.assertEqual([self.trials.staying(now, 30.0) for now in (0.0, 29.9, 30.0, -1.0)], [1, 1, 0, 0])
        self.assert_out(1)

    def test_waits_too_long(self) -> None:
        """It has no place any more, and is a trial all the same."""
        trial = self.trials.begin(0.0)
        self.assertEqual(self.trials.ripen(29.9, 30.0), 0)
        self.assert_out(1)
        self.assertEqual(self.trials.ripen(30.0, 30.0), 0)
        self.assert_out(0)
        self.assertIn(trial, self.trials)
        self.trials.end(trial, Outcome.FAILED)
        self.assert_out(0)

    def test_streams_long_enough(self) -> None:
        """It is counted once."""
        self.trials.begin(0.0).answering = True
        self.assertEqual([self.trials.ripen(now, 30.0) for now in (29.9, 30.0, 31.0)], [0, 1, 0])

    def test_clock_set_back(self) -> None:
        trial = self.trials.begin(100.0)
        trial.answering = True
        self.assertEqual(self.trials.ripen(50.0, 30.0), 0)
        self.assert_out(0)
        self.assertEqual([self.trials.ripen(now, 30.0) for now in (79.9, 80.0)], [0, 1])

    def test_end_of_all(self) -> None:
        trials = [self.trials.begin(float(number)) for number in range(3)]
        self.trials.ripen(30.0, 30.0)
        self.trials.end_all()
        self.assert_out(0)
        self.assertEqual([trial in self.trials for trial in trials], [False] * 3)
