"""More schedules than there is time for among the unit tests: in processes of their own, side by side."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.defer import gatherResults
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from tests.simulation.test_seeds import SEEDS

IN_ALL = 200
"""Schedules that are played by ``make test``; the first ones are among the unit tests."""
PROCESSES = 2
ROOT = Path(__file__).parents[2]


class MoreSeedsTests(TestCase):
    """``make simulate SEEDS=1000`` plays yet more."""

    timeout = 600

    async def test_more_seeds(self) -> None:
        """What fails is printed, with the command that shows it again."""
        each = (IN_ALL - SEEDS) // PROCESSES
        runs = [
            getProcessOutputAndValue(
                sys.executable,
                ["-m", "tests.simulation.run", "--first", str(first), "--seeds", str(each)],
                env=None,
                path=str(ROOT),
            )
            for first in range(SEEDS, IN_ALL, each)
        ]
        for out, err, status in await gatherResults(runs):
            self.assertEqual(status, 0, f"{out.decode()[:4000]}{err.decode()[-4000:]}")
            self.assertIn(b"%d schedules, 0 failed" % each, out)
