"""Whoever only looks at instances and groups leaves no trace, and sees what a request would find."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.group import Group
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.live import Seen
from jairouter.traffic.permits import Ledger
from tests.fuzz.examples import examples
from tests.traffic.looking import state

EVENTS = ("begin", "answering", "good", "bad", "up", "down", "cool", "eject", "open", "close", "nothing")


class Course:
    """What happens to four instances of two tiers, one of them drained."""

    def __init__(self, panic: float) -> None:
        self.now = 1000.0
        self.ledger = Ledger()
        self.instances = [
            Instance("chat", "m", f"http://{n}", weight=weight, priority=n // 2)
            for n, weight in enumerate((1, 2, 3, 0))
        ]
        self.under_way: list[list[object]] = [[] for _ in self.instances]
        for each in self.instances:
            each.live.health, each.live.slow_start = Health(1, 1), 3.0
            limits = BreakerLimits(2, 1, 1, 2.0, failure_rate=50.0, window_size=4, sliding_window=True)
            each.live.breaker = Breaker(limits, self.ledger)
        self.instances[1].live.limiter = TokenBucket(1.0, 2.0, self.now)
        self.group = Group(self.instances, RandomBalancer(Random(0)), panic)

    def happen(self, event: str, which: int, later: float) -> None:
        """One thing, after some time."""
        self.now += later
        live, under_way = self.instances[which].live, self.under_way[which]
        if event == "begin" and live.exclusion(self.now) is None:
            if live.limiter is not None:
                live.limiter.take(self.now)
            under_way.append(live.acquire(self.now))
        elif event in ("good", "bad") and under_way:
            live.settle(under_way.pop(), Outcome.SUCCEEDED if event == "good" else Outcome.FAILED, self.now)
        elif event == "answering" and under_way:
            live.answering(under_way[-1], self.now)
        elif event in ("up", "down"):
            live.probed(event == "up", self.now)
        elif event == "cool":
            live.cool(self.now + 1.0, self.now)
        elif event == "eject":
            live.eject(self.now + 2.0, self.now)
        elif event == "open":
            live.force_open(self.now)
        elif event == "close":
            live.force_close(self.now)

    def state(self) -> Any:
        """All that is known."""
        return state([self.instances, self.group])


HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 3), st.sampled_from((0.0, 0.1, 0.7, 1.5, -0.5))),
    max_size=40,
)


class LookingTests(SynchronousTestCase):
    """Whatever has happened."""

    @examples(40)
    @given(HAPPENINGS, st.sampled_from((0.0, 0.5, 1.0)), st.sampled_from((0.0, 0.3, 2.5, 40.0, -1.0)))
    def test_outlook(self, happenings: list[tuple[str, int, float]], panic: float, later: float) -> None:
        course = Course(panic)
        for event, which, after in happenings:
            course.happen(event, which, after)
        now, before = course.now + later, course.state()
        outlook = course.group.outlook(now)
        for each in course.instances:
            assert isinstance(each.live.breaker, Breaker)
            each.live.breaker.look(now)
        self.assertEqual(course.state(), before)
        choice = course.group.choose(now, b"")
        self.assertEqual(outlook.candidates, tuple(choice.candidates))
        self.assertEqual(outlook.excluded, dict(choice.excluded))
        for each in choice.candidates:
            self.assertEqual(outlook.seen[each].share, each.live.share)


class SeenTests(SynchronousTestCase):
    """One instance."""

    def setUp(self) -> None:
        self.live = Instance("chat", "m", "http://a", weight=4).live
        self.live.slow_start = 10.0
        self.live.exclusion(0.0)

    def test_nothing(self) -> None:
        self.assertEqual(self.live.seen(5.0), Seen(None, 4.0, 0.0, 0.0, 0.0))

    def test_ejected(self) -> None:
        self.live.eject(8.0, 5.0)
        self.assertEqual(self.live.seen(6.0), Seen(Exclusion(Reason.EJECTED, 8.0), 4.0, 0.0, 8.0, 0.0))

    def test_starting_slowly_afterwards(self) -> None:
        self.live.eject(8.0, 5.0)
        self.assertEqual(self.live.seen(13.0), Seen(None, 2.0, 5.0, 0.0, 0.0))

    def test_cooling(self) -> None:
        self.live.cool(8.0, 5.0)
        self.assertEqual(self.live.seen(6.0), Seen(Exclusion(Reason.COOLING, 8.0), 4.0, 0.0, 0.0, 8.0))
        self.assertEqual(self.live.seen(8.0), Seen(None, 4.0, 0.0, 0.0, 0.0))

    def test_at_its_limit(self) -> None:
        self.live.limiter = TokenBucket(1.0, 1.0, 0.0)
        self.live.limiter.take(0.0)
        self.live.recheck()
        self.assertEqual(self.live.seen(0.25).why, Exclusion(Reason.LIMITED, 1.0))
