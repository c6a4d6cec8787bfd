"""One event told to several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.auditing import IAudit

if TYPE_CHECKING:
    from jairouter.auditing import Event


@implementer(IAudit)
class AuditTo:
    """Tells each of them, in this order.

    Args:
        audits: Who is told.
    """

    def __init__(self, *audits: IAudit) -> None:
        self._records = tuple(each.record for each in audits)
        self._oftens = tuple(each.often for each in audits)

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        for record in self._records:
            record(event)

    def often(self, event: Event) -> None:
        """See `IAudit.often`."""
        for often in self._oftens:
            often(event)
