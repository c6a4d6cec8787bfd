"""OpenAI's API as resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.web.server import NOT_DONE_YET

from jairouter.errors import ModelNotFound
from jairouter.web.resources import JsonPage, Page, refuse_method

if TYPE_CHECKING:
    from twisted.web.server import Request

    from jairouter.exchange import Route
    from jairouter.filters.resolve import Services
    from jairouter.web.data_plane import DataPlane


class Operation(Page):
    """One route of the data plane. It is rendered when the head is there; the body goes its own way."""

    def __init__(self, route: Route, data_plane: DataPlane) -> None:
        super().__init__()
        self._route = route
        self._data_plane = data_plane

    def render(self, request: Request) -> int:
        """See `Resource.render`."""
        if request.method != b"POST":
            return refuse_method(request, b"POST")
        self._data_plane.serve(request, self._route)
        return NOT_DONE_YET


class Models(JsonPage):
    """``GET /v1/models`` and ``GET /v1/models/{id}``; an id may hold slashes.

    Args:
        services: What is configured.
        created: When the configuration was read, in seconds since the epoch.

    Attributes:
        services: As given; replaced when other settings come into force.
    """

    isLeaf = True

    def __init__(self, services: Services, created: Callable[[], int]) -> None:
        super().__init__()
        self.services = services
        self._created = created

    def page(self, request: Any) -> tuple[int, Any]:
        """See `JsonPage.page`."""
        models = self._models()
        wanted = b"/".join(request.postpath).decode("utf-8", "replace")
        if not wanted:
            return 200, {"object": "list", "data": list(models.values())}
        if wanted not in models:
            raise ModelNotFound(f"the model {wanted[:100]!r} does not exist", param="model")
        return 200, models[wanted]

    def _models(self) -> dict[str, dict[str, Any]]:
        created = self._created()
        models: dict[str, dict[str, Any]] = {}
        for service, by_name in self.services.items():
            for name in by_name:
                model = models.setdefault(
                    name,
                    {
                        "id": name,
                        "object": "model",
                        "created": created,
                        "owned_by": "jairouter",
                        "service_types": [],
                    },
                )
                model["service_types"].append(service)
        return models
