"""Random schedules against the whole gateway; ``make simulate SEEDS=1000`` plays more of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.run import run

SEEDS = 25
ONCE_FAILED = (52, 232, 532, 892)
"""Seeds beyond the first ones that found something in the gateway. What earlier schedules found, which knew
nothing of traffic control, is in test_regressions."""


class SeedTests(SynchronousTestCase):
    """Each seed is a schedule of faults: whatever happens, every answer is true and nothing stays behind."""

    def play(self, seed: int) -> None:
        """Play a schedule; what was logged is among the faults, except for what is part of it."""
        played = run(seed)
        self.flushLoggedErrors()
        again = f"python -m tests.simulation.run --seed {seed}"
        self.assertEqual(played.faults, [], f"to see it again: {again}")

    def test_same_seed_same_run(self) -> None:
        """Every byte, when it came, and in which pieces."""
        fingerprints = {run(7).network.fingerprint() for _ in range(2)}
        self.flushLoggedErrors()
        self.assertEqual(len(fingerprints), 1)

    def test_other_seed_other_run(self) -> None:
        fingerprints = {run(seed).network.fingerprint() for seed in (7, 8)}
        self.flushLoggedErrors()
        self.assertEqual(len(fingerprints), 2)


def _test_of(seed: int) -> object:
    def test(self: SeedTests) -> None:
        self.play(seed)

    test.__doc__ = f"The schedule of seed {seed}."
    return test


for _seed in (*range(SEEDS), *ONCE_FAILED):
    setattr(SeedTests, f"test_seed_{_seed:04d}", _test_of(_seed))
