"""Users who can log in: of the configuration, made through the API, and known by checkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from jairouter.auth.account_records import (
    ACCOUNTS,
    OUTSIDERS,
    Account,
    Record,
    Source,
    members,
    records_of,
    usual_cost,
)
from jairouter.auth.logins import Logins
from jairouter.auth.outsiders import Outsiders
from jairouter.config.settings.tokens import JwtSettings
from jairouter.config.stored_password import skeleton
from jairouter.errors import NoRoom
from jairouter.refusals import StoreUnavailable

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jairouter.auditing import IAudit
    from jairouter.auth.guessing import Guessing
    from jairouter.auth.passwords import Passwords
    from jairouter.store.document import Document


class Accounts:
    """All of them.

    Args:
        document: Where those are kept that are made through the API.
        passwords: Compares and hashes.
        guessing: Says who has guessed too often.
        clock: For delays.
        today: Seconds since the epoch.
        audit: Is told of failed logins and locks.
        outsiders: Who else knows users; by default, whom the configuration names.

    Attributes:
        document: See the arguments.
        passwords: Likewise.
        settings: In force.
        records: All accounts by name.
        cost: What a refused login costs; see `Passwords.compare`.
    """

    _log = Logger()

    def __init__(
        self,
        document: Document,
        passwords: Passwords,
        guessing: Guessing,
        clock: IReactorTime,
        today: Callable[[], float],
        audit: IAudit,
        outsiders: Outsiders | None = None,
    ) -> None:
        self.document = document
        self.passwords = passwords
        self.settings = JwtSettings()
        self.records: Mapping[str, Record] = {}
        self.cost = self.settings.passwords.cost
        self._development = False
        self._guessing = guessing
        self._today = today
        self._outsiders = outsiders or Outsiders(passwords, clock)
        self._logins = Logins(self, passwords, guessing, self._outsiders, clock, audit)
        self._watchers: list[Callable[[str], None]] = []
        self._ours: frozenset[str] = frozenset()
        document.call_on_change(self._look)
        self._look()

    def configure(self, settings: JwtSettings, development: bool = False) -> None:
        """Go by other settings from now on.

        Args:
            settings: Which have been checked (`jairouter.config.users`).
            development: Whether passwords may stand in the clear.

        Raises:
            Exception: A checker cannot be made; then nothing has changed.
        """
        self._outsiders.configure(settings.checkers, settings.checker_timeout)
        self.settings, self._development = settings, development
        self._guessing.configure(settings.lockout)
        self.passwords.turns.configure(settings.passwords.at_once, settings.passwords.waiting)
        self._look()

    def check(self, username: str, password: str, address: str) -> Deferred[Account]:
        """Find out whether this is a user's password.

        Args:
            username: Exactly as it is written.
            password: Anything.
            address: The client's.

        Returns:
            The user. Cancelled, it is taken out of the queue, or what has begun goes on to its end unseen.

        Raises:
            Unauthenticated: No such user, not this password, or disabled: one text for all.
            RateLimited: Too many have failed, from this address or for this user.
            NoRoom: Too many log in at this moment.
            StoreUnavailable: A checker knows the user, who has never logged in before, which cannot be kept.
        """
        return self._logins.check(username, password, address)

    def active(self, username: str) -> Account | None:
        """The user of this name, unless there is none or it is disabled."""
        record = self.records.get(username)
        return record.account if record is not None and record.enabled else None

    def standing(self, username: str) -> str | None:
        """See `Record.standing`; None where nobody can log in to the account of this name."""
        record = self.records.get(username)
        return record.standing if record is not None and record.enabled else None

    def call_on_change(self, function: Callable[[str], None]) -> None:
        """Have `function` called with the name of each user who should not be taken at their word any more.

        That is: the account was disabled or deleted, or its roles or its password are others; through the
        API, another gateway's too, or by a reload.
        """
        self._watchers.append(function)

    def record(self, name: str) -> Record | None:
        """See `Known.record`."""
        return self.records.get(name)

    def is_ours(self, name: str) -> bool:
        """See `Known.is_ours`."""
        return skeleton(name) in self._ours

    def remember(self, name: str) -> Deferred[Record | None]:
        """See `Known.remember`."""
        now = self._today()

        def edit(value: dict[str, Any]) -> None:
            value.setdefault(OUTSIDERS, {}).setdefault(name, {"createdAt": now})

        if name in self.records:
            kept: Deferred[Record | None] = Deferred()
            kept.callback(self.records[name])
            return kept
        return self.document.change(edit).addCallback(lambda _: self.records.get(name))

    def logged_in(self, record: Record, password: str) -> None:
        """Hash the password anew where that was done at a lower cost; nobody waits for that."""
        cost, stored = self.settings.passwords.cost, record.stored
        if record.account.source is not Source.API or stored is None or (stored.cost or 0) >= cost:
            return
        name, before = record.account.name, stored.text

        def keep(hashed: str) -> Deferred[None]:
            def edit(value: dict[str, Any]) -> None:
                made = members(value, ACCOUNTS).get(name, {})
                if made.get("password") == before:  # else it is another password by now
                    value[ACCOUNTS][name]["password"] = hashed

            return self.document.change(edit)

        hashing = self.passwords.hash(password, cost).addCallback(keep)
        hashing.addErrback(lambda failure: failure.trap(NoRoom, StoreUnavailable) and None)  # next time
        hashing.addErrback(lambda failure: self._log.failure("a password was not hashed anew", failure))

    def _look(self) -> None:
        """See what accounts there are now, and tell who is not what they were."""
        before, self.records = self.records, self.found_in(self.document.value)
        self.cost = usual_cost(self.records.values(), self.settings.passwords.cost)
        self._ours = frozenset(
            skeleton(name) for name, each in self.records.items() if each.account.source is not Source.CHECKER
        )
        for name, record in before.items():
            if record.took_away(self.records.get(name)):
                for watcher in self._watchers:
                    watcher(name)

    def found_in(self, value: Mapping[str, Any]) -> dict[str, Record]:
        """All accounts by name, if the document were this. May be called in a thread."""
        return records_of(self.settings, value, clear=self._development)
