"""Instances that are in trouble of some kind."""

from __future__ import annotations

from jairouter.exchange import Outcome
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from jairouter.traffic.live import Live
from jairouter.traffic.permits import Ledger


def with_breaker(live: Live, ledger: Ledger | None = None) -> Breaker:
    """Give it one that opens with the first failure, for a minute, and closes with the first good trial."""
    limits = BreakerLimits(failure_threshold=1, success_threshold=1, recovery_timeout=60.0)
    live.breaker = breaker = Breaker(limits, ledger or Ledger())
    live.recheck()
    return breaker


def attempt(live: Live, outcome: Outcome, now: float) -> None:
    """One from beginning to end."""
    live.settle(live.acquire(now), outcome, now)


def break_(instance: Instance, now: float = 0.0) -> None:
    """Let its breaker open, for a minute."""
    with_breaker(instance.live)
    attempt(instance.live, Outcome.FAILED, now)


def take_down(instance: Instance, now: float = 0.0) -> None:
    """Let its probes find it down; the next good one finds it up."""
    instance.live.health = Health(1, 1)
    instance.live.probed(False, now)
