"""Asks others who know users and passwords: checkers of Twisted, as `security.jwt.checkers` names them.

See docs/write-an-authenticator.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.strcred import makeChecker
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.auth.login_turns import Turns
from jairouter.auth.passwords import Passwords
from jairouter.config.stored_password import read_stored
from jairouter.errors import GatewayError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

AT_ONCE: Final = 8
"""Most that are asked at the same time: so many guesses more than `max-failures` an address may have."""
WAITING: Final = 100


@implementer(IUsernamePassword)
class UsernamePassword:
    """What somebody has typed, for a checker to look at.

    Args:
        username: In UTF-8.
        password: Likewise.
        passwords: Compares with hashes.
        address: Where it was typed.
    """

    def __init__(self, username: bytes, password: bytes, passwords: Passwords, address: str = "") -> None:
        self.username = username
        self.password = password
        self.address = address
        self._passwords = passwords

    def checkPassword(self, password: bytes) -> bool | Deferred[bool]:
        """Whether this is the password, or its bcrypt hash.

        The hash of any other kind is none: or whoever reads it could log in with it.

        Args:
            password: As the checker has it.
        """
        stored = read_stored(password.decode("utf-8", "replace"))
        if stored is not None and stored.cost is not None:
            said = self.password.decode("utf-8", "replace")
            return self._passwords.turns.run(partial(self._passwords.compare, said, stored, stored.cost))
        if password.startswith((b"$", b"{")):
            return False
        return compare_digest(self.password, password)

    def __repr__(self) -> str:
        return f"<UsernamePassword {self.username!r}>"


class Outsiders:
    """The checkers of the configuration.

    Args:
        passwords: For those that have hashes.
        clock: For those that do not answer.
        make: Makes a checker of its description.

    Attributes:
        turns: To be waited for before `ask`.
    """

    _log = Logger()

    def __init__(
        self, passwords: Passwords, clock: IReactorTime, make: Callable[[str], Any] = makeChecker
    ) -> None:
        self.turns = Turns(AT_ONCE, WAITING)
        self._passwords = passwords
        self._clock = clock
        self._make = make
        self._checkers: dict[str, ICredentialsChecker] = {}
        self._timeout = 10.0

    @property
    def there(self) -> bool:
        """Whether there are any."""
        return bool(self._checkers)

    def configure(self, descriptions: Sequence[str], timeout: float) -> None:
        """Go by other settings from now on. A checker that was there before stays, with what it has open.

        Raises:
            Exception: One of them cannot be made; then nothing has changed.
        """
        checkers = {each: self._checkers.get(each) or self._made(each) for each in descriptions}
        self._checkers, self._timeout = checkers, timeout

    def _made(self, description: str) -> ICredentialsChecker:
        checker: ICredentialsChecker = self._make(description)
        if isinstance(checker, FilePasswordDB):
            checker.cache = True  # or it reads the file on the event loop each time, not only when it changed
        return checker

    async def ask(self, username: str, password: str) -> str | None:
        """Ask one after the other.

        Returns:
            What the first who knows them calls the user, or None.

        Raises:
            GatewayError: There is no room for that now.
        """
        said = (username.encode("utf-8", "replace"), password.encode("utf-8", "replace"))
        for description, checker in self._checkers.items():
            credentials = UsernamePassword(*said, self._passwords)
            asking: Deferred[Any] = maybeDeferred(checker.requestAvatarId, credentials)
            try:
                name = _text(await asking.addTimeout(self._timeout, self._clock))
            except LoginFailed:
                continue
            except GatewayError:
                raise
            except TookTooLong:
                self._log.error(
                    "{kind}: no answer within {most} s", kind=_kind(description), most=self._timeout
                )
            except Exception as error:
                # What it says may hold what it was asked
                self._log.error("{kind}: {what}", kind=_kind(description), what=type(error).__name__)
            else:
                if name is not None:
                    return name
        return None


def _kind(description: str) -> str:
    """What a checker is called in a log: what comes after the colon may be a password of a directory."""
    return f"the checker {description.partition(':')[0]}"


def _text(avatar: Any) -> str | None:
    """A user's name; None for nobody, such as twisted.cred.checkers.ANONYMOUS."""
    if isinstance(avatar, bytes):
        return avatar.decode("utf-8", "replace") or None
    return avatar if isinstance(avatar, str) and avatar else None
