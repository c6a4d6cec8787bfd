"""Makes and changes accounts: what the management API does with them, and who may.

Nobody gives away permissions that they do not have, and nobody changes an account that may more than they do:
otherwise whoever may change any account could become whoever they like. And there is always somebody left who
can change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from jairouter.auth.account_records import (
    ACCOUNTS,
    CHANGES_SECURITY,
    OUTSIDERS,
    OVERRIDES,
    Record,
    Source,
    changers,
    name_fault,
    permissions_of,
    unknown_roles,
)
from jairouter.auth.account_rules import (
    check_made,
    check_may_give,
    check_may_take,
    check_new,
    found,
)
from jairouter.auth.account_telling import AccountTelling
from jairouter.auth.last_administrator import Left, keeping_one
from jairouter.auth.password_rules import faults_of
from jairouter.auth.passwords import normalized
from jairouter.config.faults import Fault
from jairouter.refusals import InsufficientPermissions, InvalidRequest, NotPossible

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.auth.accounts import Accounts
    from jairouter.auth.acting import By

Value = dict[str, Any]


class AccountChanges:
    """See the module.

    Args:
        accounts: Which are changed.
        today: Seconds since the epoch.
        audit: Is told.
        others_may: Who could still change accounts and keys if no account could: an API key. Is called where
            accounts are changed, in a thread.
    """

    def __init__(
        self,
        accounts: Accounts,
        today: Callable[[], float],
        audit: IAudit,
        others_may: Callable[[], Left] = lambda: Left.NOBODY,
    ) -> None:
        self.accounts = accounts
        self._today = today
        self._telling = AccountTelling(audit)
        self._others_may = others_may

    def get(self, name: str) -> Record:
        """One account.

        Raises:
            NotFound: There is none of this name.
        """
        return found(self.accounts.records, name)

    async def create(
        self, name: str, password: str, roles: Sequence[str], by: By, *, enabled: bool = True
    ) -> Record:
        """Make an account.

        Raises:
            InvalidRequest: The name, the password or a role will not do; its faults say why.
            InsufficientPermissions: The roles allow more than `by` may, or `by` has a key that is limited.
            AlreadyExists: There is one of this name, or of one that is taken for the same.
            NoRoom: Too many passwords are being hashed.
        """
        said = normalized(password)
        wrong = name_fault(name)
        faults = [Fault(wrong, None, "username")] if wrong else []
        faults += [Fault(each, None, "roles") for each in unknown_roles(roles)]
        faults += self._faults(said, name)
        if faults:
            raise InvalidRequest("the account is not what it should be", faults)
        with self._telling.if_denied("ACCOUNT_CREATED", name, by):
            check_may_give(by, name, permissions_of(roles))
        check_new(self.accounts.records, name)
        hashed = await self.accounts.passwords.hash(said, self.accounts.settings.passwords.cost)
        now = self._today()
        made = {
            "password": hashed,
            "roles": [*roles],
            "enabled": enabled,
            "createdAt": now,
            "createdBy": by.who,
        }

        def edit(value: Value) -> None:
            check_new(self._records(value), name)
            value.setdefault(ACCOUNTS, {})[name] = {**made, "updatedAt": now, "passwords": 1}

        await self._change(edit)
        self._telling.tell("ACCOUNT_CREATED", name, by, {"roles": [*roles], "enabled": enabled})
        return self.get(name)

    async def update(
        self, name: str, by: By, *, roles: Sequence[str] | None = None, enabled: bool | None = None
    ) -> Record:
        """Change what is given of an account.

        Raises:
            NotFound: There is none.
            InvalidRequest: There is no such role.
            InsufficientPermissions: It may more than `by`, or would.
            NotPossible: It is not made here, or is the last that may change accounts and keys.
        """
        faults = [Fault(each, None, "roles") for each in unknown_roles(roles or ())]
        if faults:
            raise InvalidRequest("the account is not what it should be", faults)

        def edit(value: Value) -> tuple[Record, Record]:
            before = self._records(value)
            record = found(before, name)
            check_may_take(by, record)
            other = roles is not None and [*roles] != [*record.account.roles]
            if other or enabled:
                check_may_give(by, name, record.account.permissions)
            if other:
                check_made(record)
                check_may_give(by, name, permissions_of(roles or ()))
                value[ACCOUNTS][name]["roles"] = [*(roles or ())]
            if enabled is not None and enabled != record.enabled:
                self._enable(value, record, enabled)
            after = self._records(value)
            if after[name] != record and record.account.source is Source.API:
                value[ACCOUNTS][name]["updatedAt"] = self._today()
                after = self._records(value)
            return record, after[name]

        with self._telling.if_denied("ACCOUNT_UPDATED", name, by):
            changed: tuple[Record, Record] = await self._change(edit)
        old, new = changed
        self._telling.tell_update(old, new, by)
        return new

    async def delete(self, name: str, by: By) -> None:
        """Delete an account, or forget a user whom a checker knows, until they log in again.

        Raises:
            NotFound, InsufficientPermissions, NotPossible: See `update`.
        """

        def edit(value: Value) -> None:
            before = self._records(value)
            record = found(before, name)
            check_may_take(by, record)
            if record.account.source is Source.CONFIGURATION:
                check_made(record)
            value.get(ACCOUNTS, {}).pop(name, None)
            if record.account.source is Source.CHECKER:
                value.get(OUTSIDERS, {}).pop(name, None)

        with self._telling.if_denied("ACCOUNT_DELETED", name, by):
            await self._change(edit)
        self._telling.tell("ACCOUNT_DELETED", name, by)

    async def set_password(self, name: str, new: str, by: By, old: str | None = None) -> None:
        """Give an account another password.

        Args:
            name: Of the account.
            new: What it is to be.
            by: Who does it; users their own with the old one, and with ``security:write`` that of others.
            old: What it was.

        Raises:
            InvalidRequest: The new password will not do, or the old one is missing.
            Unauthenticated, RateLimited: See `Accounts.check`.
            InsufficientPermissions: It is not for `by` to change.
            NotFound, NotPossible, NoRoom: See `create` and `update`.
        """
        with self._telling.if_denied("ACCOUNT_UPDATED", name, by):
            await self._set_password(name, normalized(new), by, old)
        self._telling.tell("ACCOUNT_UPDATED", name, by, {"password": "changed"})

    async def _set_password(self, name: str, said: str, by: By, old: str | None) -> None:
        own = by.user == name
        if not own and not by.may(frozenset({CHANGES_SECURITY})):
            raise InsufficientPermissions(
                f"{by.who} may not change the password of others: it needs {CHANGES_SECURITY}"
            )
        record = self.get(name)
        check_made(record)
        faults = self._faults(said, name, "newPassword")
        if own:
            await self._check_old(name, said, by, old, faults)
        else:
            check_may_give(by, name, record.account.permissions)
        if faults:
            raise InvalidRequest("the password is not what it should be", faults)
        hashed = await self.accounts.passwords.hash(said, self.accounts.settings.passwords.cost)

        def edit(value: Value) -> None:
            now = found(self._records(value), name)
            check_made(now)
            if own and _password(now) != _password(record):
                raise NotPossible("somebody else has changed the password meanwhile")
            if not own:
                check_may_give(by, name, now.account.permissions)
            made = value[ACCOUNTS][name]
            made.update(password=hashed, updatedAt=self._today(), passwords=made.get("passwords", 0) + 1)

        await self._change(edit)

    async def _check_old(self, name: str, said: str, by: By, old: str | None, faults: list[Fault]) -> None:
        """Users who change their own password have to say what it was."""
        if old is None:
            raise InvalidRequest("whoever changes their own password has to say the old one", ())
        if normalized(old) == said:
            faults.append(Fault("it is the old one", None, "newPassword"))
        await self.accounts.check(name, old, by.address)

    def _enable(self, value: Value, record: Record, enabled: bool) -> None:
        name = record.account.name
        if record.account.source is Source.API:
            value[ACCOUNTS][name]["enabled"] = enabled
        else:
            value.setdefault(OVERRIDES, {})[name] = {"enabled": enabled}

    def _faults(self, said: str, name: str, member: str = "password") -> list[Fault]:
        return [Fault(each, None, member) for each in faults_of(said, name, self.accounts.settings.passwords)]

    def _records(self, value: Mapping[str, Any]) -> dict[str, Record]:
        return self.accounts.found_in(value)

    def left(self, value: Mapping[str, Any]) -> Left:
        """Which users could change keys and accounts, if this were the document; also in a thread."""
        return Left.FOR_GOOD if changers(self._records(value)) else Left.NOBODY

    def _change(self, edit: Callable[[Value], Any]) -> Deferred[Any]:
        return self.accounts.document.change(keeping_one(edit, self.left, self._others_may))


def _password(record: Record) -> object:
    """Which of its passwords an account has; a hash may be made anew of the same one."""
    return record.since.get("createdAt"), record.since.get("passwords")
