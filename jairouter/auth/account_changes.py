"""Makes and changes accounts: what the management API does with them, and who may.

Nobody gives away permissions that they do not have, and nobody changes an account that may more than they do:
otherwise whoever may change any account could become whoever they like. And there is always somebody left who
can change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from jairouter.auditing import Event
from jairouter.auth.account_records import (
    ACCOUNTS,
    CHANGES_SECURITY,
    OUTSIDERS,
    OVERRIDES,
    Record,
    Source,
    name_fault,
    permissions_of,
    unknown_roles,
)
from jairouter.auth.account_rules import (
    By,
    changeable,
    check_made,
    check_may,
    check_new,
    check_not_last,
    found,
)
from jairouter.auth.password_rules import faults_of
from jairouter.auth.passwords import normalized
from jairouter.config.faults import Fault
from jairouter.errors import PermissionDenied
from jairouter.refusals import InvalidRequest, NotPossible

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.auth.accounts import Accounts

Value = dict[str, Any]


class AccountChanges:
    """See the module.

    Args:
        accounts: Which are changed.
        today: Seconds since the epoch.
        audit: Is told.
        others_may: Whether somebody could still change accounts and keys if no account could: an API key.
    """

    def __init__(
        self,
        accounts: Accounts,
        today: Callable[[], float],
        audit: IAudit,
        others_may: Callable[[], bool] = lambda: False,
    ) -> None:
        self.accounts = accounts
        self._today = today
        self._audit = audit
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
            PermissionDenied: The roles allow more than `by` may.
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
        check_may(by, permissions_of(roles))
        check_new(self.accounts.records, name)
        hashed = await self.accounts.passwords.hash(said, self.accounts.settings.passwords.cost)
        now = self._today()
        made = {
            "password": hashed,
            "roles": [*roles],
            "enabled": enabled,
            "createdAt": now,
            "createdBy": by.name,
        }

        def edit(value: Value) -> None:
            check_new(self._records(value), name)
            value.setdefault(ACCOUNTS, {})[name] = {**made, "updatedAt": now, "passwords": 1}

        await self._change(edit)
        self._tell("ACCOUNT_CREATED", name, by, {"roles": [*roles], "enabled": enabled})
        return self.get(name)

    async def update(
        self, name: str, by: By, *, roles: Sequence[str] | None = None, enabled: bool | None = None
    ) -> Record:
        """Change what is given of an account.

        Raises:
            NotFound: There is none.
            InvalidRequest: There is no such role.
            PermissionDenied: It may more than `by`, or would.
            NotPossible: It is not made here, or is the last that may change accounts and keys.
        """
        faults = [Fault(each, None, "roles") for each in unknown_roles(roles or ())]
        if faults:
            raise InvalidRequest("the account is not what it should be", faults)
        others = self._others_may()

        def edit(value: Value) -> tuple[Record, Record]:
            before = self._records(value)
            record = changeable(before, name, by)
            if roles is not None and [*roles] != [*record.account.roles]:
                check_made(record)
                check_may(by, permissions_of(roles))
                value[ACCOUNTS][name]["roles"] = [*roles]
            if enabled is not None and enabled != record.enabled:
                self._enable(value, record, enabled)
            after = self._records(value)
            if after[name] != record and record.account.source is Source.API:
                value[ACCOUNTS][name]["updatedAt"] = self._today()
                after = self._records(value)
            check_not_last(before, after, others)
            return record, after[name]

        changed: tuple[Record, Record] = await self._change(edit)
        old, new = changed
        self._tell_update(old, new, by)
        return new

    async def delete(self, name: str, by: By) -> None:
        """Delete an account, or forget a user whom a checker knows, until they log in again.

        Raises:
            NotFound, PermissionDenied, NotPossible: See `update`.
        """
        others = self._others_may()

        def edit(value: Value) -> None:
            before = self._records(value)
            record = changeable(before, name, by)
            if record.account.source is Source.CONFIGURATION:
                check_made(record)
            value.get(ACCOUNTS, {}).pop(name, None)
            if record.account.source is Source.CHECKER:
                value.get(OUTSIDERS, {}).pop(name, None)
            check_not_last(before, self._records(value), others)

        await self._change(edit)
        self._tell("ACCOUNT_DELETED", name, by)

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
            PermissionDenied: It is not for `by` to change.
            NotFound, NotPossible, NoRoom: See `create` and `update`.
        """
        own = by.user == name
        if not own and not by.may(frozenset({CHANGES_SECURITY})):
            raise PermissionDenied(
                f"{by.name} may not change the password of others: it needs {CHANGES_SECURITY}"
            )
        record = self.get(name)
        check_made(record)
        if own and old is None:
            raise InvalidRequest("whoever changes their own password has to say the old one", ())
        said = normalized(new)
        faults = self._faults(said, name, "newPassword")
        if own and old is not None:
            if normalized(old) == said:
                faults.append(Fault("it is the old one", None, "newPassword"))
            await self.accounts.check(name, old, by.address)
        elif not own:
            check_may(by, record.account.permissions)
        if faults:
            raise InvalidRequest("the password is not what it should be", faults)
        hashed = await self.accounts.passwords.hash(said, self.accounts.settings.passwords.cost)

        def edit(value: Value) -> None:
            now = found(self._records(value), name)
            check_made(now)
            if own and _password(now) != _password(record):
                raise NotPossible("somebody else has changed the password meanwhile")
            if not own:
                check_may(by, now.account.permissions)
            made = value[ACCOUNTS][name]
            made.update(password=hashed, updatedAt=self._today(), passwords=made.get("passwords", 0) + 1)

        await self._change(edit)
        self._tell("ACCOUNT_UPDATED", name, by, {"password": "changed"})

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

    def _change(self, edit: Callable[[Value], Any]) -> Deferred[Any]:
        return self.accounts.document.change(edit)

    def _tell_update(self, old: Record, new: Record, by: By) -> None:
        name = new.account.name
        if old.enabled != new.enabled:
            self._tell("ACCOUNT_ENABLED" if new.enabled else "ACCOUNT_DISABLED", name, by)
        if old.account.roles != new.account.roles:
            before, after = [*old.account.roles], [*new.account.roles]
            self._tell("ACCOUNT_UPDATED", name, by, {"before": {"roles": before}, "after": {"roles": after}})

    def _tell(self, kind: str, name: str, by: By, details: Mapping[str, Any] | None = None) -> None:
        event = Event(kind, by.name, by.address, f"account {name}", request_id=by.request_id)
        self._audit.record(event._replace(details=details or {}))


def _password(record: Record) -> object:
    """Which of its passwords an account has; a hash may be made anew of the same one."""
    return record.since.get("createdAt"), record.since.get("passwords")
