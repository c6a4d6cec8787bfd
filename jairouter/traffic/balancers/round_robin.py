"""Smooth weighted round-robin, as in nginx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer

if TYPE_CHECKING:
    from jairouter.traffic.instance import Instance

_TIE = 1e-9  # far more than rounding makes of equal turns, far less than a turn


def take_turn(candidates: Sequence[Instance]) -> Instance | None:
    """Pick the candidate to which most is owed.

    With every pick each candidate is owed its part of one pick more, and the one picked a whole one less
    (nginx, ngx_http_upstream_round_robin.c; the first of equals). With weights 3 and 1, as owed before each
    pick::

        A 0.75  B 0.25  -> A        A 0.25  B 0.75  -> B
        A 0.50  B 0.50  -> A        A 1.00  B 0.00  -> A

    nginx counts in weights instead: there, who was picked in company of an instance of weight 1000 and is
    then left alone with one of weight 1, waits for hundreds of picks. Picks mean the same in any company, so
    that one who is new, or was away for long, is neither ahead nor behind by more than a pick or two.
    """
    total = 0.0
    for each in candidates:
        total += each.live.share
    if not total:
        return None
    picked = candidates[0]
    most = -float("inf")
    for each in candidates:
        live = each.live
        share = live.share
        if share:
            live.turn = turn = live.turn + share / total
            if turn > most:
                most = turn + _TIE
                picked = each
    picked.live.turn -= 1.0
    return picked


@implementer(IBalancer)
class RoundRobinBalancer:
    """One after the other, as often as their weights say, and as evenly: 3 and 1 give A A B A."""

    affinity = Affinity.NONE

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """See `IBalancer.pick`."""
        if len(candidates) == 1:
            return candidates[0] if candidates[0].live.share else None
        return take_turn(candidates)
