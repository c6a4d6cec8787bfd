"""One login after the other: is this the user's password, and has somebody guessed too often?

::

    guessed too often? -> its turn -> by now? -> our own account -> the checkers -> answer
          429              503         429       (in a thread)                    401, late

Nothing says which part was wrong: whether there is no such user, whether it is disabled, or has another
password, the answer is the same, costs the same work, and comes as late. That is: as long after the
*beginning* as `Guessing` says, so that how long the work took is not seen in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from jairouter.auditing import DENIED, Event
from jairouter.auth.account_records import Account, Record, Source, name_fault
from jairouter.auth.guessing import place_of
from jairouter.auth.passwords import normalized
from jairouter.errors import RateLimited, Reason, Unauthenticated

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jairouter.auditing import IAudit
    from jairouter.auth.guessing import Guessing
    from jairouter.auth.outsiders import Outsiders
    from jairouter.auth.passwords import Passwords

WRONG: Final = "the user name or the password is wrong"
TOO_OFTEN: Final = "too many failed logins; try again later"


class Known(Protocol):
    """The accounts."""

    @property
    def cost(self) -> int:
        """What a refused login costs."""

    def record(self, name: str) -> Record | None:
        """The account of this name."""

    def is_ours(self, name: str) -> bool:
        """Whether an account that no checker knows has this name, or one that is taken for the same."""

    def remember(self, name: str) -> Deferred[Record | None]:
        """A checker knows this user: take the name down."""

    def logged_in(self, record: Record, password: str) -> None:
        """A user has logged in to an account of ours."""


@dataclass(slots=True)
class _Login:
    """One of them.

    Attributes:
        delay: Seconds after `began` before which it is not said that it failed.
    """

    username: str
    password: str
    address: str
    began: float
    delay: float = 0.0


class Logins:
    """See the module.

    Args:
        known: The accounts.
        passwords: Compares.
        guessing: Says who has guessed too often.
        outsiders: Who else knows users.
        clock: For delays.
        audit: Is told of failures and locks. Who has logged in, those record who make something of it.
    """

    def __init__(
        self,
        known: Known,
        passwords: Passwords,
        guessing: Guessing,
        outsiders: Outsiders,
        clock: IReactorTime,
        audit: IAudit,
    ) -> None:
        self._known = known
        self._passwords = passwords
        self._guessing = guessing
        self._outsiders = outsiders
        self._clock = clock
        self._audit = audit

    def check(self, username: str, password: str, address: str) -> Deferred[Account]:
        """See `Accounts.check`."""
        login = _Login(username, password, address, self._clock.seconds())
        return Deferred.fromCoroutine(self._check(login))

    async def _check(self, login: _Login) -> Account:
        self._admit(login)
        place = place_of(login.address)
        record = await self._passwords.turns.run(lambda: Deferred.fromCoroutine(self._own(login)), place)
        if record is None and self._asks_others(login):
            asking = self._outsiders.turns.run(lambda: Deferred.fromCoroutine(self._others(login)), place)
            record = await asking
        if record is not None:
            return record.account
        late = login.began + login.delay - self._clock.seconds()
        if late > 0:
            await deferLater(self._clock, late)
        raise Unauthenticated(WRONG, Reason.LOGIN)

    def _admit(self, login: _Login, *, begun: bool = False) -> None:
        """Refuse it if somebody has guessed too often.

        Raises:
            RateLimited: Not now, whatever the password.
        """
        now = self._clock.seconds()
        wait = self._guessing.refusal(login.username, login.address, now, begun=begun)
        if wait > 0:
            self._tell(login, "LOCKED")
            raise RateLimited(TOO_OFTEN, retry_after=wait)

    async def _own(self, login: _Login) -> Record | None:
        """Ask our own accounts. Goes on to its end, even if nobody waits any more: each guess counts."""
        self._admit(login)  # while it waited, others may have failed
        self._guessing.begin(login.username, login.address, self._clock.seconds())
        before = self._known.record(login.username)
        made = before is not None and before.account.source is Source.API
        said = normalized(login.password) if made else login.password
        right = await self._passwords.compare(said, before.stored if before else None, self._known.cost)
        record = self._known.record(login.username)
        if before is None or not before.enabled or before.took_away(record):
            record = None  # it has another password by now, perhaps: this one was right before
        if right and record is not None and record.can_log_in:
            self._succeeded(login)
            self._known.logged_in(record, said)
            return record
        if not self._asks_others(login):
            self._failed(login)
        return None

    def _asks_others(self, login: _Login) -> bool:
        fits = name_fault(login.username) is None
        return fits and self._outsiders.there and not self._known.is_ours(login.username)

    async def _others(self, login: _Login) -> Record | None:
        self._admit(login, begun=True)
        name = await self._outsiders.ask(login.username, login.password)
        # Or the checker's word for a user would be enough to become one of ours
        if name is None or name_fault(name) is not None or self._known.is_ours(name):
            self._failed(login)
            return None
        record = await self._known.remember(name)
        if record is None or not record.enabled:
            self._failed(login)
            return None
        self._succeeded(login)
        return record

    def _succeeded(self, login: _Login) -> None:
        self._guessing.succeeded(login.username, login.address)

    def _failed(self, login: _Login) -> None:
        outcome = self._guessing.failed(login.username, login.address, self._clock.seconds())
        login.delay = outcome.delay
        self._tell(login, Reason.LOGIN.value)
        for kind in outcome.locked:
            self._audit.record(
                Event(
                    "ACCOUNT_LOCKED", self._user(login), login.address, "login", DENIED, details={"by": kind}
                )
            )

    def _tell(self, login: _Login, reason: str) -> None:
        user = self._user(login)
        self._audit.often(
            Event("AUTHENTICATION_FAILURE", user, login.address, "login", DENIED, "login", reason)
        )

    def _user(self, login: _Login) -> str:
        """The name for the record: that of nobody may be a password that was typed into the wrong field."""
        return login.username if self._known.record(login.username) is not None else ""
