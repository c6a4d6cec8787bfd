"""Somebody is left who can change keys and accounts: one rule over the document of keys and that of accounts.

Keys and users are in two documents. Looked at one after the other, two changes at once could take away the
last key that may change anything, because there is a user, and the last such user, because there is the key.
So both documents have one lock (`Documents.open`, `beside`), under which a change to one of them sees the
other one as it is, whichever gateway has written it.

A key that expires can make no key that lasts longer: see `jairouter.auth.bounds`. Where only such keys were
left, everybody would be locked out some day. So the last one stays, too, who may change them for good.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jairouter.auth.account_records import CHANGES_SECURITY
from jairouter.auth.key_records import readable
from jairouter.refusals import NotPossible

if TYPE_CHECKING:
    from jairouter.auth.key_records import Key
    from jairouter.auth.keys import KeyRing

T = TypeVar("T")
Value = dict[str, Any]


class Left(enum.IntEnum):
    """Who may change keys and accounts."""

    NOBODY = 0
    FOR_A_WHILE = 1
    """Keys, which all expire."""
    FOR_GOOD = 2


_LAST: Final = {
    Left.FOR_A_WHILE: "nobody could change accounts and keys any more: this is the last one who may",
    Left.FOR_GOOD: "nobody could change accounts and keys for good any more: of those who may, this is "
    "the last one that does not expire",
}


def keeping_one(
    edit: Callable[[Value], T], here: Callable[[Value], Left], elsewhere: Callable[[], Left]
) -> Callable[[Value], T]:
    """An edit that leaves somebody, where there was somebody.

    Args:
        edit: Changes a document.
        here: Who may change keys and accounts, as that document says.
        elsewhere: Who may as the other one says; is called by the edit, wherever that is made.

    Returns:
        The same, which raises `NotPossible` where fewer than before would be left.
    """

    def checked(value: Value) -> T:
        before = here(value)
        result = edit(value)
        if here(value) < before and elsewhere() < before:
            raise NotPossible(_LAST[before])
        return result

    return checked


def keys_left(ring: KeyRing, document: Mapping[str, Any], now: float) -> Left:
    """Which keys could change keys and accounts. May be called in a thread.

    Args:
        ring: Knows those of the configuration.
        document: If this were the document of keys: see `jairouter.auth.key_edits`.
        now: Seconds since the epoch.
    """
    left = Left.NOBODY
    for key in _usable(ring, document):
        if CHANGES_SECURITY in key.permissions and not key.expired(now):
            if key.terms.expires_at is None:
                return Left.FOR_GOOD
            left = Left.FOR_A_WHILE
    return left


def _usable(ring: KeyRing, document: Mapping[str, Any]) -> Iterator[Key]:
    overrides = _mapping(document.get("overrides"))
    for name, key in ring.keys.items():
        if ring.is_configured(name):
            enabled = ring.configured_enabled(name)
            if name in overrides:
                enabled = _mapping(overrides[name]).get("enabled") is True
            if enabled:
                yield key
    for name, written in _mapping(document.get("keys")).items():
        made = None if ring.is_configured(name) else readable(name, written)
        if made is not None and made.enabled:
            yield made


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
