"""Whether instances are well: what their checks say, and checking one at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jairouter.refusals import NotPossible
from jairouter.upstream.failures import NoVerdict
from jairouter.web.management.endpoint import Endpoint, Reply
from jairouter.web.management.live_schemas import (
    ABOUT,
    FLAG,
    HEALTH,
    HEALTH_OF,
    SECONDS,
    TEXT,
    exactly,
    many,
    perhaps,
    told,
)
from jairouter.web.management.present import NOT_FOUND, Present
from jairouter.web.management.schemas import INSTANCE_ID, SERVICE_TYPE

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts
    from jairouter.web.management.present import Here

_TAG = "Health of instances"
_PATH = "/api/config/instance/{serviceType}/{instanceId}/health"
_CHECKED = exactly(
    **ABOUT,
    healthy=told(FLAG, "Whether this check was a good one."),
    reason=perhaps(TEXT, "Why not."),
    duration=told(SECONDS, "Seconds that it took."),
    counts=told(FLAG, "Whether it counts like any other check: it does where checks are enabled."),
    health=HEALTH,
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """What can be asked about the health of instances.

    Args:
        parts: What they work on.
    """
    health = _Health(parts)
    which = (SERVICE_TYPE, INSTANCE_ID)
    return (
        Endpoint(
            "GET",
            "/api/health-status",
            "listHealth",
            _TAG,
            "Show what the checks of all instances say.",
            health.all,
            data=many(HEALTH_OF),
        ),
        Endpoint(
            "GET",
            _PATH,
            "getInstanceHealth",
            _TAG,
            "Show what the checks of one instance say.",
            health.one,
            parameters=which,
            data=HEALTH_OF,
            refusals=(*NOT_FOUND, "NOT_POSSIBLE"),
        ),
        Endpoint(
            "POST",
            _PATH,
            "checkInstanceHealth",
            _TAG,
            "Check an instance at once, and say what came of it.",
            health.check,
            description="It is asked as `health-check` says, even where that is not enabled; then it means "
            "nothing beyond the reply. A check that is under way already will do. The reply comes within the "
            "check's own timeout.",
            parameters=which,
            data=_CHECKED,
            refusals=(*NOT_FOUND, "NOT_POSSIBLE"),
            permission="config:write",
        ),
    )


class _Health:
    def __init__(self, parts: Parts) -> None:
        self._prober = parts.prober
        self._present = Present(parts)

    def all(self, call: Call) -> Reply:
        return Reply([self._state(each) for each in self._present.everywhere()])

    def one(self, call: Call) -> Reply:
        return Reply(self._state(self._present.find(call)))

    async def check(self, call: Call) -> Reply:
        here = self._present.find(call)
        instance = here.instance
        if instance is None:
            raise NotPossible(f"{here.id} is inactive: it is not asked anything")
        counts = instance.live.health is not None
        try:
            found = await self._prober.check_now(instance, self._present.check_of(here.service))
        except NoVerdict as reason:
            raise NotPossible(f"{here.id} could not be checked: {reason}") from None
        healthy = not found.reason
        return Reply(
            {
                **here.about(),
                "healthy": healthy,
                "reason": found.reason or None,
                "duration": round(found.duration, 6),
                "counts": counts,
                "health": self._present.health_of(instance),
            },
            f"{here.id} is well" if healthy else f"{here.id}: {found.reason}",
        )

    def _state(self, here: Here) -> dict[str, Any]:
        instance = here.instance
        health = None if instance is None else self._present.health_of(instance)
        return {**here.about(), "health": health}
