"""Tests for `jairouter.auth.accounts`: which there are, and who is told when one is not what it was."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import execute

from jairouter.auth.account_records import Source
from jairouter.auth.permissions import NONE, granted
from jairouter.errors import Unauthenticated
from jairouter.store.document import Document
from tests.auth.users import ANYBODY, PASSWORD, AccountsCase, account, hash_of


class ActiveTests(AccountsCase):
    """Who there is."""

    def test_of_the_configuration(self) -> None:
        active = self.accounts.active("alice")
        assert active is not None
        self.assertEqual((active.roles, active.permissions), (("USER",), granted(["read"])))

    def test_exactly_as_written(self) -> None:
        for name in ("Alice", "alice ", "", "nobody"):
            self.assertIsNone(self.accounts.active(name))

    def test_disabled(self) -> None:
        self.configure(account("alice", enabled=False))
        self.assertIsNone(self.accounts.active("alice"))

    def test_made(self) -> None:
        self.make("bob", roles=["chat:read"])
        active = self.accounts.active("bob")
        assert active is not None
        self.assertEqual((active.permissions, active.source), (granted(["chat:read"]), Source.API))

    def test_the_configuration_counts_more(self) -> None:
        self.make("bob", roles=["USER"])
        self.configure(account("bob", hash_of("other"), ["config:read"]))
        self.assertEqual(self.login("bob", "other").source, Source.CONFIGURATION)
        self.assertIsInstance(self.login("bob"), Unauthenticated)

    def test_a_document_that_somebody_has_written_into(self) -> None:
        """What is not understood is left out, and a clear text lets nobody in."""
        made = {"password": "{noop}x", "roles": ["nonsense"], "enabled": True}
        wrong: dict[str, Any] = {
            "accounts": {"eve": made, "odd": 1, "no": {}},
            "overrides": [],
            "outsiders": None,
        }
        self.successResultOf(self.document.change(lambda value: value.update(wrong)))
        active = self.accounts.active("eve")
        assert active is not None
        self.assertEqual(active.permissions, NONE)
        self.assertIsNone(self.accounts.active("no"))
        self.assertIsInstance(self.login("eve", "x"), Unauthenticated)

    def test_a_restart(self) -> None:
        self.make("bob")
        other = AccountsCase()
        other.setUp()
        other.document._adopt(dict(self.document.value), None)
        self.assertEqual(other.login("bob").name, "bob")

    def test_costs(self) -> None:
        """A refusal costs as much as the costliest hash."""
        self.assertEqual(self.accounts.cost, 4)
        self.configure(account("a", "$2a$10$" + "." * 53), account("b", "$2a$17$" + "." * 53))
        self.assertEqual(self.accounts.cost, 14)
        self.configure()
        self.assertEqual(self.accounts.cost, 12)


class ToldTests(AccountsCase):
    """Whose tokens are not good any more."""

    def test_reload_that_changes_nothing(self) -> None:
        self.configure(account("admin", roles=["ADMIN"]), account("alice"))
        self.assertEqual(self.told, [])

    def test_reloads(self) -> None:
        changes = {
            "taken away": [],
            "disabled": [account("alice", enabled=False)],
            "other roles": [account("alice", roles=["chat:read"])],
            "no roles": [account("alice", roles=[])],
            "other password": [account("alice", hash_of("other"))],
        }
        admin = account("admin", roles=["ADMIN"])
        for what, accounts in changes.items():
            self.configure(admin, account("alice"))
            self.told.clear()
            self.configure(admin, *accounts)
            self.assertEqual(self.told, ["alice"], what)

    def test_what_gives_more_tells_nobody(self) -> None:
        self.configure(account("admin", roles=["ADMIN"]), account("alice", enabled=False))
        self.told.clear()
        self.configure(account("admin", roles=["ADMIN"]), account("alice"), account("new"))
        self.assertEqual(self.told, [])

    def test_through_the_api(self) -> None:
        self.make("bob")
        self.run_now(self.changes.update("bob", ANYBODY, roles=["USER"], enabled=True))
        self.assertEqual(self.told, [])
        self.run_now(self.changes.update("bob", ANYBODY, roles=["chat:read"]))
        self.run_now(self.changes.update("bob", ANYBODY, enabled=False))
        self.run_now(self.changes.update("bob", ANYBODY, enabled=True))
        self.run_now(self.changes.set_password("bob", "harmonica-pond-48", ANYBODY))
        self.run_now(self.changes.delete("bob", ANYBODY))
        self.assertEqual(self.told, ["bob"] * 4)

    def test_one_of_the_configuration_disabled_through_the_api(self) -> None:
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
        self.assertEqual(self.told, ["alice"])

    def test_by_another_gateway(self) -> None:
        """Which has deleted the account and made another of the same name and password."""
        self.make("bob")
        before = dict(self.document.value)
        self.clock.advance(1)
        other = Document("accounts", None, execute)
        self.run_now(self.changes.delete("bob", ANYBODY))
        self.make("bob")
        after = dict(self.document.value)
        self.document._adopt(before, None)
        self.told.clear()
        self.document._adopt(after, None)
        self.assertEqual((self.told, other.value), (["bob"], {}))
        self.assertEqual(self.login("bob", PASSWORD).name, "bob")


class StandingTests(AccountsCase):
    """What tells an account from what it was."""

    def test_only_what_counts_changes_it(self) -> None:
        before = self.accounts.standing("alice")
        assert before is not None
        self.configure(account("alice"), account("other"))
        self.assertEqual(self.accounts.standing("alice"), before)
        seen = {before}
        for other in (account("alice", hash_of("another")), account("alice", roles=["ADMIN"])):
            self.configure(other)
            seen.add(self.accounts.standing("alice") or "")
        self.configure()
        self.assertIsNone(self.accounts.standing("alice"))
        self.make("alice")
        seen.add(self.accounts.standing("alice") or "")
        self.run_now(self.changes.set_password("alice", "harpsichord-bay-49", ANYBODY))
        seen.add(self.accounts.standing("alice") or "")
        self.assertEqual(len(seen - {""}), 5)
        self.run_now(self.changes.update("alice", ANYBODY, enabled=False))
        self.assertIsNone(self.accounts.standing("alice"))

    def test_a_clear_text_is_not_in_it(self) -> None:
        """Or it could be guessed from what is kept."""
        self.configure(account("dev", "{noop}one"), development=True)
        before = self.accounts.standing("dev")
        self.configure(account("dev", "{noop}two"), development=True)
        self.assertEqual(self.accounts.standing("dev"), before)
