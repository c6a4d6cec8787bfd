"""What a change would have meant for recent requests: their records, replayed against the planned instances.

What it cannot know:

* Of the requests that went the usual way only a share is recorded, those that met with trouble all are. So
  the numbers lean towards trouble.
* Who gets how much is told by weights. Balancers that go by load or latency come close to them only while
  all instances are equally quick; with hashing it holds for requests whose key is not known.
* Instances that could not be used then (down, breaker open, cooling down, at their limit, tried before)
  count as unusable again. Those that nobody asked, being of a tier that was not needed, count as well.
* An instance that has too much under way hands some of its keys to the next one; nobody can know which.
* Limits, retries and fallbacks that would have followed are not replayed: each request is asked once more
  where it went last.
* Requests from before an earlier change were routed by what was configured then.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from jairouter.control import Rerouted
from jairouter.errors import ModelNotFound
from jairouter.filters.resolve import Groups, Services
from jairouter.routes import ROUTES
from jairouter.traffic.balancers.hashing import HashingBalancer
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.live import Live

if TYPE_CHECKING:
    from jairouter.exchange import Attempt, Route
    from jairouter.interfaces import IAdapter
    from jairouter.traffic.decision import Decision, Key
    from jairouter.traffic.group import Excluded, Group
    from jairouter.traffic.instance import Identity, Instance

_ROUTES: Final = {route.path: route for route in ROUTES}
_CONFIGURED: Final = frozenset({Reason.DRAINED, Reason.TIER})
"""Reasons that another configuration may take away."""


def rerouted(
    decisions: Sequence[Decision], before: Services, after: Services, adapter: IAdapter
) -> tuple[Rerouted, ...]:
    """Replay recent requests. Nothing that lives is changed: balancers are asked with copies.

    Args:
        decisions: The records.
        before: The instances in force.
        after: The planned ones.
        adapter: Knows which routes an instance speaks.

    Returns:
        For each model that there are records of, those with the most requests first.
    """
    replay = _Replay(before, after, adapter)
    for decision in decisions:
        replay.add(decision)
    several = [tally.result(*key) for key, tally in replay.tallies.items()]
    return tuple(sorted(several, key=lambda each: (-each.requests, each.service, each.model)))


class _Replay:
    """One replay.

    Attributes:
        tallies: What it comes to, by service and model.
    """

    def __init__(self, before: Services, after: Services, adapter: IAdapter) -> None:
        self.tallies: dict[tuple[str, str], _Tally] = {}
        self._groups = Groups(before, adapter), Groups(after, adapter)
        self._sides: dict[tuple[Route, str], tuple[_Side, _Side]] = {}

    def add(self, decision: Decision) -> None:
        """Replay one request, if instances had to do with it."""
        attempt = went_to(decision)
        excluded = attempt.excluded if attempt is not None else decision.excluded
        route = _ROUTES.get(decision.path)
        if route is None or (attempt is None and not excluded):
            return
        model = attempt.instance.name if attempt is not None else excluded[0][0].name
        now, then = self._both(route, model)
        tally = self.tallies.setdefault((decision.service, model), _Tally())
        tally.add(attempt.instance if attempt is not None else None, excluded, decision.key, now, then)

    def _both(self, route: Route, model: str) -> tuple[_Side, _Side]:
        sides = self._sides.get((route, model))
        if sides is None:
            now, then = (_Side(_group(each, route, model)) for each in self._groups)
            sides = self._sides[route, model] = now, then
        return sides


def went_to(decision: Decision) -> Attempt | None:
    """The last attempt of which an answer began, or else the last one; None if there was none."""
    for attempt in reversed(decision.attempts):
        if attempt.answered:
            return attempt
    return decision.attempts[-1] if decision.attempts else None


def _group(groups: Groups, route: Route, model: str) -> Group | None:
    try:
        return groups.group_of(route, model)
    except ModelNotFound:
        return None


class _Side:
    """The instances of one model in one configuration: copies, with lives of their own.

    Args:
        group: The instances; None where there are none.
    """

    def __init__(self, group: Group | None) -> None:
        self._group = group
        self._copies = [_copy(each) for each in (group.instances if group is not None else ())]
        self._known: dict[Identity, Instance] = {each.identity: each for each in self._copies}
        self._places = {_place(each): each for each in self._copies}
        self._candidates: dict[frozenset[Instance | None], tuple[Instance, ...]] = {}

    def find(self, instance: Instance) -> Instance | None:
        """The same one here: by its identity, else (it may have been given another id) by where it is."""
        return self._known.get(instance.identity) or self._places.get(_place(instance))

    def candidates(self, excluded: Excluded) -> tuple[Instance, ...]:
        """Who may get a request; those that could not be used then can not be now."""
        unusable = frozenset(self.find(each) for each, why in excluded if why.reason not in _CONFIGURED)
        found = self._candidates.get(unusable)
        if found is None:
            usable = [each for each in self._copies if each.weight and each not in unusable]
            best = min((each.priority for each in usable), default=0)
            found = tuple(each for each in usable if each.priority == best)
            self._candidates[unusable] = found
        return found

    def pick(self, candidates: tuple[Instance, ...], key: Key | None) -> Instance | None:
        """Who gets a request for certain; None if that depends on more than its key."""
        if len(candidates) == 1:
            return candidates[0]
        if key is None or self._group is None or not isinstance(self._group.balancer, HashingBalancer):
            return None  # (what a balancer that others have added remembers of being asked, nobody knows)
        value = key.for_keys_of(self._group.key_of)
        return self._group.balancer.pick(candidates, value) if value else None


class _Tally:
    """What the replay of one model's requests comes to."""

    def __init__(self) -> None:
        self._requests = self._elsewhere = self._refused = 0
        self._before: Counter[str] = Counter()
        self._picked: Counter[str] = Counter()
        self._by_weight: Counter[tuple[Instance, ...]] = Counter()

    def add(
        self, went: Instance | None, excluded: Excluded, key: Key | None, now: _Side, then: _Side
    ) -> None:
        """Count one request.

        Args:
            went: Where it went.
            excluded: Who could not be used, and why.
            key: What its balancer went by.
            now: The instances in force.
            then: The planned ones.
        """
        self._requests += 1
        same = then.find(went) if went is not None else None
        if went is not None:
            self._before[(same or went).label] += 1
        candidates = then.candidates(excluded)
        if not candidates:
            self._refused += 1
            return
        picked = then.pick(candidates, key)
        if picked is not None:
            self._picked[picked.label] += 1
        else:
            self._by_weight[candidates] += 1
        if went is not None:
            moved = picked is not None and _moved(now.pick(now.candidates(excluded), key), picked)
            # Where it went may be gone, or get nothing, already: that is not for the planned change
            lost = same not in candidates and now.find(went) in now.candidates(excluded)
            self._elsewhere += lost or moved

    def result(self, service: str, model: str) -> Rerouted:
        """What it comes to."""
        after: dict[str, float] = dict(self._picked)
        for candidates, requests in self._by_weight.items():
            total = sum(each.weight for each in candidates)
            for each in candidates:
                after[each.label] = after.get(each.label, 0.0) + requests * each.weight / total
        shares = {
            label: (self._share(self._before[label]), self._share(after.get(label, 0.0)))
            for label in dict.fromkeys((*self._before, *after))
        }
        return Rerouted(service, model, self._requests, self._elsewhere, self._refused, shares)

    def _share(self, requests: float) -> float:
        return round(requests / self._requests, 4)


def _moved(before: Instance | None, after: Instance) -> bool:
    """Whether a key has come to another instance; where it went may have been another one, from overload."""
    return before is not None and before.identity != after.identity and _place(before) != _place(after)


def _copy(instance: Instance) -> Instance:
    """The same instance with a life of its own."""
    copied = copy.copy(instance)  # (making one anew would take the label that was made up for a given one)
    copied.live = Live(float(instance.weight))
    return copied


def _place(instance: Instance) -> tuple[str, str, str | None]:
    return instance.name, instance.base_url, instance.path
