"""When a circuit breaker does what."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.traffic.failure_window import FailureWindow

if TYPE_CHECKING:
    from jairouter.config.settings.breaking import CircuitBreakerSettings

PATIENCE = 30.0
"""Least seconds for which a trial keeps its place without an answer, and has to stream until it is good: many
a model thinks for so long, and what goes well for a moment only shows nothing."""


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """What of the settings a breaker goes by.

    Attributes:
        failure_threshold: Failures in a row that open it.
        success_threshold: Good trials that close it.
        half_open_trials: Most trials at a time.
        recovery_timeout: Seconds for which it stays open.
        failure_rate: Percentage of failures that opens it as well, or None.
        window_size: Attempts that percentage is of, at most.
        minimum_requests: Likewise, at least; no more than `window_size` count.
        sliding_window: Whether the window slides or starts afresh when it is full.
        multiplier: By which the open time grows each time it opens again at once; 1 for not at all.
        shortest: Open time in seconds.
        longest: Open time in seconds.
    """

    failure_threshold: int = 5
    success_threshold: int = 2
    half_open_trials: int = 2
    recovery_timeout: float = 60.0
    failure_rate: float | None = None
    window_size: int = 100
    minimum_requests: int = 10
    sliding_window: bool = False
    multiplier: float = 1.0
    shortest: float = 0.0
    longest: float = math.inf

    @classmethod
    def of(cls, settings: CircuitBreakerSettings) -> BreakerLimits:
        """Those of one instance.

        Args:
            settings: As `config.inheritance.circuit_breaker_for` returns them.
        """
        assert settings.recovery_timeout is not None
        past, grows = settings.statistics, settings.adaptive_recovery
        return cls(
            failure_threshold=settings.failure_threshold,
            success_threshold=settings.success_threshold,
            half_open_trials=settings.half_open_trials or settings.success_threshold,
            recovery_timeout=settings.recovery_timeout,
            failure_rate=settings.failure_rate_threshold,
            window_size=past.window_size,
            minimum_requests=past.minimum_requests,
            sliding_window=past.sliding_window,
            multiplier=grows.backoff_multiplier if grows.enabled else 1.0,
            shortest=grows.min_timeout if grows.enabled else 0.0,
            longest=grows.max_timeout if grows.enabled else math.inf,
        )

    @property
    def patience(self) -> float:
        """Seconds for which a trial is waited for."""
        return max(self.recovery_timeout, PATIENCE)

    def open_time(self, wanted: float) -> float:
        """The open time next to a wanted one that is allowed."""
        if self.multiplier == 1:
            wanted = 0.0
        return min(max(wanted, self.recovery_timeout, self.shortest), self.longest)

    def next_open_time(self, last: float) -> float:
        """For how long it opens.

        With 30, a multiplier of 2 and 300 at most: 30, 60, 120, 240, 300, 300...

        Args:
            last: For how long it was open when it opened last, if that was just now; else 0.
        """
        return self.open_time(last * self.multiplier)

    def too_many(self, failures: int, attempts: int) -> bool:
        """Whether so many failures open it."""
        if self.failure_rate is None or attempts < min(self.minimum_requests, self.window_size):
            return False
        return failures * 100 >= self.failure_rate * attempts

    def window(self, old: FailureWindow | None) -> FailureWindow | None:
        """What it looks back on, if it does.

        Args:
            old: What it looked back on before, or None.
        """
        if self.failure_rate is None:
            return None
        if old is None:
            return FailureWindow(self.window_size, self.sliding_window)
        if (old.size, old.sliding) == (self.window_size, self.sliding_window):
            return old
        return old.resized(self.window_size, self.sliding_window)
