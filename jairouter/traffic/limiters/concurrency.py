"""`concurrency`: at most `capacity` requests under way at a time."""

from __future__ import annotations

from zope.interface import implementer

from jairouter.interfaces import ILimiter, Quota

_UNKNOWN = 1.0
"""Seconds, where nobody can know when a request under way will be over."""


class _Count:
    """How many are under way; the limiters before and after a reload share it."""

    __slots__ = ("lent",)

    def __init__(self) -> None:
        self.lent = 0


@implementer(ILimiter)
class Concurrency:
    """See the module.

    Args:
        capacity: Most requests under way.
        now: The clock's seconds.
    """

    __slots__ = ("_capacity", "_count", "since")

    lends = True

    def __init__(self, capacity: int, now: float) -> None:
        self._capacity = capacity
        self._count = _Count()
        self.since = now

    @property
    def lent(self) -> int:
        """See `ILimiter.lent`."""
        return self._count.lent

    def refusal(self, now: float) -> float:
        """See `ILimiter.refusal`."""
        self.since = now
        return self.foretell(now)

    def foretell(self, now: float) -> float:
        """See `ILimiter.foretell`."""
        return 0.0 if self._count.lent < self._capacity else _UNKNOWN

    def take(self, now: float) -> float:
        """See `ILimiter.take`."""
        self._count.lent += 1
        return 0.0

    def give_back(self, now: float, turn: float) -> None:
        """See `ILimiter.give_back`."""
        self._count.lent -= 1

    def quota(self, now: float) -> Quota:
        """See `ILimiter.quota`."""
        lent = self._count.lent
        return Quota(self._capacity, max(0, self._capacity - lent), _UNKNOWN if lent else 0.0)

    def carry_over(self, old: ILimiter, now: float) -> None:
        """See `ILimiter.carry_over`: what is lent now will be given back to the old one."""
        if isinstance(old, Concurrency):
            self._count = old._count
            self.since = old.since
