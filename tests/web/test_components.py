"""Tests for `jairouter.web.components`: what is not as it should be."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web import components
from jairouter.web.actuator import Component


class ComponentTests(SynchronousTestCase):
    """Parts of the gateway."""

    def test_late_events(self) -> None:
        self.assertEqual(components.event_loop(0.01).status, "UP")
        late = components.event_loop(0.75)
        self.assertEqual((late.status, late.details), ("DEGRADED", {"lagMs": 750.0}))

    def test_disk(self) -> None:
        """A directory that is made later lies where its parent does."""
        here = components.disk(Path(self.mktemp()) / "a" / "b")
        self.assertEqual((here.status, here.details["exists"]), ("UP", True))

    def test_full_disk(self) -> None:
        found = os.statvfs_result((4096, 4096, 1000, 10, 10, 0, 0, 0, 0, 255))
        self.patch(os, "statvfs", lambda path: found)
        full = components.disk(Path("/"))
        self.assertEqual((full.status, full.details["free"]), ("DEGRADED", 40960))

    def test_store(self) -> None:
        self.assertEqual(components.store("memory", Path("/nowhere")).status, "UP")
        self.assertEqual(components.store("file", Path(self.mktemp())).status, "UP")
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(components.store("file", Path(self.mktemp())).status, "DEGRADED")


class SeldomTests(SynchronousTestCase):
    """A component that takes long to ask for."""

    def setUp(self) -> None:
        self.now, self.takes, self.number = 1000.0, 0.01, 0
        self.seldom = components.Seldom(self.ask, lambda: self.now)

    def ask(self) -> Component:
        self.now += self.takes
        self.number += 1
        return Component(details={"number": self.number})

    def answers(self, *after: float) -> list[int]:
        found = []
        for seconds in after:
            self.now += seconds
            found.append(self.seldom().details["number"])
        return found

    def test_a_hundredth_of_the_time(self) -> None:
        self.assertEqual(self.answers(0, 0.5, 0.49, 0.02), [1, 1, 1, 2])

    def test_what_takes_no_time(self) -> None:
        """It is always as it is now."""
        self.takes = 0.0
        self.assertEqual(self.answers(0, 0, 0), [1, 2, 3])

    def test_a_clock_that_is_set_back(self) -> None:
        self.assertEqual(self.answers(0, -3600, 2), [1, 2, 3])
