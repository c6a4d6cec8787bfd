"""Tests for `jairouter.traffic.answer_cache`: what is kept, and how long."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.answer_cache import OVERHEAD, AnswerCache, Kept
from tests.codec.properties import PROPERTY


def kept(data: bytes = b"{}") -> Kept:
    """An answer."""
    return Kept(200, (), data, False)


class CacheTests(SynchronousTestCase):
    """One cache."""

    def cache(self, most: int = 2, largest: int = 100, room: int = 1_000_000) -> AnswerCache:
        return AnswerCache(most, 10.0, largest, room)

    def found(self, cache: AnswerCache, now: float = 0.0) -> str:
        return "".join(key for key in "abc" if cache.get(key.encode(), now))

    def test_what_was_put(self) -> None:
        cache = self.cache()
        cache.put(b"a", kept(), 5.0)
        self.assertEqual(cache.get(b"a", 7.0), (kept(), 2.0))
        self.assertIsNone(cache.get(b"b", 7.0))

    def test_time_to_live(self) -> None:
        cache = self.cache()
        cache.put(b"a", kept(), 5.0)
        self.assertIsNotNone(cache.get(b"a", 14.9))
        self.assertIsNone(cache.get(b"a", 15.0))
        self.assertEqual((len(cache), cache.size), (0, 0))

    def test_the_time_begins_anew_with_each_answer(self) -> None:
        cache = self.cache()
        cache.put(b"a", kept(b"old"), 0.0)
        cache.put(b"a", kept(b"new"), 9.0)
        self.assertEqual(cache.get(b"a", 18.0), (kept(b"new"), 9.0))
        self.assertEqual(cache.size, 3 + OVERHEAD)

    def test_a_clock_that_was_set_back(self) -> None:
        """An answer of unknown age is not served."""
        cache = self.cache()
        cache.put(b"a", kept(), 1000.0)
        self.assertIsNone(cache.get(b"a", 0.0))
        cache.put(b"a", kept(), 1000.0)
        cache.put(b"b", kept(), 0.0)
        self.assertEqual(len(cache), 1)

    def test_the_one_used_least_lately_goes(self) -> None:
        cache = self.cache()
        cache.put(b"a", kept(), 0.0)
        cache.put(b"b", kept(), 0.0)
        cache.get(b"a", 0.0)
        cache.put(b"c", kept(), 0.0)
        self.assertEqual(self.found(cache), "ac")

    def test_those_that_are_over_go_first(self) -> None:
        """Memory is not held for what nobody will be given."""
        cache = self.cache(most=3)
        cache.put(b"a", kept(), 0.0)
        cache.put(b"b", kept(), 5.0)
        cache.get(b"a", 6.0)
        cache.put(b"c", kept(), 11.0)
        self.assertEqual((len(cache), self.found(cache, 11.0)), (2, "bc"))

    def test_too_large(self) -> None:
        """It is not kept, and neither is the answer that it was to replace: that is not the last one."""
        cache = self.cache()
        cache.put(b"a", kept(), 0.0)
        cache.put(b"a", kept(b"x" * 101), 0.0)
        cache.put(b"b", kept(b"x" * 100), 0.0)
        self.assertEqual(self.found(cache), "b")

    def test_all_of_them_have_room(self) -> None:
        cache = self.cache(most=1000, room=3 * OVERHEAD)
        for number in range(10):
            cache.put(b"%d" % number, kept(b"x" * 10), 0.0)
        self.assertEqual(len(cache), 2)

    def test_room_for_none(self) -> None:
        for cache in (self.cache(most=0), self.cache(room=10), AnswerCache(5, 0.0, 100, 1_000_000)):
            cache.put(b"a", kept(), 0.0)
            self.assertEqual((len(cache), cache.size), (0, 0))

    @settings(PROPERTY, max_examples=60)
    @given(
        st.lists(
            st.tuples(
                st.booleans(),
                st.sampled_from([b"a", b"b", b"c", b"d"]),
                st.integers(0, 120),
                st.floats(-3, 8, allow_nan=False),
            ),
            max_size=40,
        )
    )
    def test_any_use(self, calls: list[tuple[bool, bytes, int, float]]) -> None:
        """It is never larger than it may be, and never serves what is too old or not the last."""
        cache = self.cache(most=3, room=100 + 2 * OVERHEAD)
        now, last = 100.0, {}
        for puts, key, size, passed in calls:
            now += passed
            if puts:
                last[key] = (kept(b"x" * size), now)
                cache.put(key, *last[key])
            elif found := cache.get(key, now):
                self.assertEqual(found, (last[key][0], now - last[key][1]))
                self.assertTrue(0 <= found[1] < 10)
            self.assertLessEqual(len(cache), 3)
            self.assertLessEqual(cache.size, 100 + 2 * OVERHEAD)
            self.assertEqual(len(cache._by_age), len(cache))
