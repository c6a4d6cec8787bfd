"""Tests for `jairouter.telemetry.audit.repeated`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auditing import Event
from jairouter.telemetry.audit.repeated import AT_ONCE, MANY, Repeated
from jairouter.telemetry.audit.texts import LONGEST
from tests.fuzz.examples import examples
from tests.telemetry.audit.recording import LOGIN


class RepeatedTests(SynchronousTestCase):
    """Many events, few lines, no event uncounted."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, int, float, float]] = []
        self.repeated = Repeated(60, self.clock.seconds, self.tell, most=500)

    def tell(self, event: Event, count: int, first: float, last: float) -> None:
        self.told.append((event.user, count, first, last))

    def add(self, user: str = "ann", **more: Any) -> None:
        self.repeated.add(LOGIN._replace(user=user, **more))

    def advance(self, seconds: float) -> None:
        """Let time pass, as the log does: swept whenever something is due."""
        end = self.clock.seconds() + seconds
        while (due := self.repeated.next_due()) is not None and due <= end:
            self.clock.advance(max(0.0, due - self.clock.seconds()))
            while self.repeated.sweep():
                pass
        self.clock.advance(end - self.clock.seconds())

    def test_the_first_at_once(self) -> None:
        self.add()
        self.assertEqual(self.told, [("ann", 0, 0, 0)])

    def test_a_single_one_is_told_once(self) -> None:
        self.add()
        self.advance(1000)
        self.assertEqual(len(self.told), 1)
        self.assertIsNone(self.repeated.next_due())

    def test_those_that_follow_as_a_number(self) -> None:
        for _ in range(1000):
            self.add()
            self.clock.advance(0.01)
        self.advance(60)
        (_, number, first, last) = self.told[1]
        self.assertEqual((len(self.told), number), (2, 999))
        self.assertAlmostEqual(first, 0.01)
        self.assertAlmostEqual(last, 9.99)

    def test_a_line_a_minute(self) -> None:
        for _ in range(600):
            self.add()
            self.advance(1)
        self.assertEqual(len(self.told), 11)
        self.assertEqual(sum(count for _, count, _, _ in self.told[1:]) + 1, 600)

    def test_others_are_others(self) -> None:
        self.add()
        self.add("bob")
        self.add(ip="10.9.9.9")
        self.add(reason="EXPIRED_API_KEY")
        self.add(result="failed")
        self.add(resource="/v1/other")
        self.add(kind="OTHER")
        self.add(action="DELETE")
        self.assertEqual(len(self.told), 8)

    def test_requests_are_not_told_apart(self) -> None:
        self.add(request_id="r1")
        self.add(request_id="r2", details={"authType": "jwt"})
        self.assertEqual(len(self.told), 1)

    def test_too_many_to_be_told_apart(self) -> None:
        for each in range(2000):
            self.add(str(each))
        self.assertEqual(len(self.told), 501)
        self.assertEqual(self.told[-1][0], MANY)
        self.advance(60)
        self.assertEqual(self.told[-1][:2], (MANY, 1499))

    def test_what_is_denied_does_not_hide_what_was_allowed(self) -> None:
        """Guessing from a thousand addresses is cheap where there is IPv6."""
        for each in range(2000):
            self.add("", ip=str(each))
        self.add("bob", result="allowed")
        self.assertEqual(self.told[-1][0], "bob")

    def test_of_too_many_that_were_allowed_it_is_known_who_they_were(self) -> None:
        for each in range(2000):
            self.add("ann" if each % 2 else "bob", ip=str(each), result="allowed")
        self.assertEqual([user for user, *_ in self.told[500:]], ["bob", "ann"])
        self.told.clear()
        for each in range(2000):
            self.add(str(each), ip="::1", result="allowed")
        self.assertEqual((len(self.told), self.told[-1][0]), (499, MANY))

    def test_there_is_room_again_when_a_window_is_over(self) -> None:
        for _ in range(3):
            self.told.clear()
            for each in range(500):
                self.add(str(each))
            self.assertEqual(len({user for user, *_ in self.told}), 500)
            self.advance(61)

    def test_long_texts_fill_no_memory(self) -> None:
        self.add("x" * 10_000)
        self.add("x" * 20_000)
        self.assertEqual([(len(user), count) for user, count, _, _ in self.told], [(LONGEST, 0)])

    def test_a_turn_does_not_take_long(self) -> None:
        for each in range(300):
            self.add(str(each))
            self.add(str(each))
        self.clock.advance(60)
        self.assertTrue(self.repeated.sweep())
        self.assertEqual(len(self.told), 300 + AT_ONCE)
        self.assertFalse(self.repeated.sweep())
        self.assertEqual(len(self.told), 600)

    def test_all_is_told_at_the_end(self) -> None:
        for each in range(300):
            self.add(str(each))
            self.add(str(each))
        self.repeated.sweep(all_of_them=True)
        self.assertEqual(len(self.told), 600)
        self.assertIsNone(self.repeated.next_due())

    def test_a_clock_that_is_set_back(self) -> None:
        self.clock.advance(10**6)
        self.add()
        self.add()
        self.clock.rightNow = 0.0
        self.repeated.sweep()
        self.assertEqual([count for _, count, _, _ in self.told], [0, 1])

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90)), max_size=30))
    @examples(15)
    def test_each_is_counted_once(self, events: list[tuple[str, int]]) -> None:
        self.setUp()
        for user, pause in events:
            self.add(user)
            self.advance(pause)
        self.repeated.sweep(all_of_them=True)
        for user in "abc":
            counted = sum(max(count, 1) for name, count, _, _ in self.told if name == user)
            self.assertEqual(counted, sum(name == user for name, _ in events))
