r"""What is known about an instance while the gateway runs, and who may change it.

The settings of an instance are one thing (`Instance`), its life is another: it survives a reload of the
configuration. It is told what happens here (`acquire`, `settle`, `probed`, `cool`) and says whether the
instance may be used (`exclusion`).

Nearly always nothing is wrong with an instance, so there is one flag for that, `suspect`. It is raised by
whatever may exclude the instance or lessen its share, and taken down by `exclusion` when it finds nothing.

The clock may be set back. Whatever was to last until a time is over when the clock shows one before it began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jairouter.exchange import Outcome
from jairouter.traffic.exclusion import Exclusion, Reason

if TYPE_CHECKING:
    from jairouter.interfaces import IBreaker, ILimiter
    from jairouter.traffic.health import Health
    from jairouter.traffic.latency import PeakEwma

LEAST_SHARE = 0.1
"""Of its weight, for an instance that has just recovered."""


class Seen(NamedTuple):
    """What the life of an instance looks like to somebody who only looks on.

    Attributes:
        why: Why it may not be used now, or None.
        share: What balancers go by.
        warm_in: Seconds until that is its weight, while it starts slowly; else 0.
        ejected_until: In the clock's seconds; 0 when it is not.
        cooling_until: Likewise.
    """

    why: Exclusion | None
    share: float
    warm_in: float
    ejected_until: float
    cooling_until: float


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
        ejected_until: Left out as an outlier, in the clock's seconds; 0 when it is not.
        cooling_until: Left alone because it throttles, likewise.
        failures: Attempts in a row that have failed since it was left out last. Written by `Outliers`.
        ejections: How often in a row it was left out. Likewise.
        returned: When it was there again, in the clock's seconds.
    """

    __slots__ = (
        "_cooling_since",
        "_ejected_since",
        "_recovered",
        "breaker",
        "cooling_until",
        "ejected_until",
        "ejections",
        "failures",
        "health",
        "in_flight",
        "latency",
        "limiter",
        "memo",
        "returned",
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
        self.ejected_until = self.cooling_until = self.returned = 0.0
        self.failures = self.ejections = 0
        self._ejected_since = self._cooling_since = 0.0
        self._recovered: float | None = None

    # -- what happens ---------------------------------------------------------

    def acquire(self, now: float) -> object:
        """An attempt begins. Returns a ticket for `settle`."""
        self.in_flight += 1
        breaker = self.breaker
        if breaker is None:
            return None
        if breaker.closed:
            return breaker.acquire(now)
        ticket = breaker.acquire(now)
        self._breaker_moved(breaker, now)
        return ticket

    def answering(self, ticket: object, now: float) -> None:
        """A 2xx answer has begun; need not be told of an instance that is not `suspect`."""
        if self.breaker is not None and not self.breaker.closed:
            self.breaker.answering(ticket, now)

    def settle(self, ticket: object, outcome: Outcome, now: float) -> None:
        """An attempt is over; called once for each `acquire`."""
        self.in_flight -= 1
        breaker = self.breaker
        if breaker is not None:
            was_closed = breaker.closed
            breaker.settle(ticket, outcome, now)
            if not (was_closed and breaker.closed):
                self._breaker_moved(breaker, now)

    def _breaker_moved(self, breaker: IBreaker, now: float) -> None:
        """A breaker that was not closed, or is not."""
        if breaker.closed:
            self.recover(now)
        else:
            self.suspect = True

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

    def cool(self, until: float, now: float = 0.0) -> None:
        """Leave it alone for a while: it throttles."""
        if until > self.cooling_until or now < self._cooling_since:
            self.cooling_until = until
        self._cooling_since = now
        self.suspect = True

    def eject(self, until: float, now: float) -> None:
        """Leave it out for a while: it is an outlier."""
        self.ejected_until = until
        self._ejected_since = now
        self.suspect = True

    def force_open(self, now: float) -> None:
        """Open its breaker by hand, if it has one."""
        if self.breaker is not None:
            self.breaker.force_open(now)
            self.suspect = True

    def force_close(self, now: float) -> None:
        """Close its breaker by hand, if it has one."""
        if self.breaker is not None and not self.breaker.closed:
            self.breaker.force_close(now)
            self.recover(now)

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
        why = self._why_not(now, panic)
        warm = self._warm(now)
        self.suspect = why is not None or not warm or self.limiter is not None or not self._sound()
        return why

    def _why_not(self, now: float, panic: bool) -> Exclusion | None:
        ejected = self.ejected(now)  # always asked: it notes the end
        if not panic and self.health is not None and not self.health.up:
            return Exclusion(Reason.DOWN)
        if self.breaker is not None and not self.breaker.closed:
            excluded = self.breaker.exclusion(now)
            if excluded is not None:
                return excluded
        if ejected and not panic:
            return Exclusion(Reason.EJECTED, self.ejected_until)
        if self._cooling(now):
            return Exclusion(Reason.COOLING, self.cooling_until)
        if self.limiter is not None:
            wait = self.limiter.refusal(now)
            if wait:
                return Exclusion(Reason.LIMITED, now + wait)
        return None

    def seen(self, now: float, *, panic: bool = False) -> Seen:
        """What `exclusion` would say, and what it would leave behind. Asking changes nothing."""
        if not self.suspect:
            return Seen(None, self.share, 0.0, 0.0, 0.0)
        other = Live.__new__(Live)  # it is asked in place of this one, so that both always say the same
        for name in Live.__slots__:
            setattr(other, name, getattr(self, name))
        other.limiter = None
        why = other.exclusion(now, panic=panic)
        if why is None and self.limiter is not None:
            wait = self.limiter.foretell(now)
            why = Exclusion(Reason.LIMITED, now + wait) if wait else None
        warm_in = 0.0 if other._recovered is None else other._recovered + self.slow_start - now
        return Seen(
            why, other.share, warm_in, other.ejected_until, self.cooling_until if self._cooling(now) else 0.0
        )

    def believed_up(self, now: float) -> bool:
        """Whether neither probes nor ejections speak against it; for the panic threshold."""
        return (self.health is None or self.health.up) and not self.ejected(now)

    def dependable(self, now: float) -> bool:
        """Whether it takes all the traffic that it is given, its own limit left out of account."""
        return not self.suspect or not (self.ejected(now) or self._cooling(now) or not self._sound())

    def _sound(self) -> bool:
        """Whether nothing but time and its own limit could exclude it."""
        down = self.health is not None and not self.health.up
        broken = self.breaker is not None and not self.breaker.closed
        return not (down or broken or self.ejected_until)

    def ejected(self, now: float) -> bool:
        """Whether it is left out as an outlier."""
        if not self.ejected_until:
            return False
        if self._ejected_since <= now < self.ejected_until:
            return True
        # It was back at that time, if nobody has asked since, unless the clock was set back
        self.returned = min(now, self.ejected_until)
        self.ejected_until = 0.0
        if self._recovered is None or self._recovered < self.returned:
            self._recovered = self.returned
        return False

    def _cooling(self, now: float) -> bool:
        return self._cooling_since <= now < self.cooling_until

    def _warm(self, now: float) -> bool:
        """Whether it has its full share; brings that up to date."""
        if self._recovered is None:
            return True
        self._recovered = min(self._recovered, now)  # where the clock was set back it begins again
        part = (now - self._recovered) / self.slow_start if self.slow_start else 1.0
        if part >= 1:
            self._recovered = None
            self.share = self.weight
            return True
        self.share = self.weight * max(part, LEAST_SHARE)
        return False
