"""Tests for `jairouter.auth.account_changes` and `jairouter.auth.account_rules`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, execute

from jairouter.auth import account_rules
from jairouter.auth.account_records import Source
from jairouter.auth.acting import By
from jairouter.auth.key_records import terms_of
from jairouter.auth.last_administrator import Left
from jairouter.auth.permissions import ALL, granted
from jairouter.caller import Caller, Kind
from jairouter.errors import Unauthenticated
from jairouter.refusals import AlreadyExists, InsufficientPermissions, InvalidRequest, NotFound, NotPossible
from tests.auth.users import ANYBODY, PASSWORD, AccountsCase, Threads, account

NEW = "harmonica-pond-48"


def by(*permissions: str, user: str | None = None) -> By:
    """Somebody who may do this."""
    kind = Kind.KEY if user is None else Kind.TOKEN
    return By(user or "key", caller=Caller(user or "key", kind, granted(permissions)))


class CreatingTests(AccountsCase):
    """New accounts."""

    def test_one(self) -> None:
        self.make("bob", roles=["USER", "config:read"])
        record = self.changes.get("bob")
        self.assertEqual((record.account.roles, record.enabled), (("USER", "config:read"), True))
        self.assertEqual(self.login("bob").source, Source.API)
        created = self.audit.events[0]
        self.assertEqual((created.kind, created.user, created.ip), ("ACCOUNT_CREATED", "admin", "192.0.2.9"))

    def test_only_a_hash_is_kept(self) -> None:
        self.make("bob")
        self.assertNotIn(PASSWORD, repr((self.document.value, self.audit.events, self.accounts.records)))

    def test_names_that_could_be_mistaken(self) -> None:
        self.make("straße")
        for name in ("alice", "ALICE", "\uff41lice", "STRASSE", "strasse"):
            self.refused(self.changes.create(name, PASSWORD, [], ANYBODY), AlreadyExists)

    def test_names_that_nobody_can_have(self) -> None:
        for name in ("", " ", "a b", "a\n", "a\u200b", "\ud800", "a" * 101, "..", "e\u0301"):
            error = self.refused(self.changes.create(name, PASSWORD, [], ANYBODY), InvalidRequest)
            self.assertEqual({each.path for each in error.faults}, {"username"}, repr(name))

    def test_all_that_is_wrong_at_once(self) -> None:
        error = self.refused(self.changes.create("a b", "short", ["USR"], ANYBODY), InvalidRequest)
        self.assertEqual([each.path for each in error.faults], ["username", "roles", "password"])
        self.assertIn("is no permission", str(error.faults[1]))

    def test_nobody_gives_what_they_do_not_have(self) -> None:
        who = by("security:write", "chat:read")
        for roles in (["ADMIN"], ["USER"], ["chat:read", "config:read"]):
            self.refused(self.changes.create("bob", PASSWORD, roles, who), InsufficientPermissions)
        self.assertNotIn("bob", self.accounts.records)
        self.run_now(self.changes.create("bob", PASSWORD, ["chat:read"], who))

    def test_not_too_many(self) -> None:
        self.patch(account_rules, "MOST_ACCOUNTS", 3)
        self.make("bob")
        self.refused(self.changes.create("eve", PASSWORD, [], ANYBODY), NotPossible)

    def test_two_at_once(self) -> None:
        """The second finds the first, though it was not there when it was asked for."""
        first = self.changes.create("bob", PASSWORD, [], ANYBODY)
        self.patch(self.changes.accounts.passwords, "hash", self._hash_after(first))
        self.refused(self.changes.create("Bob", PASSWORD, [], ANYBODY), AlreadyExists)

    def _hash_after(self, first: object) -> object:
        hashing = self.passwords.hash

        def hash_one(password: str, cost: int) -> object:
            self.patch(self.passwords, "hash", hashing)
            self.run_now(first)
            return hashing(password, 4)

        return hash_one

    def test_an_old_override_does_not_count(self) -> None:
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
        self.configure(account("admin", roles=["ADMIN"]))
        self.make("alice")
        self.assertEqual(self.login("alice").name, "alice")


class ChangingTests(AccountsCase):
    """What may be changed, and by whom."""

    def setUp(self) -> None:
        super().setUp()
        self.make("bob", roles=["USER", "config:read"])

    def test_roles(self) -> None:
        self.clock.advance(5)
        record = self.run_now(self.changes.update("bob", ANYBODY, roles=["chat:read"]))
        self.assertEqual(record.account.permissions, granted(["chat:read"]))
        self.assertEqual(record.since["updatedAt"] - record.since["createdAt"], 5.0)
        updated = self.audit.events[-1]
        self.assertEqual(updated.kind, "ACCOUNT_UPDATED")
        self.assertEqual(updated.details["before"], {"roles": ["USER", "config:read"]})

    def test_an_account_that_may_more(self) -> None:
        """To take roles from it, to disable or delete it, or to give it a password one knows."""
        who = by("security:write", "security:delete", "read")
        for change in (
            self.changes.update("bob", who, roles=[]),
            self.changes.update("bob", who, enabled=False),
            self.changes.delete("bob", who),
            self.changes.set_password("bob", NEW, who),
            self.changes.update("admin", who, enabled=False),
        ):
            self.refused(change, InsufficientPermissions)

    def test_more_than_one_may(self) -> None:
        who = by("security:write", "read", "config:read")
        self.refused(self.changes.update("bob", who, roles=["ADMIN"]), InsufficientPermissions)
        self.assertEqual(self.changes.get("bob").account.roles, ("USER", "config:read"))

    def test_those_of_the_configuration(self) -> None:
        self.refused(self.changes.update("alice", ANYBODY, roles=["ADMIN"]), NotPossible)
        self.refused(self.changes.delete("alice", ANYBODY), NotPossible)
        self.refused(self.changes.set_password("alice", NEW, ANYBODY), NotPossible)
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
        self.assertIsInstance(self.login("alice"), Unauthenticated)
        self.run_now(self.changes.update("alice", ANYBODY, enabled=True))
        self.assertEqual(self.login("alice").name, "alice")
        changed = self.audit.kinds("ACCOUNT_ENABLED", "ACCOUNT_DISABLED")
        self.assertEqual(changed, ["ACCOUNT_DISABLED", "ACCOUNT_ENABLED"])

    def test_deleting(self) -> None:
        self.run_now(self.changes.delete("bob", ANYBODY))
        self.assertIsInstance(self.login("bob"), Unauthenticated)
        self.refused(self.changes.delete("bob", ANYBODY), NotFound)
        self.assertEqual(self.audit.kinds("ACCOUNT_DELETED"), ["ACCOUNT_DELETED"])

    def test_what_there_is_not(self) -> None:
        self.refused(self.changes.update("nobody", ANYBODY, enabled=True), NotFound)
        self.refused(self.changes.update("bob", ANYBODY, roles=["none"]), InvalidRequest)


class LimitTests(AccountsCase):
    """Whoever has a key that is limited makes no account, which is not."""

    def setUp(self) -> None:
        super().setUp()
        self.make("bob")
        terms = terms_of("key", {"allowFrom": ["10.0.0.0/8"]})
        self.limited = By("key", caller=Caller("key", Kind.KEY, ALL, terms=terms))

    def test_nothing_is_given(self) -> None:
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
        for change in (
            self.changes.create("eve", NEW, ["USER"], self.limited),
            self.changes.update("bob", self.limited, roles=["chat:read"]),
            self.changes.update("alice", self.limited, enabled=True),
            self.changes.set_password("bob", NEW, self.limited),
        ):
            self.audit.events.clear()
            self.assertIn("allowFrom", self.refused(change, InsufficientPermissions).message)
            self.assertEqual([each.result for each in self.audit.events], ["denied"])

    def test_but_taken_away(self) -> None:
        self.run_now(self.changes.update("bob", self.limited, enabled=False))
        self.run_now(self.changes.delete("bob", self.limited))


class PasswordTests(AccountsCase):
    """Other passwords."""

    def setUp(self) -> None:
        super().setUp()
        self.make("bob")

    def test_ones_own(self) -> None:
        self.run_now(self.changes.set_password("bob", NEW, by("read", user="bob"), PASSWORD))
        self.assertEqual(self.login("bob", NEW).name, "bob")
        self.assertIsInstance(self.login("bob", PASSWORD), Unauthenticated)

    def test_ones_own_without_the_old_one(self) -> None:
        """Whoever finds a session open must not become its owner, even if that is an administrator."""
        for who in (by("read", user="bob"), by("admin", user="bob")):
            self.refused(self.changes.set_password("bob", NEW, who), InvalidRequest)

    def test_ones_own_with_a_wrong_old_one(self) -> None:
        """Which counts as a guess."""
        for _ in range(5):
            self.refused(self.changes.set_password("bob", NEW, by(user="bob"), "wrong"), Unauthenticated)
        self.assertEqual(self.audit.kinds("ACCOUNT_LOCKED"), ["ACCOUNT_LOCKED"])

    def test_the_same_again(self) -> None:
        self.refused(self.changes.set_password("bob", PASSWORD, by(user="bob"), PASSWORD), InvalidRequest)

    def test_that_of_others(self) -> None:
        self.refused(
            self.changes.set_password("bob", NEW, by("read", user="alice"), PASSWORD), InsufficientPermissions
        )
        self.refused(
            self.changes.set_password("nobody", NEW, by("read", user="alice")), InsufficientPermissions
        )
        self.run_now(self.changes.set_password("bob", NEW, by("read", "security:write")))
        self.assertEqual(self.login("bob", NEW).name, "bob")

    def test_nothing_is_hashed_for_those_who_may_not(self) -> None:
        self.make("root", roles=["ADMIN"])
        self.patch(self.passwords, "_run", lambda *_: self.fail("nothing is to be hashed"))
        who = by("security:write", "read")
        self.refused(self.changes.set_password("root", NEW, who), InsufficientPermissions)

    def test_changed_by_somebody_else_meanwhile(self) -> None:
        """Who does not know the password that there is by now, does not change it."""
        threads = Threads()
        self.patch(self.passwords, "_run", threads)
        self.passwords.turns.configure(9, 9)
        changing = Deferred.fromCoroutine(
            self.changes.set_password("bob", NEW, by("read", user="bob"), PASSWORD)
        )
        threads.work()
        self.patch(self.passwords, "_run", execute)
        self.run_now(self.changes.set_password("bob", "harpsichord-bay-49", ANYBODY))
        threads.finish()
        self.failureResultOf(changing, NotPossible)
        self.assertEqual(self.login("bob", "harpsichord-bay-49").name, "bob")

    def test_a_key_of_the_same_name(self) -> None:
        """It is not the user."""
        who = By("bob", caller=Caller("bob", Kind.KEY, granted(["read"])))
        self.refused(self.changes.set_password("bob", NEW, who, PASSWORD), InsufficientPermissions)

    def test_a_weak_one(self) -> None:
        error = self.refused(self.changes.set_password("bob", "password1234", ANYBODY), InvalidRequest)
        self.assertEqual({each.path for each in error.faults}, {"newPassword"})
        self.assertNotIn("password1234", str(error) + str(error.faults))


class LastTests(AccountsCase):
    """Somebody is left who can change accounts."""

    def test_the_last_one(self) -> None:
        for change in (
            self.changes.update("admin", ANYBODY, enabled=False),
            self.changes.update("admin", by("admin", user="admin"), enabled=False),
        ):
            self.refused(change, NotPossible)
        self.assertEqual(self.login("admin").permissions, ALL)

    def test_one_of_two(self) -> None:
        self.make("root", roles=["security:write"])
        self.run_now(self.changes.update("admin", ANYBODY, enabled=False))
        for change in (
            self.changes.delete("root", ANYBODY),
            self.changes.update("root", ANYBODY, roles=["USER"]),
            self.changes.update("root", ANYBODY, enabled=False),
        ):
            self.refused(change, NotPossible)
        self.run_now(self.changes.update("admin", ANYBODY, enabled=True))
        self.run_now(self.changes.delete("root", ANYBODY))

    def test_one_who_cannot_log_in_does_not_count(self) -> None:
        broken = account("broken", "$2a$10$example-hashed-password", ["ADMIN"])
        self.configure(account("admin", roles=["ADMIN"]), broken)
        self.refused(self.changes.update("admin", ANYBODY, enabled=False), NotPossible)

    def test_a_key_that_may(self) -> None:
        self.others_may = Left.FOR_GOOD
        self.run_now(self.changes.update("admin", ANYBODY, enabled=False))

    def test_where_there_was_nobody(self) -> None:
        self.configure(account("alice"))
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
