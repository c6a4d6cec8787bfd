"""Requests for models that were refused because of who sent them, or how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.auditing import refusal
from jairouter.errors import PermissionDenied, RateLimited, Unauthenticated
from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange

_TOLD = (Unauthenticated, PermissionDenied, RateLimited)


@implementer(IRecorder)
class RefusalRecord:
    """Has refusals recorded.

    Args:
        audit: Is told.
    """

    def __init__(self, audit: IAudit) -> None:
        self._audit = audit

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        if isinstance(error, _TOLD):
            request, known = exchange.request, exchange.known
            name = "" if known is None else known.name
            self._audit.often(refusal(error, name, request.client_ip, request.route.path, "POST", request.id))
