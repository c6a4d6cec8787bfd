"""Weighted random choice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer

if TYPE_CHECKING:
    from random import Random

    from jairouter.traffic.instance import Instance


@implementer(IBalancer)
class RandomBalancer:
    """Chooses each candidate with a probability proportional to its weight.

    Weights 3 and 1 give the first candidate three requests in four. A candidate of weight 0 is drained:
    it is never chosen.

    Args:
        random: The source of randomness; a seeded one makes the choices repeatable.
    """

    affinity = Affinity.NONE

    def __init__(self, random: Random) -> None:
        self._random = random

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """See `IBalancer.pick`."""
        if len(candidates) == 1:
            return candidates[0] if candidates[0].live.share else None
        cumulative = list(accumulate([candidate.live.share for candidate in candidates]))
        if not cumulative or cumulative[-1] == 0:
            return None
        point = self._random.random() * cumulative[-1]
        return candidates[bisect_right(cumulative, point)]
