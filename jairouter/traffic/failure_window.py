"""What share of the recent attempts at an instance failed."""

from __future__ import annotations


class FailureWindow:
    """Remembers how the last attempts ended.

    Args:
        size: Most attempts that are remembered.
        sliding: Whether each attempt beyond that takes the place of the oldest one; else the window starts
            afresh when it is full.

    Attributes:
        size: As given.
        sliding: As given.
        failures: How many of those that are remembered failed.
    """

    __slots__ = ("_ends", "_oldest", "failures", "size", "sliding")

    def __init__(self, size: int, sliding: bool) -> None:
        self.size = size
        self.sliding = sliding
        self.failures = 0
        self._ends = (
            bytearray()
        )  # grows as far as `size`: a large window costs nothing where few attempts are
        self._oldest = 0

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, failed: bool) -> None:
        """An attempt is over."""
        ends = self._ends
        if len(ends) < self.size:
            ends.append(failed)
        elif self.sliding:
            self.failures -= ends[self._oldest]
            ends[self._oldest] = failed
            self._oldest = (self._oldest + 1) % self.size
        else:
            self.clear()
            ends.append(failed)
        self.failures += failed

    def clear(self) -> None:
        """Forget all."""
        self._ends.clear()
        self._oldest = self.failures = 0

    def resized(self, size: int, sliding: bool) -> FailureWindow:
        """Another one that remembers as much of the same as it can."""
        other = FailureWindow(size, sliding)
        ends = self._ends[self._oldest :] + self._ends[: self._oldest]
        for failed in ends[-size:]:
            other.add(bool(failed))
        return other
