"""Tests for `jairouter.auth.guessing`."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth import guessing
from jairouter.auth.guessing import ACCOUNT, ADDRESS, PAIR, Guessing
from jairouter.config.settings.accounts import LockoutSettings

HERE, THERE = "192.0.2.1", "192.0.2.2"


def limits(**given: Any) -> LockoutSettings:
    """Settings."""
    return LockoutSettings.model_validate(given)


def addresses(most: int) -> list[str]:
    """Different ones, each a subscriber of its own."""
    return [f"2001:db8:0:{number:x}::1" for number in range(most)]


class PairTests(SynchronousTestCase):
    """One account from one address."""

    def setUp(self) -> None:
        self.guessing = Guessing(LockoutSettings())

    def fail_times(self, times: int, name: str = "admin", address: str = HERE, now: float = 0.0) -> list[Any]:
        return [self.guessing.failed(name, address, now) for _ in range(times)]

    def test_locked_after_some(self) -> None:
        self.assertEqual([each.locked for each in self.fail_times(4)], [()] * 4)
        self.assertEqual(self.guessing.refusal("admin", HERE, 0.0), 0.0)
        self.assertEqual(self.fail_times(1)[0].locked, (PAIR,))
        self.assertEqual(self.guessing.refusal("admin", HERE, 100.0), 800.0)

    def test_only_there(self) -> None:
        self.fail_times(5)
        self.assertEqual(self.guessing.refusal("admin", THERE, 0.0), 0.0)
        self.assertEqual(self.guessing.refusal("other", HERE, 0.0), 0.0)

    def test_over_after_a_while(self) -> None:
        self.fail_times(5)
        self.assertGreater(self.guessing.refusal("admin", HERE, 899.9), 0.0)
        self.assertEqual(self.guessing.refusal("admin", HERE, 900.0), 0.0)
        self.assertEqual(self.fail_times(1, now=900.0)[0].locked, ())

    def test_told_once(self) -> None:
        """Those too that were under way when it was locked."""
        self.assertEqual([each.locked for each in self.fail_times(8)].count((PAIR,)), 1)

    def test_old_failures_do_not_count(self) -> None:
        for now in (0.0, 300.0, 600.0, 899.0, 900.0, 1201.0):
            self.assertEqual(self.guessing.failed("admin", HERE, now).locked, ())
        self.assertEqual(self.guessing.failed("admin", HERE, 1202.0).locked, (PAIR,))

    def test_success_makes_them_forgotten(self) -> None:
        self.fail_times(4)
        self.guessing.succeeded("admin", HERE)
        self.assertEqual([each.locked for each in self.fail_times(4)], [()] * 4)

    def test_spellings_of_a_name(self) -> None:
        """A directory may take them for the same."""
        for name in ("admin", "Admin", "ADMIN", "\uff41dmin", "aDmin"):
            self.guessing.failed(name, HERE, 0.0)
        self.assertGreater(self.guessing.refusal("admin", HERE, 0.0), 0.0)

    def test_addresses_of_one_subscriber(self) -> None:
        for number in range(5):
            self.guessing.failed("admin", f"2001:db8::{number}:1", 0.0)
        self.assertGreater(self.guessing.refusal("admin", "2001:db8:0:0:ffff::", 0.0), 0.0)
        self.assertEqual(self.guessing.refusal("admin", "2001:db8:0:1::", 0.0), 0.0)

    def test_both_ways_to_write_an_address(self) -> None:
        self.fail_times(5, address="::ffff:192.0.2.1")
        self.assertGreater(self.guessing.refusal("admin", HERE, 0.0), 0.0)

    def test_delays_double(self) -> None:
        self.guessing.configure(limits(max_failures=9))
        delays = [each.delay for each in self.fail_times(8)]
        self.assertEqual(delays, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0])

    def test_switched_off(self) -> None:
        self.guessing.configure(limits(enabled=False))
        self.assertEqual(set(self.fail_times(100)), {(0.0, ())})
        self.assertEqual(self.guessing.refusal("admin", HERE, 0.0), 0.0)

    def test_other_limits_from_now_on(self) -> None:
        self.fail_times(4)
        self.guessing.configure(limits(max_failures=3))
        self.assertEqual(self.fail_times(1)[0].locked, (PAIR,))


class AddressTests(SynchronousTestCase):
    """Many accounts from one address."""

    def setUp(self) -> None:
        self.guessing = Guessing(LockoutSettings())

    def test_locked_for_all(self) -> None:
        outcomes = [self.guessing.failed(f"user{number}", HERE, 0.0) for number in range(20)]
        self.assertEqual([each.locked for each in outcomes], [()] * 19 + [(ADDRESS,)])
        self.assertEqual(self.guessing.refusal("another", HERE, 0.0), 900.0)
        self.assertEqual(self.guessing.refusal("another", THERE, 0.0), 0.0)
        self.assertEqual(outcomes[-1].delay, 8.0)

    def test_success_does_not_wash_it_clean(self) -> None:
        for number in range(19):
            self.guessing.failed(f"user{number}", HERE, 0.0)
            self.guessing.succeeded("mine", HERE)
        self.assertEqual(self.guessing.failed("admin", HERE, 0.0).locked, (ADDRESS,))

    def test_any_number(self) -> None:
        """For where all come through one proxy."""
        self.guessing.configure(limits(max_failures_per_address=0))
        outcomes = [self.guessing.failed(f"user{number}", HERE, 0.0) for number in range(50)]
        self.assertEqual({each.locked for each in outcomes}, {()})


class AccountTests(SynchronousTestCase):
    """One account from many addresses."""

    def setUp(self) -> None:
        self.guessing = Guessing(LockoutSettings())
        self.guessing.succeeded("admin", HERE)

    def attack(self, now: float = 0.0, name: str = "admin") -> list[Any]:
        return [self.guessing.failed(name, address, now) for address in addresses(50)]

    def test_the_owner_is_not_locked_out(self) -> None:
        """From where they have logged in before, nothing changes."""
        outcomes = self.attack()
        self.assertEqual([each.locked for each in outcomes], [()] * 49 + [(ACCOUNT,)])
        self.guessing.begin("admin", THERE, 0.0)
        self.assertEqual(self.guessing.refusal("admin", HERE, 0.0), 0.0)

    def test_from_elsewhere_one_at_a_time(self) -> None:
        self.attack()
        self.assertEqual(self.guessing.refusal("admin", THERE, 0.0), 0.0)
        self.guessing.begin("admin", THERE, 0.0)
        self.assertEqual(self.guessing.refusal("admin", "198.51.100.1", 3.0), 5.0)
        self.assertEqual(self.guessing.refusal("admin", THERE, 3.0, begun=True), 0.0)
        self.assertEqual(self.guessing.refusal("admin", "198.51.100.1", 8.0), 0.0)

    def test_others_are_not_slowed_down(self) -> None:
        self.attack()
        self.guessing.begin("admin", THERE, 0.0)
        self.assertEqual(self.guessing.refusal("alice", THERE, 0.0), 0.0)

    def test_over_after_a_while(self) -> None:
        self.attack()
        self.guessing.begin("admin", THERE, 899.0)
        self.assertEqual(self.guessing.refusal("admin", "198.51.100.1", 900.0), 0.0)

    def test_names_that_nobody_has(self) -> None:
        """They are treated alike, or it could be seen that nobody has them."""
        self.attack(name="nobody")
        self.guessing.begin("nobody", THERE, 0.0)
        self.assertEqual(self.guessing.refusal("nobody", "198.51.100.1", 0.0), 8.0)

    def test_an_owner_with_many_addresses(self) -> None:
        """The last that were used count; those of others are not pushed out."""
        for address in addresses(100):
            self.guessing.succeeded("mine", address)
        self.attack()
        self.guessing.begin("admin", THERE, 0.0)
        self.assertEqual(self.guessing.refusal("admin", HERE, 0.0), 0.0)


class TokenTests(SynchronousTestCase):
    """Who shows what is no token."""

    def setUp(self) -> None:
        self.guessing = Guessing(LockoutSettings())

    def test_locked_after_some(self) -> None:
        for _ in range(5):
            self.assertEqual(self.guessing.refusal_of_tokens(HERE, 0.0), 0.0)
            self.guessing.failed_token(HERE, 0.0)
        self.assertEqual(self.guessing.refusal_of_tokens(HERE, 1.0), 899.0)
        self.assertEqual(self.guessing.refusal_of_tokens(THERE, 1.0), 0.0)
        self.assertEqual(self.guessing.refusal("admin", HERE, 1.0), 0.0)

    def test_counted_with_passwords(self) -> None:
        """Who guesses one and the other is locked out of both."""
        for number in range(10):
            self.guessing.failed_token(HERE, 0.0)
            self.guessing.failed(f"user{number}", HERE, 0.0)
        self.assertGreater(self.guessing.refusal("other", HERE, 0.0), 0.0)

    def test_nobody_does_it_to_somebody_else(self) -> None:
        """By logging in under a name that stands for another address."""
        for name in (HERE, f"token@{HERE}", "", "tokens"):
            for address in addresses(60):
                self.guessing.failed(name, address, 0.0)
            self.guessing.begin(name, THERE, 0.0)
        self.assertEqual(self.guessing.refusal_of_tokens(HERE, 0.0), 0.0)

    def test_switched_off(self) -> None:
        self.guessing.configure(limits(enabled=False))
        for _ in range(50):
            self.guessing.failed_token(HERE, 0.0)
        self.assertEqual(self.guessing.refusal_of_tokens(HERE, 0.0), 0.0)


class MemoryTests(SynchronousTestCase):
    """What is remembered is bounded."""

    def setUp(self) -> None:
        self.patch(guessing, "MOST", 30)
        self.guessing = Guessing(limits(max_failures_per_address=0))

    def test_a_lock_is_not_pushed_out(self) -> None:
        for _ in range(5):
            self.guessing.failed("admin", HERE, 0.0)
        for address in addresses(40):
            for _ in range(5):
                self.guessing.failed("other", address, 1.0)
        self.assertEqual(self.guessing.refusal("admin", HERE, 1.0), 899.0)
        self.assertEqual(self.guessing.remembered[PAIR], 30)

    def test_room_again_when_locks_are_over(self) -> None:
        for address in addresses(40):
            for _ in range(5):
                self.guessing.failed("other", address, 0.0)
        outcomes = [self.guessing.failed("admin", HERE, 900.0) for _ in range(5)]
        self.assertIn(PAIR, outcomes[-1].locked)

    def test_entries(self) -> None:
        for number in range(100):
            self.guessing.failed(f"user{number}", f"10.0.0.{number}", 0.0)
            self.guessing.succeeded(f"user{number}", f"10.0.0.{number}")
            self.guessing.begin(f"user{number}", f"10.0.0.{number}", 0.0)
        kept = self.guessing.remembered
        self.assertTrue(all(size <= 30 for size in kept.values()), kept)


class Properties(SynchronousTestCase):
    """For any order of guesses."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.booleans()), max_size=60))
    def test_never_more_than_so_many(self, guesses: list[tuple[int, int, bool]]) -> None:
        """In no quarter of an hour has one address more than five guesses at one account."""
        decision = Guessing(LockoutSettings())
        made: dict[int, list[float]] = {}
        now = 0.0
        for place, wait, others in guesses:
            now += wait
            address = f"10.0.0.{place}"
            if others:
                decision.succeeded("other", address)
            if decision.refusal("admin", address, now) > 0:
                continue
            decision.failed("admin", address, now)
            times = made.setdefault(place, [])
            times.append(now)
            self.assertLessEqual(len([each for each in times if each > now - 900]), 5)
