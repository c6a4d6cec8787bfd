"""Compares passwords with hashes, and makes hashes: in threads, a few at a time, one behind the other.

A bcrypt hash takes a processor a quarter of a second, on purpose. On the event loop it would stop all
traffic; in any number of threads it would take all processors from it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from hmac import compare_digest
from typing import Any, Final

import bcrypt
from twisted.internet.defer import Deferred, fail

from jairouter.auth.login_turns import Turns
from jairouter.config.stored_password import COSTLY, StoredPassword

RunInThread = Callable[..., Deferred[Any]]

MOST_BYTES: Final = 72
"""Bytes of a password that bcrypt takes."""

_SALT: Final = "." * 22
_NOBODY: Final = "." * 31  # no password is known that hashes to this


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
