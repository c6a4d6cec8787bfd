"""Somebody is left who can change keys and accounts: one rule over the document of keys and that of accounts.

Keys and users are in two documents. Looked at one after the other, two changes at once could take away the
last key that may change anything, because there is a user, and the last such user, because there is the key.
So both documents have one lock (`Documents.open`, `beside`), under which a change to one of them sees the
other one as it is, whichever gateway has written it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from jairouter.refusals import NotPossible

T = TypeVar("T")
Value = dict[str, Any]

_LAST: Final = "nobody could change accounts and keys any more: this is the last one who may"


def keeping_one(
    edit: Callable[[Value], T], here: Callable[[Value], bool], elsewhere: Callable[[], bool]
) -> Callable[[Value], T]:
    """An edit that leaves somebody, where there was somebody.

    Args:
        edit: Changes a document.
        here: Whether anybody may change keys and accounts, as that document says.
        elsewhere: Whether the other one names somebody; is called by the edit, wherever that is made.

    Returns:
        The same, which raises `NotPossible` where nobody would be left.
    """

    def checked(value: Value) -> T:
        before = here(value)
        result = edit(value)
        if before and not here(value) and not elsewhere():
            raise NotPossible(_LAST)
        return result

    return checked
