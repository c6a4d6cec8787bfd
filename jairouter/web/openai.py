"""OpenAI's API as resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.web.server import NOT_DONE_YET

from jairouter.auditing import refusal, success
from jairouter.auth.permissions import SERVICES
from jairouter.errors import GatewayError, ModelNotFound, PermissionDenied
from jairouter.web.asking import client_of
from jairouter.web.browsers import check_use
from jairouter.web.guard import Guard, NoGuard
from jairouter.web.resources import JsonPage, Page, refuse, refuse_method

if TYPE_CHECKING:
    from twisted.python.failure import Failure
    from twisted.web.server import Request

    from jairouter.auth.gate import Admitted
    from jairouter.caller import Caller
    from jairouter.exchange import Route
    from jairouter.filters.resolve import Services
    from jairouter.web.data_plane import DataPlane


_LIST = "/v1/models"
_NONE: Mapping[bytes, bytes] = {}
_USING = frozenset(f"{service}:read" for service in SERVICES)


class Operation(Page):
    """One route of the data plane. It is rendered when the head is there; the body goes its own way.

    Args:
        route: Which one.
        data_plane: Answers.
        guard: Who may ask at all.

    Attributes:
        route: As given.
    """

    of_models = True

    def __init__(self, route: Route, data_plane: DataPlane, guard: Guard | None = None) -> None:
        super().__init__()
        self.route = route
        self._data_plane = data_plane
        self._guard: Guard = guard or NoGuard()

    def render(self, request: Request) -> int:
        """See `Resource.render`."""
        if request.method != b"POST":
            return refuse_method(request, b"POST")
        fields = getattr(request, "fields", _NONE)
        if (b"origin" in fields or b"sec-fetch-site" in fields) and self._guard.gate is None:
            self._check_page(request, fields)
        self._data_plane.serve(request, self.route)
        return NOT_DONE_YET

    def _check_page(self, request: Any, fields: Mapping[bytes, bytes]) -> None:
        """Where nobody has to say who they are, pages of others have browsers ask."""
        address, _ = client_of(request)
        try:
            check_use(fields, request.cors, address, proxied=getattr(request.channel, "proxied", False))
        except PermissionDenied as error:
            self._guard.audit.often(refusal(error, "", address, self.route.path, "POST"))
            raise


class Models(JsonPage):
    """``GET /v1/models`` and ``GET /v1/models/{id}``; an id may hold slashes.

    Args:
        services: What is configured.
        created: When the configuration was read, in seconds since the epoch.
        guard: Who may ask; they see what they may use.

    Attributes:
        services: As given; replaced when other settings come into force.
        guard: As given.
    """

    isLeaf = True
    of_models = True

    def __init__(self, services: Services, created: Callable[[], int], guard: Guard | None = None) -> None:
        super().__init__()
        self.services = services
        self._created = created
        self.guard: Guard = guard or NoGuard()

    def render(self, request: Any) -> Any:
        """See `Resource.render`."""
        gate = self.guard.gate
        if gate is None or request.method not in (b"GET", b"HEAD") or self._is_open(request):
            return super().render(request)
        address, fields = client_of(request)
        try:
            found = gate.admit(fields, address)
        except GatewayError as error:
            return self._refuse(request, error, address)
        if isinstance(found, Deferred):
            gone: Deferred[Any] = request.notifyFinish()
            gone.addErrback(lambda _: found.cancel())
            found.addCallback(lambda admitted: self._show(request, admitted, address))
            found.addErrback(self._failed, request, address)
            return NOT_DONE_YET
        return self._show(request, found, address)

    def _is_open(self, request: Any) -> bool:
        below = b"/".join([b"", *request.postpath]).decode("utf-8", "replace")
        return self.guard.is_open(_LIST + below)

    def _show(self, request: Any, admitted: Admitted, address: str) -> Any:
        request.caller = caller = admitted.caller
        if not caller.permissions.isdisjoint(_USING):
            self.guard.audit.often(success(caller, address, "/v1/models", "GET"))
            return super().render(request)
        denied = PermissionDenied(f"{caller.name} may not use any models, nor list them")
        return self._refuse(request, denied, address, caller.name)

    def _failed(self, failure: Failure, request: Any, address: str) -> None:
        if isinstance(failure.value, GatewayError):
            self._refuse(request, failure.value, address)
        elif not failure.check(CancelledError):
            request.processingFailed(failure)

    def _refuse(self, request: Any, error: GatewayError, address: str, name: str = "") -> int:
        self.guard.audit.often(refusal(error, name, address, _LIST, "GET"))
        return refuse(request, error)

    def page(self, request: Any) -> tuple[int, Any]:
        """See `JsonPage.page`."""
        models = self._models(getattr(request, "caller", None))
        wanted = b"/".join(request.postpath).decode("utf-8", "replace")
        if not wanted:
            return 200, {"object": "list", "data": list(models.values())}
        if wanted not in models:
            raise ModelNotFound(f"the model {wanted[:100]!r} does not exist", param="model")
        return 200, models[wanted]

    def _models(self, caller: Caller | None) -> dict[str, dict[str, Any]]:
        created = self._created()
        models: dict[str, dict[str, Any]] = {}
        for service, by_name in self.services.items():
            if caller is not None and f"{service}:read" not in caller.permissions:
                continue
            for name in by_name:
                if caller is not None and caller.allowance is not None and not caller.allowance.covers(name):
                    continue
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
