"""Up or down, by probes: so many bad ones in a row, so many good ones in a row."""

from __future__ import annotations


class Health:
    """What the probes of one instance say.

    Args:
        fall: Bad probes in a row after which it is down.
        rise: Good probes in a row after which it is up again.

    Attributes:
        fall: As given; replaced when the settings change.
        rise: Likewise.
        up: What follows; an instance that nobody has asked yet is up.
    """

    __slots__ = ("_row", "fall", "rise", "up")

    def __init__(self, fall: int, rise: int) -> None:
        self.fall = fall
        self.rise = rise
        self.up = True
        self._row = 0  # probes in a row that speak against `up`

    def probed(self, good: bool) -> bool:
        """A probe is over. Returns whether that has changed `up`."""
        if good is self.up:
            self._row = 0
            return False
        self._row += 1
        if self._row < (self.fall if self.up else self.rise):
            return False
        self.up = not self.up
        self._row = 0
        return True
