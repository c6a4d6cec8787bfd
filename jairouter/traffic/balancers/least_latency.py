"""The better of two, by how soon they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer
from jairouter.traffic.latency import PeakEwma

if TYPE_CHECKING:
    from random import Random

    from jairouter.traffic.instance import Instance
    from jairouter.traffic.live import Live

ALIKE = 0.2
"""Costs that differ by no more than this part of the greater one count as equal."""


@implementer(IBalancer)
class LeastLatencyBalancer:
    """Looks at two candidates at random, and picks the one that costs less.

    Two are enough: the longest queue is nearly as short as if all had been compared, and gateways that know
    nothing of each other do not all run to the same instance (Mitzenmacher 2001, "The Power of Two Choices").

    The cost is that of Finagle's PeakEwma: time to the first byte x (attempts under way + 1) / weight. What
    is known of the time fades (`PeakEwma.belief`), into what is known of the two together. So an instance
    that was slow long ago, or was never measured, counts as no slower than the other one, and gets a try;
    while that is under way it costs twice as much, and so does not get all that comes.

    Args:
        random: Chooses the two.
        seconds: The clock.
    """

    affinity = Affinity.NONE

    def __init__(self, random: Random, seconds: Callable[[], float]) -> None:
        self._random = random.random
        self._seconds = seconds

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """See `IBalancer.pick`."""
        number = len(candidates)
        if number < 2:
            return candidates[0] if number and candidates[0].live.share else None
        first = int(self._random() * number)
        second = int(self._random() * (number - 1))
        one, other = candidates[first], candidates[second + (second >= first)]
        if one.live.share and other.live.share:
            return one if self._prefers(one.live, other.live) else other
        return self.pick([each for each in candidates if each.live.share], key)

    def _prefers(self, one: Live, other: Live) -> bool:
        a, b = one.latency, other.latency
        if a is None or b is None:
            a = one.latency = a or PeakEwma()
            b = other.latency = b or PeakEwma()
        now = self._seconds()
        trust_a, trust_b = a.belief(now), b.belief(now)
        trust = trust_a + trust_b
        # What is known of the two together; any number will do for both where nothing is
        known = (trust_a * a.seconds + trust_b * b.seconds) / trust if trust else 1.0
        cost = (known + trust_a * (a.seconds - known)) * (one.in_flight + 1) * other.share
        other_cost = (known + trust_b * (b.seconds - known)) * (other.in_flight + 1) * one.share
        # Of equals the one that chance named first. So one whose slowness has faded is tried at all.
        return cost - other_cost <= ALIKE * cost
