"""Tests for `jairouter.auth.outsiders`: logins of users whom checkers know."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.cred.checkers import ANONYMOUS, FilePasswordDB, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.auth.account_records import Source
from jairouter.auth.acting import By
from jairouter.auth.outsiders import UsernamePassword
from jairouter.auth.passwords import Passwords
from jairouter.auth.permissions import granted
from jairouter.caller import Caller, Kind
from jairouter.errors import NoRoom, RateLimited, Unauthenticated
from jairouter.refusals import AlreadyExists, NotPossible
from tests.auth.users import ANYBODY, HASH, PASSWORD, AccountsCase, Threads, account


@implementer(ICredentialsChecker)
class Checker:
    """Answers as it is told."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        self.asked: list[bytes] = []

    def requestAvatarId(self, credentials: Any) -> Any:
        self.asked.append(credentials.username)
        return self._answer(credentials)


def refuse(_: Any) -> Any:
    """Know nobody."""
    raise UnauthorizedLogin


def _say(avatar: object, _: Any) -> Any:
    return avatar


class OutsidersCase(AccountsCase):
    """Accounts, and checkers besides."""

    def use(self, *answers: Callable[[Any], Any], **more: Any) -> list[Checker]:
        made = [Checker(each) for each in answers]
        self.checkers.clear()
        self.checkers.update({f"c{number}:secret": each for number, each in enumerate(made)})
        self.outsiders._checkers.clear()
        self.configure(account("admin", roles=["ADMIN"]), checkers=[*self.checkers], **more)
        return made


class AskingTests(OutsidersCase):
    """Who is asked about whom."""

    def test_known(self) -> None:
        self.use(lambda asked: asked.username, checker_roles=["chat:read"])
        account = self.login("carol")
        self.assertEqual((account.name, account.permissions), ("carol", granted(["chat:read"])))
        self.assertEqual(self.accounts.active("carol"), account)

    def test_after_a_restart(self) -> None:
        """Their tokens are good, and they are not asked about."""
        self.use(lambda asked: asked.username)
        self.login("carol")
        other = OutsidersCase()
        other.setUp()
        other.document._adopt(dict(self.document.value), None)
        self.assertIsNone(other.accounts.active("carol"))
        other.use(refuse)
        active = other.accounts.active("carol")
        assert active is not None
        self.assertIs(active.source, Source.CHECKER)

    def test_in_order(self) -> None:
        first, second, third = self.use(refuse, lambda _: b"carol", lambda _: b"other")
        self.assertEqual(self.login("Carol").name, "carol")
        self.assertEqual((first.asked, second.asked, third.asked), ([b"Carol"], [b"Carol"], []))

    def test_never_about_ours(self) -> None:
        """Nor about one that could be mistaken for one of ours."""
        (checker,) = self.use(lambda asked: asked.username)
        for name in ("admin", "Admin", "\uff21DMIN"):
            self.assertIsInstance(self.login(name, "wrong"), Unauthenticated)
        self.assertEqual(checker.asked, [])

    def test_nobody_becomes_one_of_ours(self) -> None:
        """Though the checker says so."""
        for avatar in (b"admin", "admin", b"ADMIN", ANONYMOUS, b"", None, b"a b", b"\xff\n"):
            self.use(partial(_say, avatar))
            self.assertIsInstance(self.login(f"carol{avatar!r}"[:90].replace(" ", "")), Unauthenticated)

    def test_names_that_nobody_can_have(self) -> None:
        (checker,) = self.use(lambda asked: asked.username)
        for number, name in enumerate(("", "a b", "a\n", "a*\0", "\ud800", "x" * 101)):
            self.assertIsInstance(self.login(name, address=f"10.0.0.{number}"), Unauthenticated)
        self.assertEqual(checker.asked, [])

    def test_not_known(self) -> None:
        self.use(refuse)
        for _ in range(5):
            self.assertIsInstance(self.login("carol"), Unauthenticated)
        self.assertIsInstance(self.login("carol"), RateLimited)

    def test_broken_ones_are_passed_over(self) -> None:
        """And what they say is not shown."""

        def fall_down(asked: Any) -> Any:
            raise OSError(f"cannot bind as {asked.username} with {asked.password}")

        self.use(fall_down, lambda _: b"carol")
        with capturedLogs() as logged:
            self.assertEqual(self.login("carol").name, "carol")
        self.assertEqual([(each["kind"], each["what"]) for each in logged], [("the checker c0", "OSError")])

    def test_no_room(self) -> None:
        """It says nothing about the password, and is no guess."""

        def find_no_room(_: Any) -> Any:
            raise NoRoom("too many")

        self.use(find_no_room, lambda _: b"carol")
        for _ in range(6):
            self.assertIsInstance(self.login("carol"), NoRoom)
        self.assertEqual(self.audit.events, [])

    def test_one_that_hangs(self) -> None:
        hanging: Deferred[bytes] = Deferred()
        self.use(lambda _: hanging, refuse)
        checking = self.accounts.check("carol", PASSWORD, "192.0.2.1")
        self.clock.advance(9.9)
        self.assertNoResult(checking)
        self.clock.advance(0.2)
        self.failureResultOf(checking, Unauthenticated)
        self.assertTrue(hanging.called)

    def test_at_most_so_many_at_once(self) -> None:
        """Then guesses cannot run ahead of their being counted."""
        waiting: list[Deferred[bytes]] = []

        def wait(_: Any) -> Deferred[bytes]:
            waiting.append(Deferred())
            return waiting[-1]

        self.use(wait)
        checks = [self.accounts.check("carol", f"guess-{n}", "192.0.2.1") for n in range(50)]
        asked = len(waiting)
        for each in waiting:
            each.errback(UnauthorizedLogin())
        kinds = [type(self.failureResultOf(each).value) for each in checks]
        self.assertEqual((asked, len(waiting)), (8, 12))
        self.assertEqual(kinds.count(RateLimited), 38)

    def test_slowed_down_but_let_in(self) -> None:
        """The one that may try is asked about, though another may not try yet."""
        self.use(lambda asked: asked.username if asked.password == b"right-one" else refuse(asked))
        for number in range(50):
            self.login("carol", "wrong", f"10.0.{number}.1")
        self.assertEqual(self.login("carol", "right-one", "10.1.0.1").name, "carol")
        self.assertIsInstance(self.login("carol", "right-one", "10.1.0.2"), RateLimited)

    def test_a_checker_stays_through_a_reload(self) -> None:
        (checker,) = self.use(lambda asked: asked.username)
        self.checkers.clear()
        self.configure(checkers=["c0:secret"])
        self.login("carol")
        self.assertEqual(checker.asked, [b"carol"])

    def test_one_that_cannot_be_made(self) -> None:
        """Nothing changes."""
        with self.assertRaises(KeyError):
            self.configure(checkers=["unknown:"])
        self.assertEqual(self.login("alice").name, "alice")


class KnownOutsidersTests(OutsidersCase):
    """Users whom a checker has let in once."""

    def setUp(self) -> None:
        super().setUp()
        self.use(lambda asked: asked.username)
        self.login("carol")

    def test_disabled(self) -> None:
        self.run_now(self.changes.update("carol", ANYBODY, enabled=False))
        self.assertEqual(self.told, ["alice", "carol"])
        self.assertIsNone(self.accounts.active("carol"))
        self.assertIsInstance(self.login("carol"), Unauthenticated)

    def test_forgotten_and_still_disabled(self) -> None:
        self.run_now(self.changes.update("carol", ANYBODY, enabled=False))
        self.run_now(self.changes.delete("carol", ANYBODY))
        self.assertNotIn("carol", self.accounts.records)
        self.assertIsInstance(self.login("carol"), Unauthenticated)

    def test_the_rest_is_not_ours(self) -> None:
        self.refused(self.changes.update("carol", ANYBODY, roles=["ADMIN"]), NotPossible)
        self.refused(self.changes.set_password("carol", PASSWORD, ANYBODY), NotPossible)
        self.refused(self.changes.create("Carol", PASSWORD, [], ANYBODY), AlreadyExists)
        who = By("key", caller=Caller("key", Kind.KEY, frozenset()))
        self.assertEqual(self.changes.get("carol").stored, None)
        self.assertFalse(who.may(granted(["read"])))

    def test_no_checkers_any_more(self) -> None:
        self.configure(account("admin", roles=["ADMIN"]))
        self.assertIsNone(self.accounts.active("carol"))
        self.assertIn("carol", self.told)


class FileTests(OutsidersCase):
    """Twisted's own checker of files."""

    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp())
        weak = "$1$abcdefgh$G/9z9bBUUq9gV0yJ0cHT11"
        self.file.write_text(f"carol:{HASH}\ndave:clear-as-day-1\nerin:{weak}\nadmin:x\nfrank:{{SHA}}abc=\n")
        self.checkers["file:x"] = FilePasswordDB(str(self.file))
        self.configure(account("admin", roles=["ADMIN"]), checkers=["file:x"])

    def test_hashes(self) -> None:
        self.assertEqual(self.login("carol").name, "carol")
        self.assertIsInstance(self.login("carol", "wrong"), Unauthenticated)

    def test_a_hash_is_no_password(self) -> None:
        tried = {"carol": HASH, "erin": "$1$abcdefgh$G/9z9bBUUq9gV0yJ0cHT11", "frank": "{SHA}abc="}
        for name, password in tried.items():
            self.assertIsInstance(self.login(name, password), Unauthenticated, name)

    def test_in_the_clear(self) -> None:
        self.assertEqual(self.login("dave", "clear-as-day-1").name, "dave")
        self.assertIsInstance(self.login("dave", "clear-as-day-2"), Unauthenticated)

    def test_not_ours(self) -> None:
        self.assertIsInstance(self.login("admin", "x"), Unauthenticated)

    def test_changed(self) -> None:
        self.login("carol")
        self.file.write_text("gina:something-new\n")
        os.utime(self.file, (2e9, 2e9))
        self.assertEqual(self.login("gina", "something-new").name, "gina")
        self.assertIsInstance(self.login("carol"), Unauthenticated)

    def test_gone(self) -> None:
        self.file.unlink()
        self.assertIsInstance(self.login("carol"), Unauthenticated)

    def test_hashes_take_turns(self) -> None:
        """In the same queue as those of our own accounts, and NoRoom is not taken for a wrong password."""
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        self.passwords.turns.configure(1, 0)
        checking = self.accounts.check("carol", PASSWORD, "192.0.2.1")
        threads.work()  # our own accounts know nobody of this name
        self.failureResultOf(self.accounts.check("dave", "x", "192.0.2.1"), NoRoom)
        threads.finish()
        self.assertEqual(self.successResultOf(checking).name, "carol")


class CredentialsTests(AccountsCase):
    """What checkers are shown."""

    def test_interface(self) -> None:
        credentials = UsernamePassword(b"carol", b"secret", Passwords(Threads()))
        verifyObject(IUsernamePassword, credentials)
        self.assertNotIn("secret", repr(credentials))
