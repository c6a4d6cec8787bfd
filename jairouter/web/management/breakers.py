"""Circuit breakers: how they are, and opening and closing them by hand.

That is live state, not configuration: it makes no version, and a reload leaves it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from jairouter.refusals import NotPossible
from jairouter.traffic.snapshot import breaker_state
from jairouter.web.management.endpoint import Endpoint, Reply
from jairouter.web.management.live_schemas import ABOUT, BREAKER, BREAKER_OF, FLAG, exactly, many, told
from jairouter.web.management.present import NOT_FOUND, Present
from jairouter.web.management.schemas import INSTANCE_ID, SERVICE_TYPE

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts
    from jairouter.web.management.present import Here

_TAG = "Circuit breakers"
_ONE = "/api/circuit-breakers/{serviceType}/{instanceId}"
_FORCED = exactly(
    **ABOUT, breaker=BREAKER, changed=told(FLAG, "Whether it was not so before, or not by hand.")
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """What can be asked about circuit breakers, and done to them.

    Args:
        parts: What they work on.
    """
    breakers = _Breakers(parts)
    which = (SERVICE_TYPE, INSTANCE_ID)
    return (
        *(
            Endpoint("GET", path, name, _TAG, summary, breakers.all, data=many(BREAKER_OF))
            for path, name, summary in (
                (
                    "/api/circuit-breakers",
                    "listCircuitBreakers",
                    "Show the circuit breakers of all instances.",
                ),
                (
                    "/api/v1/circuit-breaker-monitor",
                    "monitorCircuitBreakers",
                    "The same as `/api/circuit-breakers`.",
                ),
            )
        ),
        Endpoint(
            "GET",
            _ONE,
            "getCircuitBreaker",
            _TAG,
            "Show the circuit breaker of one instance; null if it has none.",
            breakers.one,
            parameters=which,
            data=BREAKER_OF,
            refusals=(*NOT_FOUND, "NOT_POSSIBLE"),
        ),
        Endpoint(
            "POST",
            f"{_ONE}/force-open",
            "forceOpenCircuitBreaker",
            _TAG,
            "Open a circuit breaker by hand: the instance gets no requests until it is closed by hand.",
            breakers.force_open,
            description="Makes no version; lasts across reloads, but not across a restart.",
            parameters=which,
            data=_FORCED,
            refusals=(*NOT_FOUND, "NOT_POSSIBLE"),
            permission="config:write",
            event="BREAKER_OPENED",
        ),
        Endpoint(
            "POST",
            f"{_ONE}/force-close",
            "forceCloseCircuitBreaker",
            _TAG,
            "Close a circuit breaker by hand, whatever it has seen; from then on it works as always.",
            breakers.force_close,
            description="Makes no version.",
            parameters=which,
            data=_FORCED,
            refusals=(*NOT_FOUND, "NOT_POSSIBLE"),
            permission="config:write",
            event="BREAKER_CLOSED",
        ),
    )


class _Breakers:
    _log = Logger()

    def __init__(self, parts: Parts) -> None:
        self._present = Present(parts)

    def all(self, call: Call) -> Reply:
        return Reply([self._state(each) for each in self._present.everywhere()])

    def one(self, call: Call) -> Reply:
        return Reply(self._state(self._present.find(call)))

    def force_open(self, call: Call) -> Reply:
        return self._force(call, opens=True)

    def force_close(self, call: Call) -> Reply:
        return self._force(call, opens=False)

    def _force(self, call: Call, *, opens: bool) -> Reply:
        here, moment, verb = self._present.find(call), self._present.moment(), "opened" if opens else "closed"
        if here.instance is None:
            raise NotPossible(f"{here.id} is inactive: nothing about it is live")
        live = here.instance.live
        before = breaker_state(live.breaker, moment)
        if before is None:
            raise NotPossible(f"{here.id} has no circuit breaker; see circuit-breaker.enabled")
        (live.force_open if opens else live.force_close)(moment.now)
        state = self._state(here)
        changed = (before["state"], before["forced"]) != (
            state["breaker"]["state"],
            state["breaker"]["forced"],
        )
        self._log.warn(
            "instance {label}: breaker {verb} by hand, by {who}",
            label=here.instance.label,
            verb=verb,
            who=call.who,
        )
        return Reply({**state, "changed": changed}, f"The circuit breaker of {here.id} is {verb} by hand")

    def _state(self, here: Here) -> dict[str, Any]:
        live = None if here.instance is None else here.instance.live
        moment = self._present.moment()
        return {**here.about(), "breaker": None if live is None else breaker_state(live.breaker, moment)}
