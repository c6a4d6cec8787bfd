"""Accounts to log in to, with threads that are only pretended and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bcrypt
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.auth import passwords
from jairouter.auth.account_changes import AccountChanges
from jairouter.auth.accounts import Accounts
from jairouter.auth.acting import By
from jairouter.auth.guessing import Guessing
from jairouter.auth.last_administrator import Left
from jairouter.auth.outsiders import Outsiders
from jairouter.auth.passwords import Passwords
from jairouter.config.settings.accounts import LockoutSettings
from jairouter.config.settings.tokens import JwtSettings
from jairouter.store.document import Document

TODAY = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
PASSWORD = "trombone-lake-47"


def hash_of(password: str) -> str:
    """A hash that costs next to nothing."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


HASH = hash_of(PASSWORD)


class Threads:
    """Stands in for threads: what they are given waits until the test lets it be done.

    Attributes:
        most: How many were busy at once.
        done: How many have done their work.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.most = 0
        self.done = 0

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Give one something to do."""
        result: Deferred[Any] = Deferred()

        def work() -> None:
            self.done += 1
            execute(function, *arguments).chainDeferred(result)

        self.waiting.append(work)
        self.most = max(self.most, len(self.waiting))
        return result

    def work(self) -> None:
        """Let the one that has waited longest be done."""
        self.waiting.pop(0)()

    def finish(self) -> None:
        """Let all be done, those too that come meanwhile."""
        while self.waiting:
            self.work()


@implementer(IAudit)
class Recorded:
    """Keeps events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        self.events.append(event)

    def often(self, event: Event) -> None:
        """See `IAudit.often`."""
        self.events.append(event)

    def kinds(self, *of: str) -> list[str]:
        """The kinds of the events, or of those of some kinds."""
        return [each.kind for each in self.events if not of or each.kind in of]


def account(name: str, password: str = HASH, roles: Sequence[str] = ("USER",), **more: Any) -> dict[str, Any]:
    """An account of the configuration."""
    return {"username": name, "password": password, "roles": list(roles), **more}


ANYBODY = By("admin", "192.0.2.9")
"""Somebody who may do everything."""


class AccountsCase(SynchronousTestCase):
    """A test with accounts."""

    lockout: dict[str, Any] = {"delay": 0}

    def setUp(self) -> None:
        self.patch(bcrypt, "gensalt", _cheap)
        self.patch(passwords, "COSTLY", 4)  # a refusal costs no more than that
        self.clock = Clock()
        self.audit = Recorded()
        self.threads = Threads()
        self.checkers: dict[str, Any] = {}
        self.passwords = Passwords(execute)
        self.document = Document("accounts", None, execute)
        self.guessing = Guessing(LockoutSettings())
        self.outsiders = Outsiders(self.passwords, self.clock, self.checkers.__getitem__)
        self.accounts = Accounts(
            self.document,
            self.passwords,
            self.guessing,
            self.clock,
            lambda: TODAY + self.clock.seconds(),
            self.audit,
            self.outsiders,
        )
        self.others_may = Left.NOBODY
        self.changes = AccountChanges(
            self.accounts, lambda: TODAY + self.clock.seconds(), self.audit, lambda: self.others_may
        )
        self.told: list[str] = []
        self.accounts.call_on_change(self.told.append)
        self.configure(account("admin", roles=["ADMIN"]), account("alice"))

    def configure(self, *accounts: dict[str, Any], development: bool = False, **more: Any) -> None:
        """Have these accounts in the configuration."""
        tree = {"accounts": accounts, "lockout": self.lockout, **more}
        self.accounts.configure(JwtSettings.model_validate(tree), development)

    def run_now(self, working: Any) -> Any:
        """What a coroutine of changes comes to."""
        return self.successResultOf(Deferred.fromCoroutine(working))

    def refused(self, working: Any, kind: type[Exception]) -> Any:
        """How it is refused."""
        return self.failureResultOf(Deferred.fromCoroutine(working), kind).value

    def make(self, name: str, password: str = PASSWORD, roles: Sequence[str] = ("USER",)) -> None:
        """Make an account through the API, whose hash costs next to nothing."""
        self.run_now(self.changes.create(name, password, roles, ANYBODY))

    def login(self, name: str, password: str = PASSWORD, address: str = "192.0.2.1") -> Any:
        """The account, or the error."""
        checking = self.accounts.check(name, password, address)
        results: list[Any] = []
        checking.addBoth(results.append)
        self.assertEqual(len(results), 1)
        return getattr(results[0], "value", results[0])


_gensalt = bcrypt.gensalt


def _cheap(cost: int = 12) -> bytes:
    salt: bytes = _gensalt(4)
    return salt
