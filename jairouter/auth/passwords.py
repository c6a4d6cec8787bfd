"""Compares passwords with hashes, and makes hashes: in threads, a few at a time, one behind the other.

A bcrypt hash takes a processor a quarter of a second, on purpose. On the event loop it would stop all
traffic; in any number of threads it would take all processors from it.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Callable
from functools import partial
from hmac import compare_digest
from typing import Any, Final, TypeVar

import bcrypt
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from jairouter.config.stored_password import COSTLY, StoredPassword
from jairouter.errors import GatewayError, NoRoom

T = TypeVar("T")
RunInThread = Callable[..., Deferred[Any]]

MOST_BYTES: Final = 72
"""Bytes of a password that bcrypt takes."""
RETRY_AFTER: Final = 5.0
"""Seconds after which to try again what found no room."""

_log = Logger()

_SALT: Final = "." * 22
_NOBODY: Final = "." * 31  # no password is known that hashes to this


class Turns:
    """Lets work be done a few at a time, in the order in which it was asked for.

    Args:
        at_once: Most that are under way.
        waiting: Most that wait for their turn.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._running = 0
        self._handing_on = False
        self._queue: deque[tuple[Deferred[Any], Callable[[], Deferred[Any]]]] = deque()
        self.configure(at_once, waiting)

    def configure(self, at_once: int, waiting: int) -> None:
        """Go by other numbers from now on."""
        self._at_once = at_once
        self._waiting = waiting
        self._next()

    def run(self, work: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Have `work` called when its turn has come.

        Returns:
            What comes of it. Cancelled before its turn, it is never called. Cancelled later, it goes on to
            its end, and only then is there room for the next: a thread cannot be stopped.

        Raises:
            NoRoom: So many wait that this would take too long; the Deferred fails with it.
        """
        if self._running >= self._at_once and len(self._queue) >= self._waiting:
            return fail(NoRoom("too many logins at once; try again later", retry_after=RETRY_AFTER))
        waiting: Deferred[T] = Deferred(self._leave)
        self._queue.append((waiting, work))
        self._next()
        return waiting

    def _leave(self, waiting: Deferred[Any]) -> None:
        self._queue = deque(each for each in self._queue if each[0] is not waiting)

    def _next(self) -> None:
        if self._handing_on:  # work that is done at once: the loop below goes on, however many there are
            return
        self._handing_on = True
        try:
            while self._queue and self._running < self._at_once:
                waiting, work = self._queue.popleft()
                self._running += 1
                maybeDeferred(work).addBoth(self._done, waiting)
        finally:
            self._handing_on = False

    def _done(self, result: Any, waiting: Deferred[Any]) -> None:
        self._running -= 1
        if not waiting.called:
            waiting.callback(result)  # (which fails it with a Failure)
        elif isinstance(result, Failure) and not result.check(GatewayError):
            _log.failure("what nobody waited for any more failed", result)
        self._next()


class Passwords:
    """See the module.

    Args:
        run_in_thread: Calls a function in a thread.
        at_once: Most threads that are taken.
        waiting: Most that wait for one.
    """

    def __init__(self, run_in_thread: RunInThread, at_once: int = 2, waiting: int = 100) -> None:
        self._run = run_in_thread
        self.turns = Turns(at_once, waiting)

    def compare(self, password: str, stored: StoredPassword | None, cost: int) -> Deferred[bool]:
        """Compare in a thread, at once: to be called by what `turns` runs.

        Args:
            password: What somebody says.
            stored: What it is to be; None for nobody's.
            cost: A refusal costs as much time as a hash of this cost does (or as `stored` does, if that is
                more), so that it does not tell whether there is such a user.

        Returns:
            Whether it is the one.
        """
        comparing: Deferred[bool] = self._run(_compare, encoded(password), stored, min(cost, COSTLY))
        return comparing

    def hash(self, password: str, cost: int) -> Deferred[str]:
        """Hash a new password, when its turn has come.

        Raises:
            ValueError: bcrypt does not take it; see `encoded`.
            NoRoom: See `Turns.run`.
        """
        data = encoded(password)
        if data is None:
            return fail(ValueError(f"a password has at most {MOST_BYTES} bytes, and none of them is 0"))
        return self.turns.run(partial(self._run, _hash, data, cost))


def normalized(password: str) -> str:
    """The form in which passwords are kept that are set here, however a keyboard makes them.

    NIST SP 800-63B, section 5.1.1.2, asks for that. (Hashes that were made elsewhere are of what was typed.)
    """
    return unicodedata.normalize("NFKC", password)


def encoded(password: str) -> bytes | None:
    """The bytes of a password, or None if bcrypt does not take them all.

    It uses 72 bytes at most, and in C it reads no further than to a zero byte: two passwords that differ only
    behind would be the same.
    """
    if len(password) > MOST_BYTES or "\0" in password:
        return None
    try:
        data = password.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write
        return None
    return data if len(data) <= MOST_BYTES else None


def _compare(password: bytes | None, stored: StoredPassword | None, cost: int) -> bool:
    """Blocks for as long as the hash costs."""
    said = b"" if password is None else password
    if stored is None:
        _spend(said, cost)
        return False
    if stored.cost is None:
        right = compare_digest(said, stored.text.encode("utf-8", "replace"))
        spent: int | None = None
    else:
        right = bcrypt.checkpw(said, stored.text.encode("ascii"))
        spent = stored.cost
    right = right and password is not None
    if not right:
        _fill_up(said, spent, cost)
    return right


def _fill_up(said: bytes, spent: int | None, cost: int) -> None:
    """Spend what a hash of `cost` costs beyond one of `spent`: 2^c and 2^c + ... + 2^(n-1) are 2^n."""
    if spent is None:
        _spend(said, cost)
    else:
        for each in range(spent, cost):
            _spend(said, each)


def _spend(said: bytes, cost: int) -> None:
    bcrypt.checkpw(said, f"$2b${cost:02}${_SALT}{_NOBODY}".encode("ascii"))


def _hash(password: bytes, cost: int) -> str:
    hashed: bytes = bcrypt.hashpw(password, bcrypt.gensalt(cost))
    return hashed.decode("ascii")
