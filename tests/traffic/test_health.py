"""Tests for `jairouter.traffic.health`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.health import Health


class HealthTests(SynchronousTestCase):
    """Three bad probes in a row, and two good ones."""

    def setUp(self) -> None:
        self.health = Health(3, 2)

    def probe(self, *good: bool) -> list[bool]:
        """Which of these probes have changed something."""
        return [self.health.probed(each) for each in good]

    def test_unknown_is_up(self) -> None:
        self.assertTrue(self.health.up)

    def test_falls(self) -> None:
        self.assertEqual(self.probe(False, False, False, False), [False, False, True, False])
        self.assertFalse(self.health.up)

    def test_good_one_between(self) -> None:
        self.probe(False, False, True, False, False)
        self.assertTrue(self.health.up)

    def test_rises(self) -> None:
        self.probe(False, False, False)
        self.assertEqual(self.probe(True, True, True), [False, True, False])
        self.assertTrue(self.health.up)

    def test_bad_one_between(self) -> None:
        self.probe(False, False, False, True, False, True)
        self.assertFalse(self.health.up)

    def test_row_begins_anew_after_a_change(self) -> None:
        self.probe(False, False, False, True, True, False, False)
        self.assertTrue(self.health.up)

    def test_other_thresholds(self) -> None:
        """After a reload the row goes on."""
        self.probe(False)
        self.health.fall, self.health.rise = 2, 1
        self.assertEqual(self.probe(False, True), [True, True])
