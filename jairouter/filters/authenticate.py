"""Authenticate: who is asking, and may they use this route?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from jairouter.auditing import success
from jairouter.errors import PermissionDenied
from jairouter.headers import without
from jairouter.interfaces import IResponder

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.auth.gate import Admitted, Gate
    from jairouter.exchange import Answer, Exchange


@implementer(IResponder)
class Authenticate:
    """Finds out who is asking, and lets no credential of the gateway go any further.

    Args:
        inner: Answers.
        gate: Knows callers.
        audit: Is told of those who are let in; of those who are not, by whoever records all refusals.
        is_open: Whether anybody may use a path.
    """

    def __init__(
        self, inner: IResponder, gate: Gate, audit: IAudit, is_open: Callable[[str], bool] | None = None
    ) -> None:
        self._inner = inner
        self._gate = gate
        self._often = audit.often
        self._is_open = is_open

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        request = exchange.request
        if self._is_open is not None and self._is_open(request.route.path):
            _hide(exchange, self._gate.hidden(request.fields))
            return self._inner.respond(exchange)
        admitted = self._gate.admit(request.fields, request.client_ip)
        if isinstance(admitted, Deferred):
            return self._respond_later(exchange, admitted)
        self._let_in(exchange, admitted)
        return self._inner.respond(exchange)

    async def _respond_later(self, exchange: Exchange, waiting: Deferred[Admitted]) -> Answer:
        self._let_in(exchange, await waiting)
        return await self._inner.respond(exchange)

    def _let_in(self, exchange: Exchange, admitted: Admitted) -> None:
        caller, request = admitted.caller, exchange.request
        exchange.known = caller
        route = request.route
        if route.permission not in caller.permissions:
            raise PermissionDenied(f"{caller.name} may not use {route.path}: it needs {route.permission}")
        self._often(success(caller, request.client_ip, route.path, "POST"))
        if admitted.hidden:
            _hide(exchange, admitted.hidden)


def _hide(exchange: Exchange, hidden: frozenset[bytes]) -> None:
    if hidden:
        request = exchange.request
        exchange.request = request.with_headers(without(request.headers, hidden))
