"""How long an instance takes to begin an answer, lately."""

from __future__ import annotations


class PeakEwma:
    """A moving average that follows a rise at once and a fall slowly."""

    def observe(self, seconds: float, now: float) -> None:
        """An answer began so many seconds after its attempt."""
