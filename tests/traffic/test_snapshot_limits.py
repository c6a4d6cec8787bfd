"""Tests for `jairouter.traffic.snapshot_limits`; more are in `tests.web.management.test_limiters`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.snapshot_limits import LOOKED_AT, SHOWN, limit_states
from tests.traffic.limited import admit, asking, limits


class ManyAddressesTests(SynchronousTestCase):
    """More than are looked at."""

    def setUp(self) -> None:
        made = limits("enabled: true, scope: client-ip, capacity: 9, rate: 0.001", chat="enabled: false")
        for number in range(LOOKED_AT + 50):
            for _ in range(2 if number in {20, 70} else 1):
                admit(made, asking(address=f"10.0.{number // 256}.{number % 256}"))
        (self.shown,) = limit_states(made, 0.0)

    def test_all_are_counted(self) -> None:
        self.assertEqual(self.shown["buckets"], LOOKED_AT + 50)

    def test_fullest_of_those_used_last(self) -> None:
        """The fuller one of long ago is not among them; only a few are shown."""
        shown = self.shown["fullest"]
        self.assertEqual((shown[0]["of"], shown[0]["remaining"]), ("10.0.0.70", 7))
        self.assertEqual(len(shown), SHOWN)
        self.assertEqual({each["remaining"] for each in shown[1:]}, {8})
