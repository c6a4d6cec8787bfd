"""No balancer keeps instances that are gone."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable
from types import FunctionType, ModuleType

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.balancing import BALANCERS, ConsistentHashSettings, LoadBalanceSettings
from jairouter.traffic.balancers.by_name import make_balancer
from jairouter.traffic.balancers.hashing import SPARE
from jairouter.traffic.instance import Instance
from tests.traffic.balancers.crowd import crowd, picked


def held(*holders: object) -> int:
    """How many instances somebody keeps alive."""
    seen: dict[int, object] = {}
    waiting: list[object] = list(holders)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen[id(each)] = each
        waiting += gc.get_referents(each)
    return count(seen.values())


def count(objects: Iterable[object]) -> int:
    """How many of them are instances."""
    return sum(isinstance(each, Instance) for each in objects)


class MemoryTests(SynchronousTestCase):
    """Instances come and go, all of them at once or one by one."""

    def test_the_measure(self) -> None:
        """It sees what is kept out of sight."""
        self.assertEqual(held({"somewhere": [iter(crowd(1, 1))]}), 2)

    def test_all_are_replaced(self) -> None:
        for kind in BALANCERS:
            balancer = make_balancer(LoadBalanceSettings(type=kind), random.Random(0), lambda: 0.0)
            for number in range(50):
                for _ in range(3):
                    picked(balancer, crowd(1, 2, 1, name=str(number)), b"k")
            self.assertEqual(held(balancer), 0, kind)

    def test_one_by_one(self) -> None:
        """Those that stay do not keep those that went, but for a few."""
        for kind in BALANCERS:
            settings = LoadBalanceSettings(type=kind, consistent_hash=ConsistentHashSettings(virtual_nodes=2))
            balancer = make_balancer(settings, random.Random(0), lambda: 0.0)
            newest = crowd(*[1] * 150)
            present = newest[:4]
            for each in newest[4:]:
                present = [*present[1:], each]
                for _ in range(3):
                    picked(balancer, present, b"k")
            self.assertLessEqual(held(balancer, present), 2 * 4 + SPARE, kind)
