"""Tests for `jairouter.auth.last_administrator`, with keys and users as the gateway puts them together."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.account_changes import AccountChanges
from jairouter.auth.accounts import Accounts
from jairouter.auth.acting import By
from jairouter.auth.guessing import Guessing
from jairouter.auth.key_store import ApiKeys
from jairouter.auth.keys import KeyRing
from jairouter.auth.passwords import Passwords
from jairouter.config.settings.accounts import LockoutSettings
from jairouter.config.settings.tokens import JwtSettings
from jairouter.refusals import NotPossible, StoreUnavailable
from jairouter.store.document import Documents
from tests.auth.keyed import PEPPER, Noting, settings
from tests.auth.users import account

ANYBODY = By("anybody")


class Thread:
    """Does what would block when the test says so, or at once."""

    def __init__(self) -> None:
        self.slow = False
        self.waiting: list[Deferred[Any]] = []

    def __call__(self, function: Any, *args: Any) -> Deferred[Any]:
        if not self.slow:
            return execute(function, *args)
        work: Deferred[Any] = Deferred()
        self.waiting.append(work)
        return work.addCallback(lambda _: function(*args))

    def go_on(self) -> None:
        """Let all be done, those too that come meanwhile."""
        while self.waiting:
            self.waiting.pop(0).callback(None)


class Gateway:
    """What of a gateway changes keys and accounts: one of each may."""

    def __init__(self, store: Path, thread: Thread) -> None:
        documents, clock, audit = Documents(store, thread, 0.0), Clock(), Noting()
        ring = KeyRing(PEPPER, clock.seconds)
        ring.configure(settings())
        self.key_document = documents.open("keys")
        users = documents.open("accounts", beside=self.key_document)
        self.keys = ApiKeys(self.key_document, ring, clock.seconds, Random(1), audit)
        passwords = Passwords(thread)
        accounts = Accounts(users, passwords, Guessing(LockoutSettings()), clock, clock.seconds, audit)
        accounts.configure(JwtSettings.model_validate({"accounts": [account("admin", roles=["ADMIN"])]}))
        keys = self.key_document
        self._changes = AccountChanges(accounts, clock.seconds, audit, lambda: self.keys.left(keys.latest()))
        self.keys.others_may = lambda: self._changes.left(users.latest())

    def stop_key(self) -> Deferred[Any]:
        """Disable the only key that may."""
        return self.keys.disable(ANYBODY, "root")

    def stop_user(self) -> Deferred[Any]:
        """Disable the only user who may."""
        return Deferred.fromCoroutine(self._changes.update("admin", ANYBODY, enabled=False))


class LastTests(SynchronousTestCase):
    """Of a key and a user one stays."""

    def setUp(self) -> None:
        self.store = Path(self.mktemp())
        self.thread = Thread()
        self.gateway = Gateway(self.store, self.thread)

    def test_one_after_the_other(self) -> None:
        self.successResultOf(self.gateway.stop_key())
        self.failureResultOf(self.gateway.stop_user(), NotPossible)
        self.successResultOf(self.gateway.keys.enable(ANYBODY, "root"))
        self.successResultOf(self.gateway.stop_user())
        self.failureResultOf(self.gateway.stop_key(), NotPossible)

    def test_at_once(self) -> None:
        """The second waits, and sees what the first has done."""
        self.thread.slow = True
        first, second = self.gateway.stop_key(), self.gateway.stop_user()
        self.assertEqual(len(self.thread.waiting), 1)
        self.thread.go_on()
        self.successResultOf(first)
        self.failureResultOf(second, NotPossible)

    def test_one_that_expires_is_not_enough(self) -> None:
        """It can make none that lasts longer."""
        self.successResultOf(self.gateway.stop_user())
        given = {"permissions": ["admin"], "expiresAt": 1_767_225_600}
        self.successResultOf(self.gateway.keys.create(ANYBODY, given, "short"))
        self.failureResultOf(self.gateway.stop_key(), NotPossible)
        self.successResultOf(self.gateway.keys.update(ANYBODY, "short", {"expiresAt": None}))
        self.successResultOf(self.gateway.stop_key())
        self.failureResultOf(self.gateway.keys.update(ANYBODY, "short", given), NotPossible)

    def test_through_two_gateways(self) -> None:
        """Neither goes by what it knew before."""
        other = Gateway(self.store, self.thread)
        self.successResultOf(self.gateway.stop_user())
        self.failureResultOf(other.stop_key(), NotPossible)

    def test_through_two_gateways_at_once(self) -> None:
        """They have one lock for both."""
        other = Gateway(self.store, self.thread)

        def edit(value: dict[str, Any]) -> None:
            self.failureResultOf(other.stop_user(), StoreUnavailable)

        self.successResultOf(self.gateway.key_document.change(edit))
        self.successResultOf(other.stop_user())
