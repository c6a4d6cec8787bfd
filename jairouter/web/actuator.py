"""What load balancers and orchestrators ask: health, info."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jairouter.errors import RouteNotFound
from jairouter.web.resources import JsonPage

if TYPE_CHECKING:
    from twisted.web.resource import Resource

Ready = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Component:
    """The state of one part of the gateway.

    Attributes:
        status: ``UP``, or a word for what else it is. It says nothing about whether requests are served.
        details: For those who may see them.
    """

    status: str = "UP"
    details: dict[str, Any] = field(default_factory=dict)

    def shown(self, *, detailed: bool) -> dict[str, Any]:
        """As JSON values."""
        page: dict[str, Any] = {"status": self.status}
        if detailed and self.details:
            page["details"] = self.details
        return page


class Health(JsonPage):
    """Whether requests can be served: 200, or 503 while the gateway drains.

    It has pages of its own below it: ``liveness`` is 200 as long as the process answers at all, so that an
    orchestrator does not restart a gateway whose backends are down; ``readiness`` is whether to send
    requests here.

    Below it each component has a page too, for those who may see the components.

    Args:
        ready: Whether requests are to be sent here.
        probes: Whether there are `liveness` and `readiness`.

    Attributes:
        components: Other parts whose states are shown, by name; each is asked anew each time. None of them
            decides whether requests are served: a gateway whose backends are down is not helped by sending
            requests to others that have the same ones.
        shows_components: Whether whoever sends a request may see them.
        shows_details: Whether it may see the details of them, and so them too.
    """

    everybody = True

    def __init__(self, ready: Ready, *, probes: bool = True) -> None:
        super().__init__()
        self._ready = ready
        self.components: dict[str, Callable[[], Component]] = {"ping": Component}
        self.shows_components: Callable[[Any], bool] = lambda _: True
        self.shows_details: Callable[[Any], bool] = lambda _: False
        self._groups = ["liveness", "readiness"] if probes else []
        if probes:
            self.putChild(b"liveness", _State(lambda: True))
            self.putChild(b"readiness", _State(ready))
            self.components["livenessState"] = Component
            self.components["readinessState"] = lambda: Component(_status(ready()))

    def getChild(self, path: bytes, request: Any) -> Resource:
        """See `Resource.getChild`."""
        name = path.decode("latin-1")
        if name not in self.components or request.postpath not in ([], [b""]):
            return super().getChild(path, request)
        return _OneComponent(self, name)

    def page(self, request: Any) -> tuple[int, Any]:
        """See `JsonPage.page`."""
        ready = self._ready()
        page: dict[str, Any] = {"status": _status(ready)}
        if self._groups:
            page["groups"] = self._groups
        detailed = self.shows_details(request)
        if detailed or self.shows_components(request):
            page["components"] = {
                name: ask().shown(detailed=detailed) for name, ask in self.components.items()
            }
        return (200 if ready else 503), page


class _OneComponent(JsonPage):
    everybody = True

    def __init__(self, health: Health, name: str) -> None:
        super().__init__()
        self._health = health
        self._name = name

    def page(self, request: Any) -> tuple[int, Any]:
        detailed = self._health.shows_details(request)
        if not detailed and not self._health.shows_components(request):
            raise RouteNotFound("there is nothing to be seen")
        return 200, self._health.components[self._name]().shown(detailed=detailed)


class _State(JsonPage):
    everybody = True

    def __init__(self, good: Ready) -> None:
        super().__init__()
        self._good = good

    def page(self, request: Any) -> tuple[int, Any]:
        good = self._good()
        return (200 if good else 503), {"status": _status(good)}


def _status(good: bool) -> str:
    return "UP" if good else "OUT_OF_SERVICE"


class Info(JsonPage):
    """What runs here."""

    everybody = True

    def __init__(self, version: str) -> None:
        super().__init__()
        self._page = {"app": {"name": "jairouter", "version": version}}

    def page(self, request: Any) -> tuple[int, Any]:
        """See `JsonPage.page`."""
        return 200, self._page
