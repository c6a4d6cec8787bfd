"""A group: the instances of one model of one service, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from jairouter.traffic.exclusion import Exclusion, Reason

if TYPE_CHECKING:
    from jairouter.exchange import Exchange
    from jairouter.interfaces import IBalancer
    from jairouter.traffic.cool_down import CoolDown
    from jairouter.traffic.instance import Instance
    from jairouter.traffic.live import Seen
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


class Outlook(NamedTuple):
    """Where a request would go that came now, for somebody who only looks on.

    Attributes:
        panic: Whether instances are used that are thought to be down, because too many are.
        candidates: Among which one would be chosen.
        excluded: The others, and why.
        seen: What is known about each instance.
    """

    panic: bool
    candidates: tuple[Instance, ...]
    excluded: Mapping[Instance, Exclusion]
    seen: Mapping[Instance, Seen]


class Group:
    """Chooses: which instances may be used at all, which tier of them, and which one.

    Args:
        instances: In configuration order.
        balancer: Chooses among candidates.
        panic: When fewer than this share of the instances are neither down nor ejected, all are used
            nevertheless, a tier of which nobody is up after those of which somebody is; 0 for never.
        outliers: Watches their attempts, or None.
        key_of: Finds the key of an exchange for the balancer, or None where that wants none.
        again: Whether an instance may be tried again when all have been.
        cool_down: Says how long an instance rests that throttles, or None for not at all.

    Attributes:
        instances: All of them.
        outliers: As given.
        key_of: As given.
        again: As given.
        cool_down: As given.
    """

    __slots__ = (
        "_balancer",
        "_choices",
        "_drained",
        "_panic",
        "_tiers",
        "_usual",
        "again",
        "cool_down",
        "instances",
        "key_of",
        "outliers",
    )

    def __init__(
        self,
        instances: Sequence[Instance],
        balancer: IBalancer,
        panic: float = 0.0,
        outliers: Outliers | None = None,
        key_of: Callable[[Exchange], bytes] | None = None,
        again: bool = False,
        cool_down: CoolDown | None = None,
    ) -> None:
        self.instances = tuple(instances)
        self.outliers = outliers
        self.key_of = key_of
        self.again = again
        self.cool_down = cool_down
        self._balancer = balancer
        self._panic = panic
        ranked = sorted((each for each in instances if each.weight), key=lambda each: each.priority)
        self._tiers = tuple(tuple(tier) for _, tier in groupby(ranked, key=lambda each: each.priority))
        self._usual = self._tiers[0] if self._tiers else ()
        self._drained: Excluded = tuple((each, _DRAINED) for each in instances if not each.weight)
        others = self._drained + _not_needed(self._tiers[1:])
        self._choices = {each: Choice(each, self._usual, others) for each in self._usual}  # nearly always

    @property
    def balancer(self) -> IBalancer:
        """Chooses among candidates."""
        return self._balancer

    def only(self, fits: Callable[[Instance], bool]) -> Group:
        """The part of it that fits; it lives the same life."""
        chosen = [each for each in self.instances if fits(each)]
        return Group(
            chosen, self._balancer, self._panic, self.outliers, self.key_of, self.again, self.cool_down
        )

    def choose(
        self, now: float, key: bytes, tried: Collection[Instance] = (), busy: Collection[Instance] = ()
    ) -> Choice:
        """Choose an instance for an attempt.

        Args:
            now: The clock's seconds.
            key: What equal requests have in common.
            tried: Instances that are not wanted again, unless the group wants that and there is no other.
            busy: Those of them with attempts still under way; they are not wanted in any case.
        """
        if not tried:
            usual = self._usual
            for each in usual:
                if each.live.suspect:
                    break
            else:
                picked = self._balancer.pick(usual, key)
                if picked is not None:
                    return self._choices[picked]
        choice = self._choose_with_care(now, key, tried)
        if choice.instance is None and tried and self.again:
            return self._choose_with_care(now, key, busy)
        return choice

    def _choose_with_care(self, now: float, key: bytes, tried: Collection[Instance]) -> Choice:
        panic, tiers = self._in_order(lambda each: each.live.believed_up(now))
        excluded = list(self._drained)
        for rank, tier in enumerate(tiers):
            candidates = _usable(tier, now, panic, tried, excluded)
            picked = self._balancer.pick(candidates, key) if candidates else None
            if picked is not None:
                excluded.extend(_not_needed(tiers[rank + 1 :]))
                return Choice(picked, candidates, tuple(excluded))
        return Choice(None, (), tuple(excluded))

    def could_choose(self, now: float, tried: Collection[Instance], busy: Collection[Instance] = ()) -> bool:
        """Whether there is an instance for another attempt. Changes nothing that is lent out.

        Args:
            now: The clock's seconds.
            tried: Instances that are not wanted again, unless the group wants that.
            busy: Those of them with attempts still under way; they are not wanted in any case.
        """
        unwanted = busy if self.again else tried
        panic, tiers = self._in_order(lambda each: each.live.believed_up(now))
        return any(_usable(tier, now, panic, unwanted, []) for tier in tiers)

    def outlook(self, now: float) -> Outlook:
        """Say what `choose` would choose from for a first attempt. Asking changes nothing."""
        seen = {each: each.live.seen(now) for each in self.instances}
        panic, tiers = self._in_order(lambda each: _believed_up(each, seen[each]))
        if panic:
            seen = {each: each.live.seen(now, panic=True) for each in self.instances}
        candidates: tuple[Instance, ...] = ()
        excluded = dict(self._drained)
        for tier in tiers:
            needed, usable = not candidates, []
            for each in tier:
                why = seen[each].why if needed else _NOT_NEEDED
                if why is not None:
                    excluded[each] = why
                elif seen[each].share:
                    usable.append(each)
                else:
                    excluded[each] = _DRAINED
            candidates = candidates or tuple(usable)
        return Outlook(panic, candidates, excluded, seen)

    def _in_order(self, believed_up: Callable[[Instance], bool]) -> tuple[bool, Sequence[Tier]]:
        """Whether it panics, and the tiers in the order in which they are asked."""
        tiers = self._tiers
        if not self._panic:
            return False, tiers
        believed = {tier: sum(map(believed_up, tier)) for tier in tiers}
        if sum(believed.values()) >= self._panic * sum(map(len, tiers)) - 1e-9:  # 0.07 * 100 is more than 7
            return False, tiers
        # Else those that do answer would wait behind a better tier of which nobody does
        return True, sorted(tiers, key=lambda tier: not believed[tier])


Tier = tuple["Instance", ...]
"""Instances of equal priority."""

_TRIED = Exclusion(Reason.TRIED)
_DRAINED = Exclusion(Reason.DRAINED)
_NOT_NEEDED = Exclusion(Reason.TIER)


def _usable(
    tier: tuple[Instance, ...],
    now: float,
    panic: bool,
    tried: Collection[Instance],
    excluded: list[tuple[Instance, Exclusion]],
) -> list[Instance]:
    """The instances of a tier that may be used; the others are added to `excluded`."""
    usable = []
    for each in tier:
        why = _TRIED if each in tried else None
        if why is None and each.live.suspect:
            why = each.live.exclusion(now, panic=panic)
        if why is None and not each.live.share:
            why = _DRAINED  # by a reload, after this exchange came
        if why is None:
            usable.append(each)
        else:
            excluded.append((each, why))
    return usable


def _believed_up(instance: Instance, seen: Seen) -> bool:
    """What `Live.believed_up` would say."""
    health = instance.live.health
    return (health is None or health.up) and not seen.ejected_until


def _not_needed(tiers: Sequence[Sequence[Instance]]) -> Excluded:
    return tuple((each, _NOT_NEEDED) for tier in tiers for each in tier)
