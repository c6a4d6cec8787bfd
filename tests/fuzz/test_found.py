"""What random bytes have found, and what they must never find again: every file in ``found``."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"


class FoundTests(SynchronousTestCase):
    """A file that ``make fuzz`` writes is a test from then on."""

    def replay(self, name: str) -> None:
        """Throw every file at one target, and look at all that comes of them."""
        target = TARGETS[name]()
        self.addCleanup(lambda: self.assertEqual(target.close(), []))
        files = sorted((FOUND / name).iterdir())
        self.assertGreater(len(files), 2)
        wrong = {file.name: faults for file in files if (faults := target.attack(file.read_bytes()))}
        self.assertEqual(wrong, {})

    def test_requests(self) -> None:
        self.replay("requests")

    def test_answers(self) -> None:
        self.replay("answers")

    def test_gateway(self) -> None:
        self.replay("gateway")
