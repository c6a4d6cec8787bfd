r"""What is known about an instance while the gateway runs, and who may change it.

The settings of an instance are one thing (`Instance`), its life is another: it survives a reload of the
configuration. It is told what happens here (`acquire`, `settle`, `probed`, `cool`) and says whether the
instance may be used (`exclusion`).

Nearly always nothing is wrong with an instance, so there is one flag for that, `suspect`. It is raised by
whatever may exclude the instance or lessen its share, and taken down by `exclusion` when it finds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.exchange import Outcome
from jairouter.traffic.exclusion import Exclusion, Reason

if TYPE_CHECKING:
    from jairouter.interfaces import IBreaker, ILimiter
    from jairouter.traffic.health import Health
    from jairouter.traffic.latency import PeakEwma

LEAST_SHARE = 0.1
"""Of its weight, for an instance that has just recovered."""


class Live:
    """The life of one instance.

    Args:
        weight: Configured.

    Attributes:
        in_flight: Attempts under way.
        share: What balancers go by: the weight, less while the instance starts slowly.
        suspect: Whether it must be asked before it is used.
        weight: Configured.
        slow_start: Seconds in which a recovered instance comes back to its weight.
        breaker: Its circuit breaker, or None.
        health: What its probes say, or None.
        limiter: Its own limit, or None.
        latency: Of its answers, or None where no balancer asks.
        turn: How many picks its balancer owes it, for balancers that go by turns.
        memo: What else its balancer keeps about it; nobody else touches it. Kept here, it is gone when the
            instance is.
        ejected_until: Left out as an outlier, in the clock's seconds.
        cooling_until: Left alone because it throttles, likewise.
    """

    __slots__ = (
        "_recovered",
        "breaker",
        "cooling_until",
        "ejected_until",
        "health",
        "in_flight",
        "latency",
        "limiter",
        "memo",
        "share",
        "slow_start",
        "suspect",
        "turn",
        "weight",
    )

    def __init__(self, weight: float = 1.0) -> None:
        self.in_flight = 0
        self.weight = self.share = weight
        self.suspect = False
        self.slow_start = 0.0
        self.breaker: IBreaker | None = None
        self.health: Health | None = None
        self.limiter: ILimiter | None = None
        self.latency: PeakEwma | None = None
        self.turn = 0.0
        self.memo: object = None
        self.ejected_until = self.cooling_until = 0.0
        self._recovered: float | None = None

    # -- what happens ---------------------------------------------------------

    def acquire(self, now: float) -> object:
        """An attempt begins. Returns a ticket for `settle`."""
        self.in_flight += 1
        return None if self.breaker is None else self.breaker.acquire(now)

    def settle(self, ticket: object, outcome: Outcome, now: float) -> None:
        """An attempt is over; called once for each `acquire`."""
        self.in_flight -= 1
        breaker = self.breaker
        if breaker is not None:
            was_closed = breaker.closed
            breaker.settle(ticket, outcome, now)
            if not breaker.closed:
                self.suspect = True
            elif not was_closed:
                self.recover(now)

    def probed(self, good: bool, now: float) -> bool:
        """A probe is over. Returns whether the instance is now up where it was down, or the other way."""
        health = self.health
        if health is None or not health.probed(good):
            return False
        if health.up:
            self.recover(now)
        else:
            self.suspect = True
        return True

    def cool(self, until: float) -> None:
        """Leave it alone for a while: it throttles."""
        self.cooling_until = max(self.cooling_until, until)
        self.suspect = True

    def eject(self, until: float) -> None:
        """Leave it out for a while: it is an outlier."""
        self.ejected_until = until
        self.suspect = True

    def recover(self, now: float) -> None:
        """It is back, and begins with less than its share."""
        self._recovered = now
        self.suspect = True

    def recheck(self) -> None:
        """Something about it has changed from outside: ask before it is used."""
        self.suspect = True

    # -- what follows ---------------------------------------------------------

    def exclusion(self, now: float, *, panic: bool = False) -> Exclusion | None:
        """Why it may not be used now, or None; brings `share` up to date.

        Args:
            now: The clock's seconds.
            panic: Do not believe probes and ejections.
        """
        why = self._troubled(now, panic)
        if why is not None:
            return why
        if self.limiter is not None:
            wait = self.limiter.refusal(now)
            if wait:
                return Exclusion(Reason.LIMITED, now + wait)
        warm = self._warm(now)
        self.suspect = not warm or self.limiter is not None or not self._sound()
        return None

    def _troubled(self, now: float, panic: bool) -> Exclusion | None:
        if not panic and self.health is not None and not self.health.up:
            return Exclusion(Reason.DOWN)
        if self.breaker is not None and not self.breaker.closed:
            excluded = self.breaker.exclusion(now)
            if excluded is not None:
                return excluded
        if self.ejected_until:
            if now >= self.ejected_until:
                self.ejected_until = 0.0
                self._recovered = now
            elif not panic:
                return Exclusion(Reason.EJECTED, self.ejected_until)
        if now < self.cooling_until:
            return Exclusion(Reason.COOLING, self.cooling_until)
        return None

    def _sound(self) -> bool:
        """Whether nothing but time and its own limit could exclude it."""
        down = self.health is not None and not self.health.up
        broken = self.breaker is not None and not self.breaker.closed
        return not (down or broken or self.ejected_until)

    def believed_up(self, now: float) -> bool:
        """Whether neither probes nor ejections speak against it; for the panic threshold."""
        return (self.health is None or self.health.up) and self.ejected_until <= now

    def _warm(self, now: float) -> bool:
        """Whether it has its full share."""
        if self._recovered is None:
            return True
        part = (now - self._recovered) / self.slow_start if self.slow_start else 1.0
        if part >= 1:
            self._recovered = None
            self.share = self.weight
            return True
        self.share = self.weight * max(part, LEAST_SHARE)
        return False
