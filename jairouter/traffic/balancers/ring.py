"""The ring of consistent hashing: places for instances, and the way from one to the next."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.traffic.instance import Instance

# A place is 48 bits of where it is and 16 bits of whose it is, so that a ring is one array of numbers
_OWNER = 0xFFFF
_WHOLE = 2**64
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: multiplying by it scatters (Knuth, volume 3, 6.4)


class Ring:
    """Instances on a ring of 2**64 points, each at many places.

    It may have members that are not among the candidates: passing them by leads to the same place as a ring
    without them would.

    Args:
        members: The instances, 65536 at most.
        points: Where the places of each member are.

    Attributes:
        members: As given.
        known: The same, as a set.
    """

    __slots__ = ("_places", "known", "members")

    def __init__(self, members: Sequence[Instance], points: Sequence[Sequence[int]]) -> None:
        self.members = tuple(members)
        self.known = frozenset(members)
        places = [point & ~_OWNER | owner for owner, several in enumerate(points) for point in several]
        places.sort()
        self._places = array("Q", places)

    @property
    def size(self) -> int:
        """How many places there are on it."""
        return len(self._places)

    def at(self, point: int) -> int:
        """The position of the first place at a point or behind it."""
        position = bisect_left(self._places, point & ~_OWNER)
        return position if position < len(self._places) else 0

    def owner(self, position: int) -> Instance:
        """Whose place it is."""
        return self.members[self._places[position] & _OWNER]

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
        places = self._places
        last = None
        for step in range(position - len(places), position):  # counted from the end, it wraps by itself
            place = places[step]
            owner = place & _OWNER
            part = parts.get(owner)
            if part is None:
                part = parts[owner] = _part(self.members[owner], candidates, room)
            if part == 1 or (part and (place & ~_OWNER) * _GOLDEN % _WHOLE < part * _WHOLE):
                return self.members[owner]
            if part:
                last = self.members[owner]
        return last  # all who have room start slowly, and none of their few places counts yet


def _part(instance: Instance, candidates: Sequence[Instance], room: float) -> float:
    """Which part of its places count now: none where it has no room, fewer while it starts slowly."""
    live = instance.live
    if instance not in candidates or live.in_flight >= room * live.share:
        return 0.0
    return live.share / live.weight
