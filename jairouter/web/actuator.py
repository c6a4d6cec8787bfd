"""What load balancers and orchestrators ask: health, info."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jairouter.web.resources import JsonPage

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


class Health(JsonPage):
    """Whether requests can be served: 200, or 503 while the gateway drains.

    It has pages of its own below it: ``liveness`` is 200 as long as the process answers at all, so that an
    orchestrator does not restart a gateway whose backends are down; ``readiness`` is whether to send
    requests here.

    Attributes:
        components: Other parts whose states are shown, by name; each is asked anew each time.
        shows_details: Whether whoever sends a request may see the details of them.
    """

    everybody = True

    def __init__(self, ready: Ready) -> None:
        super().__init__()
        self._ready = ready
        self.components: dict[str, Callable[[], Component]] = {}
        self.shows_details: Callable[[Any], bool] = lambda _: False
        self.putChild(b"liveness", _State(lambda: True))
        self.putChild(b"readiness", _State(ready))

    def page(self, request: Any) -> tuple[int, Any]:
        """See `JsonPage.page`."""
        ready = self._ready()
        state = _status(ready)
        components: dict[str, Any] = {
            "livenessState": {"status": "UP"},
            "readinessState": {"status": state},
        }
        detailed = self.shows_details(request)
        for name, ask in self.components.items():
            component = ask()
            components[name] = {"status": component.status}
            if detailed and component.details:
                components[name]["details"] = component.details
        return (200 if ready else 503), {
            "status": state,
            "groups": ["liveness", "readiness"],
            "components": components,
        }


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
