"""What is recorded of changes to accounts, and of those that were refused for want of permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jairouter.auditing import DENIED, Event
from jairouter.refusals import InsufficientPermissions

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.auth.account_records import Record
    from jairouter.auth.acting import By


class AccountTelling:
    """See the module.

    Args:
        audit: Is told.
    """

    def __init__(self, audit: IAudit) -> None:
        self._audit = audit

    @contextmanager
    def if_denied(self, kind: str, name: str, by: By) -> Iterator[None]:
        """Tell of what is refused within.

        Args:
            kind: What it would have been: see `Event.kind`.
            name: Of the account.
            by: Who wanted it.
        """
        try:
            yield
        except InsufficientPermissions as denied:
            self._audit.record(self._event(kind, name, by)._replace(result=DENIED, reason=denied.code))
            raise

    def tell(self, kind: str, name: str, by: By, details: Mapping[str, Any] | None = None) -> None:
        """Tell of a change; the arguments are those of `if_denied`, and what else there is to know."""
        self._audit.record(self._event(kind, name, by)._replace(details=details or {}))

    def tell_update(self, old: Record, new: Record, by: By) -> None:
        """Tell of all that is different."""
        name = new.account.name
        if old.enabled != new.enabled:
            self.tell("ACCOUNT_ENABLED" if new.enabled else "ACCOUNT_DISABLED", name, by)
        if old.account.roles != new.account.roles:
            before, after = [*old.account.roles], [*new.account.roles]
            self.tell("ACCOUNT_UPDATED", name, by, {"before": {"roles": before}, "after": {"roles": after}})

    @staticmethod
    def _event(kind: str, name: str, by: By) -> Event:
        return Event(kind, by.who, by.address, f"account {name}", request_id=by.request_id)
