"""Why an instance is not among the candidates of an attempt."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Reason(enum.Enum):
    """Each of them, in the order in which they are asked after.

    Attributes:
        code: For programs to read: ``breaker-open``.
    """

    __hash__ = object.__hash__  # Enum's own is written in Python

    def __init__(self, words: str) -> None:
        self.code = self.name.lower().replace("_", "-")

    TRIED = "tried before"
    DRAINED = "drained"
    """Its weight is 0."""
    DOWN = "down"
    """By its probes."""
    BREAKER_OPEN = "breaker open"
    TRIALS_TAKEN = "trials under way"
    """Its breaker is half-open and lets no more trials through for now."""
    EJECTED = "ejected"
    """It failed the traffic that it got."""
    COOLING = "cooling down"
    """It answered 429."""
    LIMITED = "limit reached"
    """Its own rate limit."""
    TIER = "a better tier answers"
    """Instances of a lower `priority` number are there."""


class Exclusion(NamedTuple):
    """A reason, and until when it holds.

    Attributes:
        reason: Which.
        until: The clock's seconds, or None where nobody can know.
    """

    reason: Reason
    until: float | None = None
