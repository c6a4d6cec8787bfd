"""A share of requests that follows the load: pure, told the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.config.settings.tracing import AdaptiveSamplingSettings


class Adaptive:
    """Moves a share so that about so many spans are made in a second.

    At the end of each interval the share is multiplied by what was aimed for and divided by what there was,
    within its limits. So it is right after one interval if the load stays as it is.

    Args:
        settings: The aim, the limits and the interval.
        ratio: The share to begin with.
        now: The clock's seconds.

    Attributes:
        ratio: The share.
    """

    def __init__(self, settings: AdaptiveSamplingSettings, ratio: float, now: float) -> None:
        self._settings = settings
        self.ratio = self._within(ratio)
        self._since, self._spans = now, 0
        self._due = now + settings.adjustment_interval

    def made(self, spans: int) -> None:
        """Spans were made."""
        self._spans += spans

    def ratio_at(self, now: float) -> float:
        """The share now."""
        if now >= self._due:
            self._adjust(now)
        return self.ratio

    def _adjust(self, now: float) -> None:
        settings = self._settings
        passed = max(now - self._since, 1e-3)
        rate = self._spans / passed
        wanted = self.ratio * settings.target_spans_per_second / rate if rate else settings.max_ratio
        self.ratio = self._within(wanted)
        self._since, self._spans = now, 0
        self._due = now + settings.adjustment_interval

    def _within(self, ratio: float) -> float:
        return max(self._settings.min_ratio, min(self._settings.max_ratio, ratio))
