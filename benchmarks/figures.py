"""Numbers as they are kept between the rounds and shown in the end."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rounds:
    """One figure, once per round.

    Attributes:
        values: In the order of the rounds.
    """

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Rounds:
        """From any sequence."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """What is reported."""
        return statistics.median(self.values)

    def per(self, other: Rounds) -> Rounds:
        """Round by round, this for each of that: neighbours in time met the same noise."""
        return Rounds(tuple(mine / its for mine, its in zip(self.values, other.values, strict=True)))

    def minus(self, other: Rounds) -> Rounds:
        """Round by round, this less that."""
        return Rounds(tuple(mine - its for mine, its in zip(self.values, other.values, strict=True)))

    def spread(self, digits: int = 1) -> str:
        """From the lowest to the highest round."""
        return f"{min(self.values):.{digits}f} - {max(self.values):.{digits}f}"


def percentile(ordered: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of the sorted values do not exceed, none of them made up."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
