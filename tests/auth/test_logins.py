"""Tests for `jairouter.auth.logins`, over accounts of the configuration and of the API."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute

from jairouter.auditing import DENIED, Event
from jairouter.auth.account_records import Account, Source
from jairouter.auth.logins import TOO_OFTEN, WRONG
from jairouter.auth.permissions import ALL
from jairouter.errors import NoRoom, RateLimited, Reason, Unauthenticated
from tests.auth.users import ANYBODY, HASH, PASSWORD, AccountsCase, Threads, account


class LoginTests(AccountsCase):
    """Who gets in."""

    def test_with_the_password(self) -> None:
        self.assertEqual(self.login("admin"), Account("admin", ("ADMIN",), ALL, Source.CONFIGURATION))

    def test_wrong_in_any_way(self) -> None:
        """One text for all, which says nothing of what was wrong."""
        disabled = account("off", enabled=False)
        self.configure(account("admin"), disabled, account("broken", "$2a$10$example-hashed-password"))
        tried = [
            ("admin", "x"),
            ("nobody", PASSWORD),
            ("off", PASSWORD),
            ("broken", PASSWORD),
            ("Admin", PASSWORD),
        ]
        tried += [
            ("broken", "$2a$10$example-hashed-password"),
            ("admin", HASH),
            ("", ""),
            ("\ud800", "\ud800"),
        ]
        tried += [("admin", PASSWORD + "\0"), ("admin", "a" * 100), ("a" * 1000, PASSWORD)]
        for number, (name, password) in enumerate(tried):
            error = self.login(name, password, f"10.0.0.{number}")
            self.assertIsInstance(error, Unauthenticated, name)
            self.assertEqual((error.message, error.reason), (WRONG, Reason.LOGIN))

    def test_in_the_clear_only_in_development(self) -> None:
        clear = account("dev", "{noop}" + PASSWORD)
        self.configure(clear)
        self.assertIsInstance(self.login("dev"), Unauthenticated)
        self.configure(clear, development=True)
        self.assertEqual(self.login("dev").name, "dev")

    def test_made_through_the_api(self) -> None:
        """However a keyboard composes the characters."""
        self.make("bob", "cafe\u0301-trombone-47")
        for typed in ("cafe\u0301-trombone-47", "caf\u00e9-trombone-47"):
            self.assertEqual(self.login("bob", typed).source, Source.API)

    def test_what_is_configured_is_as_it_was_typed(self) -> None:
        self.configure(account("dev", "{noop}cafe\u0301"), development=True)
        self.assertEqual(self.login("dev", "cafe\u0301").name, "dev")
        self.assertIsInstance(self.login("dev", "caf\u00e9"), Unauthenticated)


class HashingAnewTests(AccountsCase):
    """A hash that is too cheap by now."""

    def test_at_the_next_login(self) -> None:
        self.make("bob")
        before = self.document.value["accounts"]["bob"]["password"]
        self.login("bob", "wrong")
        self.assertEqual(self.document.value["accounts"]["bob"]["password"], before)
        self.login("bob")
        after = self.document.value["accounts"]["bob"]["password"]
        self.assertNotEqual(after, before)
        self.assertEqual(self.login("bob").name, "bob")
        self.assertEqual(self.told, [])

    def test_not_those_of_the_configuration(self) -> None:
        self.login("alice")
        self.assertEqual(self.document.value, {})

    def test_a_password_that_was_changed_meanwhile(self) -> None:
        self.make("bob")
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        checking = self.accounts.check("bob", PASSWORD, "10.0.0.1")
        threads.work()
        self.assertEqual(self.successResultOf(checking).name, "bob")
        changing = Deferred.fromCoroutine(self.changes.set_password("bob", "harmonica-pond-48", ANYBODY))
        threads.waiting.reverse()
        threads.finish()
        self.successResultOf(changing)
        self.assertEqual(self.told, ["bob"])
        self.patch(self.passwords, "_run", self.document._run)
        self.assertEqual(self.login("bob", "harmonica-pond-48").name, "bob")


class GuessedTests(AccountsCase):
    """Who tries and tries."""

    def test_locked(self) -> None:
        """Also with the right password, and without a thread."""
        for _ in range(5):
            self.assertIsInstance(self.login("admin", "wrong"), Unauthenticated)
        self.patch(self.passwords, "_run", lambda *_: self.fail("nothing is to be compared"))
        self.clock.advance(100)
        error = self.login("admin")
        self.assertIsInstance(error, RateLimited)
        self.assertEqual((error.message, error.status, error.retry_after), (TOO_OFTEN, 429, 800.0))

    def test_recorded_once(self) -> None:
        for _ in range(7):
            self.login("admin", "wrong")
        locked = [each for each in self.audit.events if each.kind == "ACCOUNT_LOCKED"]
        by = {"by": "account and address"}
        self.assertEqual(locked, [Event("ACCOUNT_LOCKED", "admin", "192.0.2.1", "login", DENIED, details=by)])
        reasons = [each.reason for each in self.audit.events if each.kind == "AUTHENTICATION_FAILURE"]
        self.assertEqual(reasons, ["LOGIN_FAILED"] * 5 + ["LOCKED"] * 2)

    def test_names_that_nobody_has_are_not_recorded(self) -> None:
        """They are often passwords."""
        self.login("my-secret-password", "admin")
        self.assertEqual([each.user for each in self.audit.events], [""])
        self.assertNotIn("my-secret", repr(self.audit.events))

    def test_names_that_nobody_has_are_locked_too(self) -> None:
        for _ in range(5):
            self.login("nobody")
        self.assertIsInstance(self.login("nobody"), RateLimited)

    def test_success_forgets(self) -> None:
        for _ in range(3):
            for _ in range(4):
                self.login("admin", "wrong")
            self.assertEqual(self.login("admin").name, "admin")

    def test_all_at_once(self) -> None:
        """They wait in the queue when the fifth fails: no more than are under way are compared."""
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        checks = [self.accounts.check("admin", f"guess-{n}", "192.0.2.1") for n in range(100)]
        threads.finish()
        kinds = [type(self.failureResultOf(each).value) for each in checks]
        self.assertEqual((threads.most, threads.done), (2, 6))
        self.assertEqual(kinds, [Unauthenticated] * 6 + [RateLimited] * 94)

    def test_right_ones_all_at_once(self) -> None:
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        checks = [self.accounts.check("admin", PASSWORD, "192.0.2.1") for _ in range(100)]
        threads.finish()
        self.assertEqual({self.successResultOf(each).name for each in checks}, {"admin"})
        self.assertEqual((threads.most, threads.done), (2, 100))

    def test_no_room(self) -> None:
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        self.passwords.turns.configure(1, 1)
        checks = [self.accounts.check("admin", PASSWORD, "192.0.2.1") for _ in range(3)]
        self.failureResultOf(checks[2], NoRoom)
        threads.finish()
        for each in checks[:2]:
            self.successResultOf(each)

    def test_whoever_left_costs_nothing(self) -> None:
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        checks = [self.accounts.check("admin", "wrong", "192.0.2.1") for _ in range(10)]
        for each in checks[2:]:
            each.cancel()
            self.failureResultOf(each, CancelledError)
        threads.finish()
        self.assertEqual(threads.done, 2)
        for each in checks[:2]:
            self.failureResultOf(each, Unauthenticated)

    def test_leaving_does_not_undo_a_guess(self) -> None:
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        for _ in range(5):
            checking = self.accounts.check("admin", "wrong", "192.0.2.1")
            checking.cancel()
            self.failureResultOf(checking, CancelledError)
            threads.finish()
        self.assertIsInstance(self.login("admin"), RateLimited)


class DelayTests(AccountsCase):
    """How long it takes to say no."""

    lockout: dict[str, Any] = {}

    def test_doubling(self) -> None:
        for delay in (0.5, 1.0, 2.0):
            checking = self.accounts.check("admin", "wrong", "192.0.2.1")
            self.clock.advance(delay - 0.01)
            self.assertNoResult(checking)
            self.clock.advance(0.01)
            self.failureResultOf(checking, Unauthenticated)

    def test_holds_no_thread_and_no_place(self) -> None:
        self.passwords.turns.configure(1, 0)
        checking = self.accounts.check("admin", "wrong", "192.0.2.1")
        self.assertNoResult(checking)
        self.assertEqual(self.login("admin").name, "admin")
        self.clock.advance(1)
        self.failureResultOf(checking, Unauthenticated)

    def test_from_the_beginning(self) -> None:
        """How long it took is not seen."""
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        checking = self.accounts.check("admin", "wrong", "192.0.2.1")
        self.clock.advance(0.3)
        threads.finish()
        self.clock.advance(0.19)
        self.assertNoResult(checking)
        self.clock.advance(0.02)
        self.failureResultOf(checking, Unauthenticated)

    def test_whoever_leaves_leaves_no_timer(self) -> None:
        checking = self.accounts.check("admin", "wrong", "192.0.2.1")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        checking.cancel()
        self.failureResultOf(checking, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MeanwhileTests(AccountsCase):
    """The account changes while a password is being compared."""

    def test_another_password(self) -> None:
        """Who knew the old one gets in no more, though it was right when the comparison began."""
        self.make("bob")
        for change in (
            lambda: self.run_now(self.changes.set_password("bob", "harpsichord-bay-49", ANYBODY)),
            lambda: self.run_now(self.changes.delete("bob", ANYBODY)),
        ):
            threads = Threads()
            password = PASSWORD if self.told == [] else "harpsichord-bay-49"
            self.patch(self.passwords, "_run", threads)
            checking = self.accounts.check("bob", password, "192.0.2.1")
            self.patch(self.passwords, "_run", execute)
            self.passwords.turns.configure(9, 9)
            change()
            threads.finish()
            self.failureResultOf(checking, Unauthenticated)
