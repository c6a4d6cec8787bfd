"""Trials: the attempts by which a half-open breaker finds out about its instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.exchange import Outcome

if TYPE_CHECKING:
    from jairouter.traffic.permits import Ledger, Permit


class Trial:
    """One of them.

    Attributes:
        permit: Its place, or None when it has none any more.
        since: When it began, or when its answer did, in the clock's seconds.
        answering: Whether its answer has begun.
        good: Whether it was counted as a good one.
        over: Whether it was settled.
    """

    __slots__ = ("answering", "good", "over", "permit", "since")

    def __init__(self, permit: Permit, now: float) -> None:
        self.permit: Permit | None = permit
        self.since = now
        self.answering = self.good = self.over = False

    def give_back(self, outcome: Outcome) -> None:
        """It has no place any more; does nothing when it has none."""
        permit, self.permit = self.permit, None
        if permit is not None:
            permit.settle(outcome)


class Trials:
    """Those of one half-open state.

    Args:
        ledger: Counts those that have a place.
    """

    __slots__ = ("_all", "_ledger")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._all: list[Trial] = []

    def __contains__(self, trial: Trial) -> bool:
        return trial in self._all

    def __len__(self) -> int:
        """How many have a place."""
        return sum(1 for each in self._all if each.permit is not None)

    def begin(self, now: float) -> Trial:
        """One more."""
        trial = Trial(self._ledger.open("trial"), now)
        self._all.append(trial)
        return trial

    def staying(self, now: float, patience: float) -> int:
        """How many have a place that `ripen` would not take back."""
        return sum(1 for each in self._all if each.permit is not None and 0 <= now - each.since < patience)

    def ripen(self, now: float, patience: float) -> int:
        """Take places back from those that last too long.

        Args:
            now: The clock's seconds.
            patience: Seconds for which they may wait, or stream.

        Returns:
            How many have shown themselves good just by streaming.
        """
        good = 0
        for each in self._all:
            if now < each.since:
                each.since = now  # the clock was set back: nobody knows for how long it has waited
                each.give_back(Outcome.ABANDONED)
            elif now - each.since >= patience:
                each.give_back(Outcome.ABANDONED)
                if each.answering and not each.good:
                    each.good = True
                    good += 1
        return good

    def end(self, trial: Trial, outcome: Outcome) -> None:
        """One of them is over."""
        self._all.remove(trial)
        trial.give_back(outcome)

    def end_all(self) -> None:
        """None of them means anything any more."""
        ended, self._all = self._all, []
        for each in ended:
            each.give_back(Outcome.ABANDONED)
