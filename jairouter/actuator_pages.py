"""The actuator's pages that need more than a gateway: a part of the composition of the control plane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from jairouter.config.doors import exposes
from jairouter.errors import GatewayError
from jairouter.refusals import Refusal
from jairouter.web import components
from jairouter.web.management import actuator
from jairouter.web.management.serving import Api
from jairouter.web.metric_pages import PERMISSION, MetricNames
from jairouter.web.root import put

if TYPE_CHECKING:
    from jairouter.assembly import Gateway
    from jairouter.config.loader import Loaded
    from jairouter.web.management.access import Access
    from jairouter.web.management.serving import Service


def show_actuator(gateway: Gateway, loaded: Callable[[], Loaded], access: Access, service: Service) -> None:
    """Put the pages into the gateway's tree that say how it is, and let health show what may be seen.

    Args:
        gateway: Serves them.
        loaded: The configuration in force.
        access: Who may see them.
        service: What pages of the management API need.
    """
    settings = loaded().settings
    base = settings.management.endpoints.web.base_path.rstrip("/")
    if exposes(settings, "metrics"):
        admit = partial(access.admit, permission=PERMISSION, resource="metrics")
        put(gateway.tree, f"{base}/metrics", MetricNames(gateway.observing.exposition, admit))
    for name, endpoints in actuator.endpoints(base, gateway.observing.levels, loaded).items():
        if exposes(settings, name):
            put(gateway.tree, f"{base}/{name}", Api(endpoints, service))
    _show_health(gateway, loaded, access)


def _show_health(gateway: Gateway, loaded: Callable[[], Loaded], access: Access) -> None:
    settings, health = loaded().settings, gateway.health
    shown = settings.management.endpoint.health
    health.shows_components = _shows(shown.show_components, access)
    health.shows_details = _shows(shown.show_details, access)
    store, observing, seconds = settings.store, gateway.observing, gateway.site.wheel.seconds
    health.components |= {
        "backends": components.Seldom(lambda: components.backends(gateway.services, seconds()), seconds),
        "eventLoop": lambda: components.event_loop(observing.loop_lag.latest),
        "store": lambda: components.store(store.type, Path(store.path)),
        "diskSpace": lambda: components.disk(Path(store.path)),
    }


def _shows(whom: str, access: Access) -> Callable[[Any], bool]:
    """Whether something is shown to whoever sends a request."""
    if whom == "when-authorized":
        return partial(_admits, access)
    return lambda _: whom == "always"


def _admits(access: Access, request: Any) -> bool:
    try:
        found = access.admit(request, PERMISSION, "health", recorded=False)
    except (Refusal, GatewayError):
        return False
    if isinstance(found, Deferred):  # keys of somebody else are being fetched: a probe does not wait for that
        found.addErrback(lambda _: None)
        return False
    return True
