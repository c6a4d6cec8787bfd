"""The ring of consistent hashing: places for instances, and the way from one to the next."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.traffic.instance import Instance


class Ring:
    """Instances on a ring of 2**64 points, each at many places.

    It may have members that are not among the candidates: passing them by leads to the same place as a ring
    without them would.

    Args:
        members: The instances.
        places: Of each member. Those of lower position count longer while its share is less than its weight.

    Attributes:
        members: As given.
        known: The same, as a set.
    """

    __slots__ = ("_owners", "_points", "_ranks", "known", "members")

    def __init__(self, members: Sequence[Instance], places: Sequence[Sequence[int]]) -> None:
        self.members = tuple(members)
        self.known = frozenset(members)
        points = [point for several in places for point in several]
        owners = [owner for owner, several in enumerate(places) for _ in several]
        ranks = [index / len(several) for several in places for index in range(len(several))]
        order = sorted(range(len(points)), key=points.__getitem__)
        # Packed: a million places take 16 MB instead of 100
        self._points = array("Q", [points[index] for index in order])
        self._owners = array("I", [owners[index] for index in order])
        self._ranks = array("f", [ranks[index] for index in order])

    @property
    def size(self) -> int:
        """How many places there are on it."""
        return len(self._points)

    def at(self, point: int) -> int:
        """The position of the first place at a point or behind it."""
        position = bisect_left(self._points, point)
        return position if position < len(self._points) else 0

    def owner(self, position: int) -> Instance:
        """Whose place it is."""
        return self.members[self._owners[position]]

    def walk(self, position: int, candidates: Sequence[Instance], factor: float) -> Instance | None:
        """Go on from a place to the first one whose owner has room.

        Nobody may have more than `factor` times its share of all that is under way, this attempt included
        (Mirrokni, Thorup and Zadimoghaddam 2016, "Consistent Hashing with Bounded Loads"). Since the factor
        is not below 1, there is always somebody with room.

        Args:
            position: Where to begin.
            candidates: Who may be found; all of them members.
            factor: At least 1.

        Returns:
            One of the candidates, or None when all are of share 0.
        """
        share, under_way = 0.0, 1
        for each in candidates:
            if each.live.share:
                share += each.live.share
                under_way += each.live.in_flight
        if not share:
            return None
        room = factor * under_way / share
        parts: dict[int, float] = {}
        members, owners, ranks = self.members, self._owners, self._ranks
        end = len(owners)
        for step in range(position - end, position):  # counted from the end, it wraps by itself
            owner = owners[step]
            part = parts.get(owner)
            if part is None:
                part = parts[owner] = _part(members[owner], candidates, room)
            if ranks[step] < part:
                return members[owner]
        return None  # not reached: the first place of each member has rank 0


def _part(instance: Instance, candidates: Sequence[Instance], room: float) -> float:
    """Which part of its places count now: none where it has no room, fewer while it starts slowly."""
    live = instance.live
    if instance not in candidates or live.in_flight >= room * live.share:
        return 0.0
    return live.share / live.weight
