"""Who may change which account, and which changes nobody may make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jairouter.auth.account_records import Record, Source
from jairouter.config.stored_password import skeleton
from jairouter.refusals import AlreadyExists, NotFound, NotPossible

if TYPE_CHECKING:
    from jairouter.auth.acting import By

MOST_ACCOUNTS: Final = 5_000
"""All of them are held in memory, and gone through whenever one is changed."""

_READ_ONLY: Final = {
    Source.CONFIGURATION: "the account is of the configuration, and can only be enabled and disabled here",
    Source.CHECKER: "the user is known by a checker, and can only be enabled, disabled and forgotten here",
}


def found(records: Mapping[str, Record], name: str) -> Record:
    """The account of this name.

    Raises:
        NotFound: There is none.
    """
    record = records.get(name)
    if record is None:
        raise NotFound("there is no such account")
    return record


def check_may_take(by: By, record: Record) -> None:
    """Let nobody stop who may more than they: see `jairouter.auth.acting`.

    Raises:
        InsufficientPermissions: It is not for them.
    """
    by.check_may_take(record.account.permissions, _named(record.account.name))


def check_may_give(by: By, name: str, permissions: frozenset[str]) -> None:
    """Let nobody give an account what they do not have: see `jairouter.auth.acting`.

    Raises:
        InsufficientPermissions: It is not for them; an account is not limited as their key may be.
    """
    by.check_may_give(permissions, _named(name))


def _named(name: str) -> str:
    return f"the account {name}"


def check_made(record: Record) -> None:
    """Let only accounts be changed that are kept here.

    Raises:
        NotPossible: It is not.
    """
    if record.account.source is not Source.API:
        raise NotPossible(_READ_ONLY[record.account.source])


def check_new(records: Mapping[str, Record], name: str) -> None:
    """Let no two accounts be mistaken for one another.

    Raises:
        AlreadyExists: There is such a name.
        NotPossible: There are too many.
    """
    if len(records) >= MOST_ACCOUNTS:
        raise NotPossible(f"there are {MOST_ACCOUNTS} accounts, and there may be no more")
    same = skeleton(name)
    if any(skeleton(each) == same for each in records):
        raise AlreadyExists(
            "there is an account of this name, or one that differs only in capitals or in its encoding"
        )
