"""Resolve: which instances could answer this model on this route?"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.errors import ModelNotFound
from jairouter.interfaces import IResponder

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange, Route
    from jairouter.interfaces import IAdapter
    from jairouter.traffic.group import Group

Services = Mapping[str, Mapping[str, "Group"]]
"""The instances of each model of each service."""


class Groups:
    """Finds the group of a model: its instances in the route's service that speak the route.

    Args:
        services: What is configured.
        adapter: Knows which routes an instance speaks.
    """

    def __init__(self, services: Services, adapter: IAdapter) -> None:
        self._services = services
        self._adapter = adapter
        self._known: dict[tuple[Route, str], Group] = {}  # of models that exist, so there is an end of them

    def group_of(self, route: Route, model: str) -> Group:
        """The instances that could answer.

        Raises:
            ModelNotFound: None is configured.
        """
        group = self._known.get((route, model))
        if group is not None:
            return group
        offered = self._services.get(route.service, {}).get(model)
        if offered is not None:
            group = offered.only(lambda each: self._adapter.target(route, each) is not None)
        if group is None or not group.instances:
            raise ModelNotFound(
                f"the model {model[:100]!r} does not exist or is not offered by {route.path}",
                param="model",
            )
        self._known[route, model] = group
        return group


@implementer(IResponder)
class Resolve:
    """Finds out which instances could answer.

    Args:
        inner: Answers.
        groups: Knows them.
    """

    def __init__(self, inner: IResponder, groups: Groups) -> None:
        self._inner = inner
        self._group_of = groups.group_of

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        exchange.group = self._group_of(exchange.request.route, exchange.model)
        return self._inner.respond(exchange)
