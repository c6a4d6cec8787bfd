"""Load balancing as it is now: ``/api/loadbalancer``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jairouter.config.inheritance import load_balance_for
from jairouter.traffic.snapshot import group_state
from jairouter.web.management.endpoint import Endpoint, Reply
from jairouter.web.management.live_schemas import SERVICE, many
from jairouter.web.management.present import Present
from jairouter.web.management.schemas import SERVICE_TYPE

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts

_TAG = "Load balancing"


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """What can be asked about load balancing.

    Args:
        parts: What they work on.
    """
    balancing = _Balancing(parts)
    return (
        Endpoint(
            "GET",
            "/api/loadbalancer",
            "getLoadBalancers",
            _TAG,
            "Show how the instances of all services are, and where a request would go that came now.",
            balancing.all,
            description="For each instance: whether it would be used, and if not, why and for how long. "
            "Asking changes nothing.",
            data=many(SERVICE),
        ),
        Endpoint(
            "GET",
            "/api/loadbalancer/{serviceType}",
            "getLoadBalancer",
            _TAG,
            "The same of one service.",
            balancing.one,
            parameters=(SERVICE_TYPE,),
            data=SERVICE,
            refusals=("SERVICE_NOT_FOUND",),
        ),
    )


class _Balancing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._present = Present(parts)

    def all(self, call: Call) -> Reply:
        return Reply([self._service(each) for each in self._present.services()])

    def one(self, call: Call) -> Reply:
        return Reply(self._service(self._present.service_of(call)))

    def _service(self, service: str) -> dict[str, Any]:
        present, moment = self._present, self._present.moment()
        settings = load_balance_for(self._parts.configuration.loaded.settings.model, service)
        models = self._parts.traffic().services.get(service, {})
        return {
            "service": service,
            "balancer": settings.type,
            "panicThreshold": settings.panic_threshold,
            "models": [
                group_state(model, group, moment, present.named, present.health_of)
                for model, group in models.items()
            ],
            "inactive": [each.id for each in present.of_service(service) if each.instance is None],
        }
