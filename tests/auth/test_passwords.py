"""Tests for `jairouter.auth.passwords`."""

from __future__ import annotations

from functools import partial

import bcrypt
from twisted.internet.defer import execute
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.passwords import Passwords, encoded, normalized
from jairouter.config.stored_password import StoredPassword, read_stored
from tests.auth.users import HASH, PASSWORD, Threads, hash_of


class ComparingTests(SynchronousTestCase):
    """Whether a password is the one."""

    def setUp(self) -> None:
        self.spent: list[int] = []
        real = bcrypt.checkpw

        def counted(password: bytes, hashed: bytes) -> bool:
            self.spent.append(2 ** int(hashed[4:6]))
            # Costs are counted, and not spent
            return bool(real(password, hashed)) if hashed[4:6] == b"04" else False

        self.patch(bcrypt, "checkpw", counted)

    def compare(self, password: str, stored: str | None, cost: int = 4) -> bool:
        read = None if stored is None else read_stored(stored)
        return self.successResultOf(Passwords(execute).compare(password, read, cost))

    def test_hashes(self) -> None:
        """As bcrypt, PHP and Spring write them."""
        for prefix in ("$2a$", "$2b$", "$2y$", "{bcrypt}$2a$"):
            stored = prefix + HASH[4:]
            self.assertTrue(self.compare(PASSWORD, stored), prefix)
            self.assertFalse(self.compare(PASSWORD + " ", stored), prefix)

    def test_in_the_clear(self) -> None:
        self.assertTrue(self.compare("ünsafe", "{noop}ünsafe"))
        self.assertFalse(self.compare("unsafe", "{noop}ünsafe"))
        self.assertFalse(self.compare("a" * 73, "{noop}" + "a" * 73))

    def test_nobody(self) -> None:
        self.assertFalse(self.compare(PASSWORD, None))

    def test_what_bcrypt_would_cut_short(self) -> None:
        """It is never right, and never an error."""
        for password, head in (("a" * 73, "a" * 72), ("a\0b", "a"), ("ä" * 37, "ä" * 36), ("\ud800", "")):
            self.assertFalse(self.compare(password, hash_of(head)), password)
        self.assertTrue(self.compare("ä" * 36, hash_of("ä" * 36)))

    def test_a_refusal_costs_the_same(self) -> None:
        """Whether there is such a user, whatever their hash has cost, whatever they typed."""
        costs = []
        for stored in (None, HASH, "$2b$08" + HASH[6:], "$2b$10" + HASH[6:], "{noop}other"):
            for password in ("wrong", "\0", "a" * 100):
                self.spent.clear()
                self.assertFalse(self.compare(password, stored, 10))
                costs.append(sum(self.spent))
        self.assertEqual(set(costs), {2**10})

    def test_not_more_than_is_sensible(self) -> None:
        """One account with a costly hash does not make each guess at any other cost seconds."""
        self.compare("wrong", None, 20)
        self.assertEqual(sum(self.spent), 2**14)


class HashingTests(SynchronousTestCase):
    """New hashes."""

    def test_in_a_thread(self) -> None:
        threads = Threads()
        hashing = Passwords(threads).hash("something-new-12", 4)
        self.assertNoResult(hashing)
        threads.finish()
        stored = read_stored(self.successResultOf(hashing))
        assert stored is not None
        self.assertEqual(stored.cost, 4)
        self.assertTrue(bcrypt.checkpw(b"something-new-12", stored.text.encode()))

    def test_what_bcrypt_does_not_take(self) -> None:
        for password in ("a" * 73, "\0", "\udfff"):
            self.failureResultOf(Passwords(execute).hash(password, 4), ValueError)

    def test_at_most_so_many_threads(self) -> None:
        """A hundred logins at once."""
        threads = Threads()
        keeper = Passwords(threads, 3, 100)
        stored = StoredPassword(HASH, 4)
        work = partial(keeper.compare, PASSWORD, stored, 4)
        results = [keeper.turns.run(work) for _ in range(100)]
        self.assertEqual(len(threads.waiting), 3)
        while threads.waiting:
            threads.work()
        self.assertEqual((threads.most, threads.done), (3, 100))
        self.assertTrue(all(self.successResultOf(each) for each in results))


class FormTests(SynchronousTestCase):
    """How passwords are taken."""

    def test_one_form_for_all_keyboards(self) -> None:
        self.assertEqual(normalized("e\u0301\uff21"), "éA")

    def test_bytes(self) -> None:
        self.assertEqual(encoded("ä"), "ä".encode())
        self.assertIsNone(encoded("ä" * 37))
