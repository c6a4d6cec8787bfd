"""Rate limits, and what is left of them: ``/api/rate-limiter``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jairouter.traffic.snapshot_limits import limit_states, limiter_state
from jairouter.web.management.endpoint import Endpoint, Reply
from jairouter.web.management.live_schemas import LIMITS
from jairouter.web.management.present import Present
from jairouter.web.management.schemas import SERVICE_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts
    from jairouter.web.management.present import Here

_TAG = "Rate limits"


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """What can be asked about rate limits.

    Args:
        parts: What they work on.
    """
    limiters = _Limiters(parts)
    return (
        Endpoint(
            "GET",
            "/api/rate-limiter",
            "getRateLimits",
            _TAG,
            "Show all rate limits, and what is left of them.",
            limiters.all,
            description="Of limits for each client address, caller or model, it shows how many are "
            "remembered, and those with the least left. Asking takes nothing.",
            data=LIMITS,
        ),
        Endpoint(
            "GET",
            "/api/rate-limiter/{serviceType}",
            "getRateLimitsOfService",
            _TAG,
            "Show the rate limits that requests of one service stand under.",
            limiters.one,
            parameters=(SERVICE_TYPE,),
            data=LIMITS,
            refusals=("SERVICE_NOT_FOUND",),
        ),
    )


class _Limiters:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._present = Present(parts)

    def all(self, call: Call) -> Reply:
        return Reply(self._shown(None, self._present.everywhere()))

    def one(self, call: Call) -> Reply:
        service = self._present.service_of(call)
        return Reply(self._shown(service, self._present.of_service(service)))

    def _shown(self, service: str | None, instances: Iterable[Here]) -> dict[str, Any]:
        now = self._parts.seconds()
        return {
            "limits": limit_states(self._parts.traffic().limits, now, service),
            "instances": [
                {
                    "service": each.service,
                    "instanceId": each.id,
                    "label": each.instance.label,
                    "name": each.name,
                    **limiter_state(each.instance.live.limiter, now),
                }
                for each in instances
                if each.instance is not None and each.instance.live.limiter is not None
            ],
        }
