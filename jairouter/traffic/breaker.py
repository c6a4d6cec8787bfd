r"""The circuit breaker of one instance.

::

                 failures in a row, or too large a share of them
      +--------+ ------------------------------------------------> +------+
      | closed |                                                    | open | <--+
      +--------+ <---------------------+                            +------+    |
                                       |              its time is up,  |        |
                                       |         and an attempt begins |        |
                                       |                               v        |
                                       |                         +-----------+  |
                                       +------------------------ | half-open | -+
                                              good trials enough +-----------+  one failed trial

What the outcome of an attempt does:

| outcome                       | closed                  | half-open, a trial                  |
|-------------------------------|-------------------------|-------------------------------------|
| succeeded                     | ends a row of failures  | one good trial more                 |
| failed                        | one more in the row     | opens it again                      |
| throttled, neutral, abandoned | nothing                 | makes room for another trial        |

Open, and for attempts that began before the state did, no outcome means anything: a hundred attempts that
hang when the backend dies do not prolong the time for which it is left alone, nor spoil its comeback.

A trial need not be over soon: a stream may take an hour. One that has brought its answer's first byte and has
then gone on for the *patience* (the recovery timeout, and half a minute at least) is a good one, so that the
breaker does not stay half-open for as long. One that has brought nothing for as long does not keep its place:
another trial may begin. What becomes of it still counts, as long as the breaker is half-open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.exchange import Outcome
from jairouter.interfaces import IBreaker
from jairouter.traffic.breaker_states import Change, Look, State
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.permits import AlreadySettled
from jairouter.traffic.trials import Trial, Trials

if TYPE_CHECKING:
    from jairouter.traffic.breaker_limits import BreakerLimits
    from jairouter.traffic.permits import Ledger

_SUCCEEDED, _FAILED = Outcome.SUCCEEDED, Outcome.FAILED  # looking into an Enum costs more than all the rest


@implementer(IBreaker)
class Breaker:
    """Opens when its instance keeps failing, and closes when trials show that it is back.

    A clock that is set back ends whatever was waited for: the worst of it is a trial too early.

    Args:
        limits: When it does what.
        ledger: Lends the trials.
        on_change: Is told of each change of state, after it.

    Attributes:
        closed: See `IBreaker`.
        state: Where it stands.
        since: When that began, in the clock's seconds; 0 for the beginning.
        opened: How often it has opened.
        forced: Whether it was opened by hand, and stays so until it is closed by hand.
        on_change: As given.
    """

    __slots__ = (
        "_good",
        "_limits",
        "_open_for",
        "_row",
        "_ticket",
        "_trials",
        "_window",
        "closed",
        "forced",
        "on_change",
        "opened",
        "since",
        "state",
    )

    def __init__(
        self, limits: BreakerLimits, ledger: Ledger, on_change: Callable[[Change], None] | None = None
    ) -> None:
        self.closed = True
        self.state = State.CLOSED
        self.since = 0.0
        self.opened = 0
        self.forced = False
        self.on_change = on_change
        self._limits = limits
        self._window = limits.window(None)
        self._open_for = 0.0  # the last time, or 0 if it begins anew
        self._row = 0
        self._good = 0
        self._trials = Trials(ledger)
        self._ticket = object()  # of all attempts that begin while it is closed this time

    # -- for each attempt -----------------------------------------------------

    def exclusion(self, now: float) -> Exclusion | None:
        """See `IBreaker.exclusion`."""
        if self.closed:
            return None
        if self.state is State.OPEN:
            if self.forced:
                return Exclusion(Reason.BREAKER_OPEN)
            until = self.since + self._open_for
            return Exclusion(Reason.BREAKER_OPEN, until) if self.since <= now < until else None
        room = self._trials.staying(now, self._limits.patience) < self._limits.half_open_trials
        return None if room else Exclusion(Reason.TRIALS_TAKEN)

    def acquire(self, now: float) -> object:
        """See `IBreaker.acquire`."""
        if self.closed:
            return self._ticket
        if self.exclusion(now) is not None:
            return None  # it was not asked, or the clock was set back meanwhile; such an attempt says nothing
        if self.state is State.OPEN:
            self._enter(State.HALF_OPEN, now, f"after {self._open_for:g} s")
        self._ripen(now)
        if self.closed:
            return self._ticket
        return self._trials.begin(now)

    def answering(self, ticket: object, now: float) -> None:
        """See `IBreaker.answering`."""
        if isinstance(ticket, Trial) and not ticket.answering:
            ticket.answering = True
            ticket.since = now

    def settle(self, ticket: object, outcome: Outcome, now: float) -> None:
        """See `IBreaker.settle`."""
        if ticket is not self._ticket or not self.closed:
            self._settle_trial(ticket, outcome, now)
        elif outcome is _SUCCEEDED:
            self._row = 0
            if self._window is not None:
                self._look_back(False, now)
        elif outcome is _FAILED:
            self._failed(now)

    # -- from outside ---------------------------------------------------------

    @property
    def limits(self) -> BreakerLimits:
        """When it does what; may be exchanged at any time."""
        return self._limits

    @limits.setter
    def limits(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self._window = limits.window(self._window)
        if self._open_for:
            self._open_for = limits.open_time(self._open_for)

    @property
    def trials(self) -> int:
        """How many trials have a place now."""
        return len(self._trials)

    def look(self, now: float) -> Look:
        """Where it stands. Asking changes nothing."""
        window, closed, waits = self._window, self.closed, self.state is State.OPEN and not self.forced
        return Look(
            self.state,
            self.since,
            self.since + self._open_for if waits else None,
            self.forced,
            self.opened,
            self._row if closed else 0,
            window.failures if closed and window is not None else 0,
            len(window) if closed and window is not None else 0,
            self._trials.staying(now, self._limits.patience),
            self._good,
        )

    def force_open(self, now: float) -> None:
        """See `IBreaker.force_open`."""
        self.forced = True
        if self.state is not State.OPEN:
            self._open(now, "by hand")

    def force_close(self, now: float) -> None:
        """See `IBreaker.force_close`."""
        if not self.closed:
            self._close(now, "by hand")
            self._open_for = 0.0

    def retire(self) -> None:
        """It is not used any more, since the configuration does without: give back what it lent."""
        self._trials.end_all()

    # -- what follows ---------------------------------------------------------

    def _failed(self, now: float) -> None:
        self._row += 1
        if self._row >= self._limits.failure_threshold:
            self._open(now, f"after {_counted(self._row, 'failure')} in a row")
        elif self._window is not None:
            self._look_back(True, now)

    def _look_back(self, failed: bool, now: float) -> None:
        window = self._window
        assert window is not None
        window.add(failed)
        if window.failures and self._limits.too_many(window.failures, len(window)):
            failures, attempts = _counted(window.failures, "failure"), _counted(len(window), "attempt")
            self._open(now, f"after {failures} in {attempts}")

    def _settle_trial(self, ticket: object, outcome: Outcome, now: float) -> None:
        if not isinstance(ticket, Trial):
            return  # it began before the breaker did, or when that was closed another time
        if ticket.over:
            raise AlreadySettled("this trial was settled before")
        ticket.over = True
        if ticket in self._trials:
            self._ripen(now)
        if ticket not in self._trials:
            return  # it began in an earlier state
        self._trials.end(ticket, outcome)
        if outcome is _FAILED:
            self._open(now, "after a failed trial")
        elif outcome is _SUCCEEDED and not ticket.good:
            self._good += 1
            self._close_if_good(now)

    def _ripen(self, now: float) -> None:
        """Do what time alone does."""
        self._good += self._trials.ripen(now, self._limits.patience)
        self._close_if_good(now)

    def _close_if_good(self, now: float) -> None:
        if self._good >= self._limits.success_threshold:
            self._close(now, f"after {_counted(self._good, 'good trial')}")

    def _close(self, now: float, why: str) -> None:
        self.forced = False
        self._row = 0
        if self._window is not None:
            self._window.clear()
        self._ticket = object()
        self._enter(State.CLOSED, now, why)

    def _open(self, now: float, why: str) -> None:
        # Who opens soon after it has closed was closed too early: that counts as a failed trial does
        again = self.state is State.HALF_OPEN or now - self.since < self._open_for
        self._open_for = self._limits.next_open_time(self._open_for if again else 0.0)
        self.opened += 1
        self._enter(State.OPEN, now, why)

    def _enter(self, state: State, now: float, why: str) -> None:
        before, self.state = self.state, state
        self.closed = state is State.CLOSED
        self.since = now
        self._good = 0
        self._trials.end_all()
        if self.on_change is not None:
            self.on_change(Change(before, state, why))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
