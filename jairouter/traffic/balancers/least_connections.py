"""The candidate with the least under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer
from jairouter.traffic.balancers.round_robin import take_turn

if TYPE_CHECKING:
    from jairouter.traffic.instance import Instance


@implementer(IBalancer)
class LeastConnectionsBalancer:
    """Picks the candidate with the fewest attempts under way for its weight.

    With weights 3 and 1, three attempts under way at the first weigh as much as one at the second. Those that
    are equal, as all of them are while nothing is under way, take turns (as in nginx's `least_conn`).
    """

    affinity = Affinity.NONE

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """See `IBalancer.pick`."""
        least = float("inf")
        equals: list[Instance] = []
        for each in candidates:
            live = each.live
            share = live.share
            if share:
                load = live.in_flight / share
                if load < least:
                    least = load
                    equals = [each]
                elif load == least:
                    equals.append(each)
        if len(equals) > 1:
            return take_turn(equals)
        return equals[0] if equals else None
