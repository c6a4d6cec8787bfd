"""Equal keys to the same instance: ip-hash, consistent-hash and prefix-affinity."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from sys import byteorder
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer
from jairouter.traffic.balancers.ring import Ring

if TYPE_CHECKING:
    from random import Random

    from jairouter.traffic.instance import Instance

MOST_UNITS = 100
"""The heaviest instance has at most so many times the places that a weight of 1 has."""
MOST_PLACES = 50_000
"""Of a ring. To compute so many takes some hundredths of a second, and nothing else happens meanwhile."""
SPARE = 16
"""A ring keeps at most so many more members than it has candidates, beside as many again."""


@implementer(IBalancer)
class HashingBalancer:
    """Finds the instance for a key on a ring, or the next one where that has too much under way.

    Where an instance comes or goes, only its own part of the keys moves. A request without a key goes
    anywhere.

    What it knows of an instance is kept with that (`Live.memo`): its places, which are computed once, and the
    ring that it is on. One ring serves all the candidates that ever were together, as those of one model are,
    so that a breaker that opens makes no new ring.

    Args:
        affinity: What the keys are made of.
        random: For requests without a key.
        algorithm: `md5`, `sha1` or `sha256`.
        virtual_nodes: Places for a weight of 1.
        load_factor: How far above its share of what is under way an instance may be; at least 1.

    Attributes:
        affinity: As given.
    """

    def __init__(
        self,
        affinity: Affinity,
        random: Random,
        algorithm: str = "md5",
        virtual_nodes: int = 150,
        load_factor: float = 1.25,
    ) -> None:
        self.affinity = affinity
        self._random = random
        self._hash: Callable[..., hashlib._Hash] = getattr(hashlib, algorithm)
        self._virtual_nodes = virtual_nodes
        self._load_factor = load_factor

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """See `IBalancer.pick`."""
        if len(candidates) < 2:
            return candidates[0] if candidates and candidates[0].live.share else None
        ring = self._ring(candidates)
        if key:
            # Not for security: nobody gains by sharing an instance with somebody else. Without saying so,
            # FIPS mode would have no MD5.
            point = int.from_bytes(self._hash(key, usedforsecurity=False).digest()[:8], "big")
        else:
            point = self._random.getrandbits(64)
        position = ring.at(point)
        home = ring.owner(position)
        live = home.live
        if live.in_flight == 0 and 0 < live.weight <= live.share and home in candidates:
            return home  # nobody is too busy with nothing under way
        return ring.walk(position, candidates, self._load_factor)

    def _ring(self, candidates: Sequence[Instance]) -> Ring:
        spot = candidates[0].live.memo
        if spot.__class__ is _Spot and spot.balancer is self and spot.ring.known.issuperset(candidates):
            return spot.ring
        return self._new_ring(candidates)

    def _new_ring(self, candidates: Sequence[Instance]) -> Ring:
        """Make a ring of the candidates and those they were together with."""
        spots = [each.live.memo for each in candidates]
        mine = [spot for spot in spots if isinstance(spot, _Spot) and spot.balancer is self]
        here = {each.identity for each in candidates}
        others = dict.fromkeys(each for spot in mine for each in spot.ring.members)
        company = [each for each in others if each.identity not in here]
        if len(company) > len(candidates) + SPARE:
            company = []  # most of them will be gone for good
        members = [*candidates, *company]
        weights = [each.live.weight for each in members]
        units = min(1.0, MOST_UNITS / (max(weights) or 1.0))
        scale = min(self._virtual_nodes * units, MOST_PLACES / (sum(weights) or 1.0))
        places = [self._places(each, max(1, round(each.live.weight * scale))) for each in members]
        ring = Ring(members, places)
        for each, several in zip(members, places, strict=True):
            each.live.memo = _Spot(self, ring, several)
        return ring

    def _places(self, instance: Instance, number: int) -> array[int]:
        """The first so many places of an instance; it has the same ones on every ring, in every gateway."""
        spot = instance.live.memo
        if isinstance(spot, _Spot) and spot.balancer is self and len(spot.places) >= number:
            return spot.places[:number]
        name = repr(instance.identity).encode()
        hashed, each = self._hash, self._hash().digest_size // 8
        places = array("Q")
        places.frombytes(
            b"".join(
                hashed(b"%b#%d" % (name, count), usedforsecurity=False).digest()[: 8 * each]
                for count in range(-(-number // each))
            )
        )
        if byteorder == "little":
            places.byteswap()  # the same places on every machine
        return places[:number]


class _Spot:
    """What a balancer knows of an instance.

    Attributes:
        balancer: Whose knowledge it is; after a reload there is another one.
        ring: Where the instance is.
        places: Its own, in the order in which they were computed.
    """

    __slots__ = ("balancer", "places", "ring")

    def __init__(self, balancer: HashingBalancer, ring: Ring, places: array[int]) -> None:
        self.balancer = balancer
        self.ring = ring
        self.places = places
