"""The balancers by the names that the configuration knows them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.interfaces import Affinity, IBalancer, IBalancerMaker
from jairouter.traffic.balancers.hashing import HashingBalancer
from jairouter.traffic.balancers.least_connections import LeastConnectionsBalancer
from jairouter.traffic.balancers.least_latency import LeastLatencyBalancer
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.balancers.round_robin import RoundRobinBalancer

if TYPE_CHECKING:
    from random import Random

    from jairouter.config.settings.balancing import LoadBalanceSettings

PLUGIN = "plugin:"
"""Stands before the names of kinds that others have added."""

_Make = Callable[["LoadBalanceSettings", "Random", Callable[[], float]], IBalancer]


@implementer(IBalancerMaker)
class _Maker:
    def __init__(self, name: str, make: _Make) -> None:
        self.name = name
        self._make = make

    def make(self, settings: LoadBalanceSettings, random: Random, seconds: Callable[[], float]) -> IBalancer:
        """See `IBalancerMaker.make`."""
        return self._make(settings, random, seconds)


def _hashing(affinity: Affinity) -> _Make:
    def make(settings: LoadBalanceSettings, random: Random, seconds: Callable[[], float]) -> IBalancer:
        ring = settings.consistent_hash
        algorithm = settings.hash_algorithm
        if affinity is Affinity.HEADER and ring.hash_function is not None:
            algorithm = ring.hash_function
        return HashingBalancer(affinity, random, algorithm, ring.virtual_nodes, settings.load_factor)

    return make


MAKERS: Mapping[str, IBalancerMaker] = MappingProxyType(
    {
        each.name: each
        for each in (
            _Maker("random", lambda settings, random, seconds: RandomBalancer(random)),
            _Maker("round-robin", lambda settings, random, seconds: RoundRobinBalancer()),
            _Maker("least-connections", lambda settings, random, seconds: LeastConnectionsBalancer()),
            _Maker("least-latency", lambda settings, random, seconds: LeastLatencyBalancer(random, seconds)),
            _Maker("ip-hash", _hashing(Affinity.CLIENT)),
            _Maker("consistent-hash", _hashing(Affinity.HEADER)),
            _Maker("prefix-affinity", _hashing(Affinity.PREFIX)),
        )
    }
)
"""Our own kinds."""


def make_balancer(
    settings: LoadBalanceSettings,
    random: Random,
    seconds: Callable[[], float],
    plugin: Callable[[str], IBalancerMaker | None] | None = None,
) -> IBalancer:
    """Make the balancer of one service.

    Args:
        settings: What is configured, with what the service inherits.
        random: For balancers that leave something to chance.
        seconds: The clock, for balancers that ask for the time.
        plugin: Finds the maker of a kind that others have added (`jairouter.plugins.balancer_maker`); None
            where there are no such kinds.

    Raises:
        ValueError: There is no such kind, or its options are wrong.
    """
    kind = settings.type
    if kind.startswith(PLUGIN):
        maker = plugin(kind.removeprefix(PLUGIN)) if plugin is not None else None
    else:
        maker = MAKERS.get(kind)
    if maker is None:
        raise ValueError(f"there is no balancer {kind}")
    return maker.make(settings, random, seconds)
