"""Resolve: which instances could answer this model on this route?"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.errors import ModelNotFound
from jairouter.interfaces import IResponder

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.interfaces import IAdapter
    from jairouter.traffic.instance import Instance

Services = Mapping[str, Mapping[str, tuple["Instance", ...]]]
"""The instances of each model of each service."""


@implementer(IResponder)
class Resolve:
    """Finds the candidates: the instances of the model in the route's service that speak the route.

    Args:
        inner: Answers.
        services: What is configured.
        adapter: Knows which routes an instance speaks.
    """

    def __init__(self, inner: IResponder, services: Services, adapter: IAdapter) -> None:
        self._inner = inner
        self._services = services
        self._adapter = adapter

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        route = exchange.request.route
        candidates = self._services.get(route.service, {}).get(exchange.model, ())
        if not route.primary:
            candidates = tuple(each for each in candidates if self._adapter.target(route, each) is not None)
        if not candidates:
            raise ModelNotFound(
                f"the model {exchange.model[:100]!r} does not exist or is not offered by {route.path}",
                param="model",
            )
        exchange.candidates = candidates
        return self._inner.respond(exchange)
