"""How many attempts there may be beyond the first ones, so that an outage is not multiplied.

Without a budget, three attempts for each request make three times the load of exactly those backends that can
bear it least; and the clients' own retries multiply that again.
"""

from __future__ import annotations

SLICES = 10
"""The window moves on in steps of this part of it (so does Finagle's `WindowedAdder`)."""

_HAIR = 1e-9
"""What sums of fractions may lack."""


class RetryBudget:
    """A share of the requests of the last while, and a few in any case.

    After Finagle's `RetryBudget`: each request deposits `ratio`, each retry withdraws 1, both are forgotten
    when `window` has passed, and `min_per_second * window` is always there beside them. With 0.2, 1 per
    second and 10 s, 50 requests per second allow 11 retries per second, and hardly any request allows 10 at
    once.

    In any time T there are so at most `ratio * requests + min_per_second * (T + window)` retries.

    Args:
        ratio: Retries for each request, 0 to 1.
        min_per_second: Retries per second that are allowed however few requests there are.
        window: Seconds for which either counts.
    """

    __slots__ = ("_floor", "_per_second", "_ratio", "_slices", "_slot")

    def __init__(self, ratio: float, min_per_second: float, window: float) -> None:
        self._ratio = ratio
        self._floor = min_per_second * window
        self._per_second = SLICES / window
        self._slices = [0.0] * SLICES  # what was deposited in each, less what was withdrawn
        self._slot = 0

    def deposit(self, now: float) -> None:
        """A request came that is not itself a client's retry.

        Args:
            now: The clock's seconds; requests need not be told in order.
        """
        slot = int(now * self._per_second)
        if slot != self._slot:
            self._move(slot)
        self._slices[self._slot % SLICES] += self._ratio

    def withdraw(self, now: float) -> bool:
        """Take what one more attempt costs. Returns whether there was so much."""
        slot = int(now * self._per_second)
        if slot != self._slot:
            self._move(slot)
        if sum(self._slices) + self._floor < 1 - _HAIR:
            return False
        self._slices[self._slot % SLICES] -= 1
        return True

    def left(self, now: float) -> float:
        """How many retries there might be now; below 1, none. For those who only look on."""
        slot = int(now * self._per_second)
        if slot != self._slot:
            self._move(slot)
        return max(0.0, sum(self._slices) + self._floor)

    def after(self, old: RetryBudget) -> RetryBudget:
        """The one to go on with after a reload.

        Where nothing has changed that is the old one itself: requests under way still pay with it, and two
        budgets side by side allow twice as much. Else this one goes on where the old one stands; one of
        another window begins anew.
        """
        if old._per_second != self._per_second:
            return self
        if (old._ratio, old._floor) == (self._ratio, self._floor):
            return old
        self._slices, self._slot = list(old._slices), old._slot
        return self

    def _move(self, slot: int) -> None:
        ahead = slot - self._slot
        if -SLICES < ahead <= 0:
            return  # somewhat late, or a clock that was set back: it stands still
        # (A clock that was set back by more than a window has nothing more to say about what was before)
        for passed in range(min(abs(ahead), SLICES)):
            self._slices[(slot - passed) % SLICES] = 0.0
        self._slot = slot


class LoadCap:
    """A strict share of the requests, however few they are: nothing is there to begin with.

    For what is a luxury. With 0.05, one in twenty requests; what is not used is kept for later, up to `most`.

    Args:
        ratio: Extra attempts for each request, 0 to 1.
        most: Extra attempts in a row, after a time without any.
    """

    __slots__ = ("_credit", "_most", "_ratio")

    def __init__(self, ratio: float, most: float = 10.0) -> None:
        self._ratio = ratio
        self._most = most
        self._credit = 0.0

    @property
    def reached(self) -> bool:
        """Whether there must be no extra attempt now."""
        return self._credit < 1 - _HAIR

    def deposit(self) -> None:
        """A request came."""
        self._credit = min(self._credit + self._ratio, self._most)

    def withdraw(self) -> None:
        """There is an extra attempt; the cap was not reached."""
        self._credit -= 1
