"""The states of a circuit breaker, and what is told of them."""

from __future__ import annotations

import enum
from typing import NamedTuple


class State(enum.Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Change(NamedTuple):
    """A breaker went from one state to another.

    Attributes:
        before: The old state.
        after: The new one.
        why: For a log line, such as "after 5 failures in a row".
    """

    before: State
    after: State
    why: str


class Look(NamedTuple):
    """Where a breaker stands, for somebody who only looks on.

    Attributes:
        state: Its state; one that is open and whose time is up is open until an attempt begins.
        since: When that began, in the clock's seconds; 0 for the beginning.
        until: While it is open, when its time is up, likewise; None when it is not, or was opened by hand.
        forced: Whether it was opened by hand.
        opened: How often it has opened.
        row: Failures in a row, while it is closed.
        failures: Of the attempts that it looks back on, how many failed.
        attempts: How many attempts it looks back on; 0 where only failures in a row count.
        trials: How many trials have a place now.
        good: How many trials were good ones, while it is half-open.
    """

    state: State
    since: float
    until: float | None
    forced: bool
    opened: int
    row: int
    failures: int
    attempts: int
    trials: int
    good: int
