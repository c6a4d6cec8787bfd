"""Who may ask for a page, for those pages that are not for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jairouter.auditing import IAudit, NoAudit

if TYPE_CHECKING:
    from jairouter.auth.gate import Gate


class Guard(Protocol):
    """Who may call at all; asked anew each time, since a reload may change it."""

    @property
    def gate(self) -> Gate | None:
        """Knows callers; None with security off."""

    @property
    def audit(self) -> IAudit:
        """Is told."""

    def is_open(self, path: str) -> bool:
        """Whether anybody may use a route of models, which is below ``/v1``, although there is a gate."""


class NoGuard:
    """Security is off."""

    gate: Gate | None = None
    audit: IAudit = NoAudit()

    def is_open(self, path: str) -> bool:
        """See `Guard`."""
        return False
