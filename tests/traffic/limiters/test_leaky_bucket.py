"""Tests for `jairouter.traffic.limiters.leaky_bucket`."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import ILimiter, Quota
from jairouter.traffic.limiters.early import EARLY
from jairouter.traffic.limiters.leaky_bucket import LeakyBucket
from jairouter.traffic.limiters.token_bucket import TokenBucket
from tests.fuzz.examples import examples
from tests.traffic.limiters.arrivals import EPOCH, arrivals, send, steady


class Crowd:
    """Requests that come, wait, and go on or give up.

    Attributes:
        went_on: The turns of those that did, in order.
        waits: How long each was told to wait.
    """

    def __init__(self, limiter: LeakyBucket) -> None:
        self.limiter = limiter
        self.waits: list[float] = []
        self.turns: list[float] = []
        self._waiting: list[tuple[float, float]] = []  # until when, and for which turn

    def come(self, now: float, patience: float) -> bool:
        """One comes. Returns whether it was let through."""
        self.leave(now)
        if self.limiter.refusal(now):
            return False
        wait = self.limiter.take(now)
        self.waits.append(wait)
        self.turns.append(now + wait)
        if patience < wait:
            self._waiting.append((now + patience, now + wait))
        return True

    def leave(self, now: float) -> None:
        """Those give up whose patience has come to an end."""
        for until, turn in sorted(self._waiting):
            if until <= now:
                self.limiter.give_back(until, turn)
                self.turns.remove(turn)
                self._waiting.remove((until, turn))

    def waiting(self, now: float) -> int:
        """How many wait now."""
        return sum(1 for turn in self.turns if turn > now)


class LeakyBucketTests(SynchronousTestCase):
    """One after the other, at the rate, out of a bounded queue."""

    def setUp(self) -> None:
        self.bucket = LeakyBucket(10.0, 3, 5.0, 0.0)

    def waits(self, *times: float) -> list[float]:
        return [round(each.left - each.came, 6) for each in send(self.bucket, [*times])]

    def test_interface(self) -> None:
        verifyObject(ILimiter, self.bucket)

    @examples(25)
    @given(
        arrivals(bursts=8),
        st.sampled_from((0.3, 1.0, 10.0, 33.3)),
        st.integers(1, 6),
        st.sampled_from((0.15, 1.0, 100.0)),
        st.lists(st.floats(0, 1), min_size=1, max_size=8),
    )
    def test_bounds(
        self, times: list[float], rate: float, capacity: int, max_wait: float, patience: list[float]
    ) -> None:
        """However they come and give up: spacing, length of the queue, and wait."""
        crowd = Crowd(LeakyBucket(rate, capacity, max_wait, times[0]))
        for index, now in enumerate(times):
            alone = not crowd.waiting(now)
            if crowd.come(now, max_wait * 2 * patience[index % len(patience)]):
                self.assertLessEqual(crowd.waiting(now), capacity)
            else:
                self.assertFalse(alone and 1 / rate <= max_wait, "refused without need")
        self.assertLessEqual(max(crowd.waits), max_wait + EARLY)
        for one, next_ in pairwise(sorted(crowd.turns)):
            self.assertGreaterEqual(next_ - one, 1 / rate - 2 * EARLY)

    @examples(8)
    @given(st.floats(1.0, 2000.0), st.floats(1.0, 10.0))
    def test_long_run(self, rate: float, often: float) -> None:
        """Whoever asks often enough gets the rate, at any frequency."""
        bucket, seconds = LeakyBucket(rate, 5, 10.0, EPOCH), 400 / rate
        passed = send(bucket, steady(EPOCH, 1 / (rate * often), seconds))
        self.assertLessEqual(abs(len(passed) - 400), 6)

    def test_no_drift(self) -> None:
        """A thousand turns later the next is where it belongs, though the clock has coarse steps."""
        bucket = LeakyBucket(3000.0, 10_000, 10.0, EPOCH)
        passed = send(bucket, [EPOCH] * 9001)
        self.assertAlmostEqual(passed[-1].left - EPOCH, 3.0, places=6)

    def test_one_after_the_other(self) -> None:
        """The first goes at once, those that follow wait for the ones before; the queue takes no more."""
        self.assertEqual(self.waits(0.0, 0.0, 0.0, 0.0, 0.0), [0.0, 0.1, 0.2, 0.3])
        self.assertAlmostEqual(self.bucket.refusal(0.0), 0.1)

    def test_room_after_a_while(self) -> None:
        """Who comes when it was told to finds a place."""
        self.waits(0.0, 0.0, 0.0, 0.0)
        self.assertTrue(self.bucket.refusal(0.09))
        self.assertEqual(self.waits(0.1), [0.3])

    def test_longest_wait(self) -> None:
        """Who would wait longer is refused, with room in the queue or without."""
        self.bucket = LeakyBucket(10.0, 100, 0.25, 0.0)
        self.assertEqual(self.waits(*[0.0] * 9), [0.0, 0.1, 0.2])
        wait = self.bucket.refusal(0.0)
        self.assertAlmostEqual(wait, 0.05)
        self.assertEqual(self.waits(wait), [0.25])

    def test_idle(self) -> None:
        """Nothing is saved up."""
        self.waits(0.0)
        self.assertEqual(self.waits(60.0, 60.0), [0.0, 0.1])

    def test_given_up(self) -> None:
        """The turn goes to whoever comes next; the others keep theirs."""
        self.waits(0.0, 0.0, 0.0, 0.0)
        self.bucket.give_back(0.05, 0.2)
        self.assertFalse(self.bucket.refusal(0.05))
        self.assertEqual(self.waits(0.05, 0.05), [0.15])

    def test_given_up_and_over(self) -> None:
        """A turn that nobody wanted in time is gone."""
        self.waits(0.0, 0.0, 0.0)
        self.bucket.give_back(0.05, 0.1)
        self.assertEqual(self.waits(0.15), [0.15])

    def test_given_back_after_its_turn(self) -> None:
        """What went on frees nobody else's turn when it is over."""
        self.waits(0.0, 0.0, 0.0, 0.0)
        self.bucket.give_back(0.25, 0.1)
        self.bucket.give_back(0.25, 0.0)
        self.assertEqual((self.bucket.lent, self.waits(0.25)), (2, [0.15]))

    def test_early(self) -> None:
        """Who is a hair early makes the next one no earlier."""
        gap = 0.1 - EARLY / 2
        self.assertEqual([each.left - each.came for each in send(self.bucket, [0.0, gap])], [0.0, 0.0])
        self.assertAlmostEqual(send(self.bucket, [gap])[0].left, 0.2, places=9)

    def test_clock_set_back(self) -> None:
        """An hour back is no time at all: those that wait stay in front, and the queue goes on."""
        self.bucket = LeakyBucket(10.0, 3, 5.0, EPOCH)
        self.waits(EPOCH, EPOCH, EPOCH)
        self.assertEqual(self.waits(EPOCH - 3600), [0.3])
        self.assertEqual(self.bucket.quota(EPOCH - 3600).remaining, 0)
        self.assertEqual(self.bucket.quota(EPOCH - 3599).remaining, 4)

    def test_clock_set_back_after_one_gave_up(self) -> None:
        """What is free moves with the others."""
        self.bucket = LeakyBucket(10.0, 3, 5.0, EPOCH)
        self.waits(EPOCH, EPOCH, EPOCH)
        self.bucket.give_back(EPOCH, EPOCH + 0.1)
        self.assertEqual(self.waits(EPOCH - 3600, EPOCH - 3600), [0.1, 0.3])

    def test_clock_jumps_ahead(self) -> None:
        """A year lets one through at once, like a second."""
        self.waits(0.0, 0.0, 0.0, 0.0)
        self.assertEqual(self.waits(3e7, 3e7), [0.0, 0.1])

    def test_quota(self) -> None:
        """One goes at once, as many more wait as the queue holds and the longest wait allows."""
        self.assertEqual(self.bucket.quota(0.0), Quota(4, 4, 0.0))
        self.assertEqual(LeakyBucket(10.0, 100, 0.55, 0.0).quota(0.0), Quota(6, 6, 0.0))
        self.waits(0.0, 0.0)
        self.assertEqual(self.bucket.quota(0.0), Quota(4, 2, 0.2))
        self.assertEqual(self.bucket.quota(0.15).remaining, 3)

    def test_memory(self) -> None:
        """Turns that are over are forgotten."""
        send(self.bucket, steady(0.0, 0.05, 60.0))
        self.assertLessEqual(len(self.bucket._queue.turns), 3)

    def test_quota_is_what_is_let_through(self) -> None:
        for capacity, max_wait in ((3, 5.0), (100, 0.55)):
            for before in range(8):
                self.bucket = LeakyBucket(10.0, capacity, max_wait, 0.0)
                self.waits(*[0.0] * before)
                remaining = self.bucket.quota(0.0).remaining
                self.assertEqual(len(self.waits(*[0.0] * 200)), remaining)

    def test_quota_after_a_reload(self) -> None:
        """A turn that was given up is there for the next, though those behind it lie too far ahead."""
        old = LeakyBucket(1.0, 10, 9.0, 0.0)
        for _ in range(6):
            old.take(0.0)
        bucket = LeakyBucket(1.0, 10, 2.0, 0.0)
        bucket.carry_over(old, 0.0)
        self.assertEqual((bucket.refusal(0.0), bucket.quota(0.0).remaining), (4.0, 0))
        bucket.give_back(0.0, 1.0)
        bucket.give_back(0.0, 4.0)
        self.assertEqual((bucket.refusal(0.0), bucket.quota(0.0).remaining), (0.0, 1))

    def test_carry_over(self) -> None:
        """Those that wait keep their turns and can give them up; who comes queues behind, at the new rate."""
        old = self.bucket
        self.waits(0.0, 0.0, 0.0)
        self.bucket = LeakyBucket(1.0, 3, 5.0, 0.0)
        self.bucket.carry_over(old, 0.0)
        self.assertEqual(self.waits(0.0), [1.2])
        old.give_back(0.05, 0.1)
        self.assertEqual((self.bucket.lent, self.waits(0.05)), (3, [0.05]))

    def test_carry_over_of_another(self) -> None:
        self.bucket.carry_over(TokenBucket(1.0, 1.0, 0.0), 0.0)
        self.assertEqual(self.waits(0.0), [0.0])
