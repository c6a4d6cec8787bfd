"""Instances to choose from, and what the tests of all balancers ask about their picks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from jairouter.interfaces import IBalancer
from jairouter.traffic.instance import Instance


def crowd(*weights: int, name: str = "m") -> list[Instance]:
    """One instance of each weight."""
    return [
        Instance("chat", name, f"http://10.0.0.{number}:9000", weight=weight)
        for number, weight in enumerate(weights)
    ]


def picked(balancer: IBalancer, candidates: Sequence[Instance], key: bytes = b"") -> Instance:
    """The one that is picked; there must be one, it must be a candidate, and not be drained."""
    pick = balancer.pick(candidates, key)
    assert pick is not None, "nobody was picked"
    assert pick in candidates, "somebody else was picked"
    assert pick.live.share > 0, "a drained instance was picked"
    return pick


def letters(balancer: IBalancer, candidates: Sequence[Instance], number: int) -> str:
    """So many picks, as letters in the order of the candidates."""
    return "".join("ABCDEFGHIJ"[candidates.index(picked(balancer, candidates))] for _ in range(number))


def shares(picks: Iterable[Instance]) -> Counter[str]:
    """How many picks each got, by address."""
    return Counter(each.base_url for each in picks)


def nobody(balancer: IBalancer) -> bool:
    """Whether nobody is picked where nobody may be: no candidates, one drained, two drained."""
    return all(balancer.pick(crowd(*weights), b"k") is None for weights in ((), (0,), (0, 0)))
