"""Tests for `jairouter.traffic.balancers.by_name`."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.config.settings.balancing import BALANCERS, LoadBalanceSettings
from jairouter.interfaces import Affinity, IBalancer, IBalancerMaker
from jairouter.traffic.balancers.by_name import MAKERS, make_balancer
from jairouter.traffic.balancers.round_robin import RoundRobinBalancer
from tests.traffic.balancers.crowd import crowd, picked


def made(kind: str, **settings: object) -> IBalancer:
    """The balancer that is made of some settings."""
    return make_balancer(
        LoadBalanceSettings.model_validate({"type": kind, **settings}), random.Random(0), lambda: 0.0
    )


@implementer(IBalancerMaker)
class Added:
    """Makes a kind that somebody else has added."""

    name = "added"

    def make(self, settings: object, random: object, seconds: object) -> IBalancer:
        return RoundRobinBalancer()


class MakeBalancerTests(SynchronousTestCase):
    """From a name to a balancer."""

    def test_every_name(self) -> None:
        """Those that the configuration knows are those that there are."""
        self.assertEqual(sorted(BALANCERS), sorted(MAKERS))
        for kind, maker in MAKERS.items():
            verifyObject(IBalancerMaker, maker)
            verifyObject(IBalancer, made(kind))
            picked(made(kind), crowd(1, 2), b"k")

    def test_each_is_another(self) -> None:
        """A name leads to its own balancer."""
        names = [made(kind).__class__.__name__.lower() for kind in BALANCERS[:4]]
        self.assertEqual(names, [f"{kind.replace('-', '')}balancer" for kind in BALANCERS[:4]])

    def test_keys(self) -> None:
        """Each of those that hash wants a key of its own kind; the others want none."""
        kinds = {kind: made(kind).affinity for kind in BALANCERS if made(kind).affinity is not Affinity.NONE}
        self.assertEqual(
            kinds,
            {
                "ip-hash": Affinity.CLIENT,
                "consistent-hash": Affinity.HEADER,
                "prefix-affinity": Affinity.PREFIX,
            },
        )

    def test_hash(self) -> None:
        """`hash-algorithm` counts, and for `consistent-hash` its own `hash-function` first."""
        own = {"hash_function": "sha1"}
        for kind, expected in (("consistent-hash", "sha1"), ("ip-hash", "sha256")):
            balancer = made(kind, hash_algorithm="sha256", consistent_hash=own)
            alike = made("ip-hash", hash_algorithm=expected)
            self.assertEqual(self.picks(balancer), self.picks(alike))
            self.assertNotEqual(self.picks(balancer), self.picks(made("ip-hash")))

    def test_places(self) -> None:
        few = made("ip-hash", consistent_hash={"virtual_nodes": 1})
        self.assertNotEqual(self.picks(few), self.picks(made("ip-hash")))

    def test_load_factor(self) -> None:
        candidates = crowd(1, 1)
        home = picked(made("ip-hash"), candidates, b"k")
        home.live.in_flight = 5
        self.assertIsNot(picked(made("ip-hash"), candidates, b"k"), home)
        self.assertIs(picked(made("ip-hash", load_factor=100), candidates, b"k"), home)

    def test_added(self) -> None:
        """Other kinds are asked for by their own name, and ours cannot be replaced."""
        asked: list[str] = []

        def plugin(name: str) -> IBalancerMaker:
            asked.append(name)
            return Added()

        settings = [LoadBalanceSettings.model_construct(type=kind) for kind in ("plugin:added", "random")]
        for each in settings:
            make_balancer(each, random.Random(0), lambda: 0.0, plugin)
        self.assertEqual(asked, ["added"])

    def test_unknown(self) -> None:
        for kind in ("plugin:random", "fastest"):
            settings = LoadBalanceSettings.model_construct(type=kind)
            with self.assertRaisesRegex(ValueError, f"no balancer {kind}"):
                make_balancer(settings, random.Random(0), lambda: 0.0)
            with self.assertRaisesRegex(ValueError, f"no balancer {kind}"):
                make_balancer(settings, random.Random(0), lambda: 0.0, lambda name: None)

    @staticmethod
    def picks(balancer: IBalancer) -> list[str]:
        """Where some keys go."""
        return [picked(balancer, crowd(1, 1, 1), b"%d" % number).base_url for number in range(50)]
