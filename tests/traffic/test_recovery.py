"""How breaker, slow start, balancer and group work together: a backend dies under load and comes back."""

from __future__ import annotations

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.breaker_states import Change, State
from jairouter.traffic.group import Group
from jairouter.traffic.instance import Instance
from jairouter.traffic.permits import Ledger
from tests.filters.inner import instance

DIES, REVIVES = 10.0, 45.0


class RecoveryTests(SynchronousTestCase):
    """Three backends, 50 requests per second, each of which takes a tenth of a second."""

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.changes: list[tuple[float, State]] = []
        self.sent: Counter[tuple[Instance, int]] = Counter()
        self.failed: Counter[Instance] = Counter()
        self.nobody = self.most_trials = 0
        self.now = 0.0
        self.instances = [instance(base_url=f"http://10.0.0.{number}") for number in range(3)]
        limits = BreakerLimits(failure_threshold=5, success_threshold=2, recovery_timeout=10.0)
        for each in self.instances:
            each.live.breaker = Breaker(limits, self.ledger, self.changed)
            each.live.slow_start = 20.0
        self.group = Group(self.instances, RandomBalancer(Random(1)))

    def changed(self, change: Change) -> None:
        self.changes.append((round(self.now, 1), change.after))

    def run_until(self, end: float, dead: Instance) -> None:
        """Let requests come and go."""
        under_way: list[tuple[float, Instance, object]] = []
        for step in range(int(end * 50)):
            self.now = step / 50
            while under_way and under_way[0][0] <= self.now:
                due, which, ticket = under_way.pop(0)
                bad = which is dead and DIES <= due < REVIVES
                self.failed[which] += bad
                which.live.settle(ticket, Outcome.FAILED if bad else Outcome.SUCCEEDED, self.now)
            picked = self.group.choose(self.now, b"").instance
            if picked is None:
                self.nobody += 1
                continue
            self.sent[picked, int(self.now / 5)] += 1
            under_way.append((self.now + 0.1, picked, picked.live.acquire(self.now)))
            self.most_trials = max(self.most_trials, self.ledger.outstanding()["trial"])
        for _, which, ticket in under_way:
            which.live.settle(ticket, Outcome.ABANDONED, self.now)

    def test_one_dies_and_comes_back(self) -> None:
        dead = self.instances[0]
        self.run_until(90.0, dead)
        # It opened once, was tried in vain while it was dead, and then closed for good
        self.assertEqual([state for _, state in self.changes][:2], [State.OPEN, State.HALF_OPEN])
        self.assertEqual([state for _, state in self.changes][-2:], [State.HALF_OPEN, State.CLOSED])
        closed = self.changes[-1][0]
        self.assertTrue(REVIVES < closed < REVIVES + 11.0, self.changes)
        # The threshold, what was under way by then, and two trials each time: of some 600 in that time
        self.assertLessEqual(self.failed[dead], 5 + 5 + 2 * 4)
        self.assertEqual((self.nobody, self.most_trials), (0, 2))
        # From a tenth to the whole in 20 s: 250 requests come in 5 s
        shares = [self.sent[dead, int(closed / 5) + later] for later in (1, 2, 3, 4, 5, 6)]
        self.assertTrue(10 < shares[0] < shares[2] < shares[4], shares)
        self.assertTrue(65 < shares[5] < 105, shares)
        self.assertEqual([each.in_flight for each in self.instances], [0, 0, 0])
        self.assertTrue(self.ledger.at_rest)
