"""Who may change which account, and which changes nobody may make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jairouter.auth.account_records import Record, Source, changers
from jairouter.config.stored_password import skeleton
from jairouter.errors import PermissionDenied
from jairouter.refusals import AlreadyExists, NotFound, NotPossible

_LAST: Final = "nobody could change accounts and keys any more: this is the last account that may"
_READ_ONLY: Final = {
    Source.CONFIGURATION: "the account is of the configuration, and can only be enabled and disabled here",
    Source.CHECKER: "the user is known by a checker, and can only be enabled, disabled and forgotten here",
}


@dataclass(frozen=True)
class By:
    """Who changes something.

    Attributes:
        name: For the record.
        may: Whether they have all of these permissions.
        user: Their own account, if they are known by a token.
        address: Where they are.
        request_id: Of the request.
    """

    name: str
    may: Callable[[frozenset[str]], bool]
    user: str | None = None
    address: str = ""
    request_id: str = ""


def found(records: Mapping[str, Record], name: str) -> Record:
    """The account of this name.

    Raises:
        NotFound: There is none.
    """
    record = records.get(name)
    if record is None:
        raise NotFound("there is no such account")
    return record


def changeable(records: Mapping[str, Record], name: str, by: By) -> Record:
    """The account of this name, if it is for `by` to change.

    Raises:
        NotFound: There is none.
        PermissionDenied: It may more than `by`.
    """
    record = found(records, name)
    check_may(by, record.account.permissions)
    return record


def check_may(by: By, permissions: frozenset[str]) -> None:
    """Let nobody give or take what they do not have.

    Raises:
        PermissionDenied: `by` lacks one of the permissions.
    """
    if not by.may(permissions):
        raise PermissionDenied(f"{by.name} may not do this: the account may, or would, do more than they may")


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
    """
    same = skeleton(name)
    if any(skeleton(each) == same for each in records):
        raise AlreadyExists(
            "there is an account of this name, or one that differs only in capitals or in its encoding"
        )


def check_not_last(before: Mapping[str, Record], after: Mapping[str, Record], others: bool) -> None:
    """Let somebody be left who can change accounts and keys.

    Args:
        before: What accounts there are.
        after: What there would be.
        others: Whether an API key can.

    Raises:
        NotPossible: Nobody would be.
    """
    if changers(before) and not changers(after) and not others:
        raise NotPossible(_LAST)
