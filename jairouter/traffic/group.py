"""A group: the instances of one model of one service, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from jairouter.traffic.exclusion import Exclusion, Reason

if TYPE_CHECKING:
    from jairouter.exchange import Exchange
    from jairouter.interfaces import IBalancer
    from jairouter.traffic.instance import Instance
    from jairouter.traffic.outliers import Outliers

Excluded = tuple[tuple["Instance", Exclusion], ...]
"""Instances that could not be used, and why."""


class Choice(NamedTuple):
    """What came of asking for an instance.

    Attributes:
        instance: To be used, or None.
        candidates: Among which it was chosen.
        excluded: The others, and why.
    """

    instance: Instance | None
    candidates: Sequence[Instance]
    excluded: Excluded = ()


class Group:
    """Chooses: which instances may be used at all, which tier of them, and which one.

    Args:
        instances: In configuration order.
        balancer: Chooses among candidates.
        panic: When fewer than this share of the instances are neither down nor ejected, all are used
            nevertheless; 0 for never.
        outliers: Watches their attempts, or None.
        key_of: Finds the key of an exchange for the balancer, or None where that wants none.
        again: Whether an instance may be tried again when all have been.

    Attributes:
        instances: All of them.
        outliers: As given.
        key_of: As given.
        again: As given.
    """

    __slots__ = ("_balancer", "_panic", "_tiers", "_usual", "again", "instances", "key_of", "outliers")

    def __init__(
        self,
        instances: Sequence[Instance],
        balancer: IBalancer,
        panic: float = 0.0,
        outliers: Outliers | None = None,
        key_of: Callable[[Exchange], bytes] | None = None,
        again: bool = False,
    ) -> None:
        self.instances = tuple(instances)
        self.outliers = outliers
        self.key_of = key_of
        self.again = again
        self._balancer = balancer
        self._panic = panic
        ranked = sorted((each for each in instances if each.weight), key=lambda each: each.priority)
        self._tiers = tuple(tuple(tier) for _, tier in groupby(ranked, key=lambda each: each.priority))
        self._usual = self._tiers[0] if self._tiers else ()

    def only(self, fits: Callable[[Instance], bool]) -> Group:
        """The part of it that fits; it lives the same life."""
        chosen = [each for each in self.instances if fits(each)]
        return Group(chosen, self._balancer, self._panic, self.outliers, self.key_of, self.again)

    def choose(self, now: float, key: bytes, tried: Collection[Instance] = ()) -> Choice:
        """Choose an instance for an attempt.

        Args:
            now: The clock's seconds.
            key: What equal requests have in common.
            tried: Instances that are not wanted again.
        """
        if not tried:
            usual = self._usual
            for each in usual:
                if each.live.suspect:
                    break
            else:
                return Choice(self._balancer.pick(usual, key), usual)
        excluded: list[tuple[Instance, Exclusion]] = []
        for tier in self._tiers:
            candidates = self._usable(tier, now, tried, excluded)
            picked = self._balancer.pick(candidates, key) if candidates else None
            if picked is not None:
                return Choice(picked, candidates, tuple(excluded))
        return Choice(None, (), tuple(excluded))

    def could_choose(self, now: float, tried: Collection[Instance]) -> bool:
        """Whether there is an instance for another attempt. Changes nothing that is lent out."""
        return any(self._usable(tier, now, () if self.again else tried, []) for tier in self._tiers)

    def _usable(
        self,
        tier: tuple[Instance, ...],
        now: float,
        tried: Collection[Instance],
        excluded: list[tuple[Instance, Exclusion]],
    ) -> list[Instance]:
        panic = self._panic > 0 and self._panics(now)
        usable = []
        for each in tier:
            why = _TRIED if each in tried else None
            if why is None and each.live.suspect:
                why = each.live.exclusion(now, panic=panic)
            if why is None:
                usable.append(each)
            else:
                excluded.append((each, why))
        return usable

    def _panics(self, now: float) -> bool:
        weighty = [each for tier in self._tiers for each in tier]
        believed = sum(1 for each in weighty if each.live.believed_up(now))
        return believed < self._panic * len(weighty)


_TRIED = Exclusion(Reason.TRIED)
