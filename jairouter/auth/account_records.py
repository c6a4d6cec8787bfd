"""Accounts as they are written: in the configuration, and in the document of those made through the API.

The document::

    {"accounts":  {NAME: {"password": HASH, "roles": [...], "enabled": true, "createdAt": SECONDS,
                          "createdBy": WHO, "updatedAt": SECONDS, "passwords": NUMBER}},
     "overrides": {NAME: {"enabled": false}},      of those of the configuration and of checkers
     "outsiders": {NAME: {"createdAt": SECONDS}}}  users whom a checker has let in once

Nothing in it is a password; whoever reads it can try to guess some.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.auth.permissions import NONE, UnknownPermission, granted_to_roles
from jairouter.config.stored_password import COSTLY, StoredPassword, read_stored

if TYPE_CHECKING:
    from jairouter.config.settings.tokens import JwtSettings

ACCOUNTS: Final = "accounts"
OVERRIDES: Final = "overrides"
OUTSIDERS: Final = "outsiders"

LONGEST_NAME: Final = 100
_STANDING: Final = 32

CHANGES_SECURITY: Final = "security:write"
"""Whoever may this can give anybody any of their own permissions."""


class Source(enum.Enum):
    """Where an account comes from."""

    CONFIGURATION = "configuration"
    API = "api"
    CHECKER = "checker"


class Account(NamedTuple):
    """A user who may log in.

    Attributes:
        name: As it is written.
        roles: As they are written.
        permissions: What these come to; see `jairouter.auth.permissions`.
        source: Where it comes from.
    """

    name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    source: Source = Source.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known about an account.

    Attributes:
        account: What others may know.
        enabled: Whether the user may log in.
        stored: What the password is compared with; None where none is right here.
        since: When it was made, and by whom; when it was changed last, in seconds since the epoch; how many
            passwords it has had.
    """

    account: Account
    enabled: bool
    stored: StoredPassword | None = field(repr=False)
    since: Mapping[str, Any] = field(default_factory=dict)

    @property
    def can_log_in(self) -> bool:
        """Whether the user may log in, and has a password that could be right."""
        return self.enabled and self.stored is not None

    @property
    def standing(self) -> str:
        """What is another one as soon as the password or the roles are.

        It is kept, and tells nothing about the password: a hash has 128 bits of chance in it. (Clear texts
        have none, and are left out; they are for development.)
        """
        since, stored = self.since, self.stored
        password = f"{since.get('createdAt')} {since.get('passwords')}"
        if self.account.source is Source.CONFIGURATION:
            password = stored.text if stored is not None and stored.cost is not None else ""
        told = (self.account.source.value, password, *self.account.roles)
        return sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:_STANDING]

    def took_away(self, later: Record | None) -> bool:
        """Whether what was true of this account is not any more: nobody should be taken at its word."""
        if not self.enabled:
            return False
        if later is None or not later.enabled or later.account.source is not self.account.source:
            return True
        if later.account.permissions != self.account.permissions or later.account.roles != self.account.roles:
            return True
        if self.account.source is Source.API:  # a hash may be made anew of the same password
            return any(later.since.get(each) != self.since.get(each) for each in ("createdAt", "passwords"))
        return later.stored != self.stored


def records_of(settings: JwtSettings, value: Mapping[str, Any], *, clear: bool = False) -> dict[str, Record]:
    """All accounts by name.

    Where two have the same name, that of the configuration counts, then the one that was made.

    Args:
        settings: Of the configuration.
        value: Of the document.
        clear: Whether passwords of the configuration may stand in the clear.
    """
    found: dict[str, Record] = {}
    overrides = members(value, OVERRIDES)
    if settings.checkers:
        roles = tuple(settings.checker_roles)
        for name, since in members(value, OUTSIDERS).items():
            enabled = _enabled(overrides, name, written=True)
            found[name] = Record(account_of(name, roles, Source.CHECKER), enabled, None, since)
    for name, made in members(value, ACCOUNTS).items():
        account = account_of(name, tuple(made.get("roles", ())), Source.API)
        found[name] = Record(account, made.get("enabled") is True, read_stored(_text(made)), made)
    for each in settings.accounts:
        account = account_of(each.username, each.roles, Source.CONFIGURATION)
        enabled = _enabled(overrides, each.username, each.enabled)
        stored = read_stored(each.password.reveal())
        if stored is not None and stored.cost is None and not clear:
            stored = None
        found[each.username] = Record(account, enabled, stored)
    return found


def account_of(name: str, roles: tuple[str, ...], source: Source) -> Account:
    """An account; roles that there are not grant nothing."""
    return Account(name, roles, permissions_of(roles), source)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """What roles come to, but for those that there are not."""
    granted = NONE
    for role in roles:
        try:
            granted |= granted_to_roles((role,))
        except UnknownPermission:
            continue
    return granted


def name_fault(name: str) -> str | None:
    """Why nobody can be called so; None if they can.

    What cannot be seen, or not be told apart in a log, is no part of a name.
    """
    if not name or len(name) > LONGEST_NAME:
        return f"a user name has 1 to {LONGEST_NAME} characters"
    if any(unicodedata.category(each)[0] in "CZ" for each in name):
        return "a user name has no spaces and no characters that cannot be seen"
    if unicodedata.normalize("NFC", name) != name or name in {".", ".."}:
        return "a user name is not . or .., and its characters are composed (Unicode form NFC)"
    return None


def unknown_roles(roles: Iterable[str]) -> list[str]:
    """What is wrong with roles, one line for each that there is not."""
    wrong = []
    for role in roles:
        try:
            granted_to_roles((role,))
        except UnknownPermission as error:
            wrong.append(str(error))
    return wrong


def usual_cost(records: Iterable[Record], new: int) -> int:
    """What a refused login costs: as much as the costliest hash that there is, up to what is sensible.

    Args:
        records: All accounts.
        new: Cost of new hashes, for where there is none.
    """
    costs = [each.stored.cost for each in records if each.stored is not None]
    return min(max((cost for cost in costs if cost is not None), default=new), COSTLY)


def changers(records: Mapping[str, Record]) -> set[str]:
    """The names of those who can log in and change accounts and keys.

    Users whom a checker knows are not among them: whether it still does is not known.
    """
    return {
        name
        for name, each in records.items()
        if each.can_log_in and CHANGES_SECURITY in each.account.permissions
    }


def members(value: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    """A part of the document; what is damaged in it is left out."""
    part = value.get(name)
    if not isinstance(part, dict):
        return {}
    return {each: inner for each, inner in part.items() if isinstance(inner, dict)}


def _enabled(overrides: Mapping[str, Mapping[str, Any]], name: str, written: bool) -> bool:
    enabled = overrides.get(name, {}).get("enabled", written)
    return enabled is True


def _text(made: Mapping[str, Any]) -> str:
    password = made.get("password")
    # A clear text is only ever written by hand, into the configuration
    return password if isinstance(password, str) and password.startswith("$2") else ""
