"""Why recent requests went where they went: ``/api/loadbalancer/decisions``."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Final

from jairouter.config.naming import SERVICES, service_name
from jairouter.refusals import InvalidRequest
from jairouter.traffic.snapshot import Moment
from jairouter.traffic.snapshot_decisions import decision_state
from jairouter.web.management.endpoint import Endpoint, Parameter, Reply
from jairouter.web.management.live_schemas import DECISION, FLAG, exactly, many, told

if TYPE_CHECKING:
    from jairouter.traffic.decision import Decision
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts

MOST: Final = 500
"""Decisions in one reply, which is made in one go: with more of them all else would wait for too long."""

_ASKED: Final = (
    Parameter("model", "Only requests for this model."),
    Parameter("service", f"Only requests of this service, in any spelling: {', '.join(SERVICES)}."),
    Parameter(
        "status",
        "Only requests that were answered so: `503`, or `5xx`.",
        {"type": "string", "minLength": 3, "maxLength": 3, "pattern": "^[1-5]([0-9][0-9]|xx)$"},
    ),
    Parameter(
        "since",
        "Only requests that came then or later, in seconds since the epoch (`date +%s`).",
        {"type": "number", "minimum": 0},
    ),
    Parameter("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": MOST}, default=100),
)
_DATA: Final = exactly(
    recorded=told(FLAG, "Whether decisions are recorded (`loadbalancer.routing-monitor.enabled`)."),
    decisions=told(many(DECISION), "The latest first."),
)
_SUMMARY: Final = "Show why recent requests went where they went."


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """What can be asked about recent requests.

    Args:
        parts: What they work on.
    """

    def recent(call: Call) -> Reply:
        if parts.decisions is None:
            return Reply(
                {"recorded": False, "decisions": []},
                "Nothing is recorded: loadbalancer.routing-monitor.enabled is false",
            )
        moment, wanted = Moment(parts.seconds(), parts.today()), _wanted(call)
        kept = parts.decisions.recent(sys.maxsize, call.query["model"])
        found = islice((each for each in kept if wanted.fits(each, moment)), call.query["limit"])
        return Reply({"recorded": True, "decisions": [decision_state(each, moment) for each in found]})

    about = (
        "All requests that needed more than one attempt, found instances that could not be used, or failed "
        "are recorded, and a share of the others (`loadbalancer.routing-monitor`). Instances are named by "
        "their label."
    )
    return tuple(
        Endpoint(
            "GET",
            path,
            name,
            "Load balancing",
            summary,
            recent,
            description=about,
            parameters=_ASKED,
            data=_DATA,
        )
        for path, name, summary in (
            ("/api/loadbalancer/decisions", "getDecisions", _SUMMARY),
            ("/api/v1/routing-monitor", "monitorRouting", "The same as `/api/loadbalancer/decisions`."),
        )
    )


class _Wanted:
    """Which decisions are wanted.

    Args:
        service: Canonical name, or None for all.
        status: What the status begins with.
        since: Seconds since the epoch, or None.
    """

    def __init__(self, service: str | None, status: str, since: float | None) -> None:
        self._service = service
        self._status = status
        self._since = since

    def fits(self, decision: Decision, moment: Moment) -> bool:
        """Whether this is one of them."""
        return (
            self._service in {None, decision.service}
            and str(decision.status).startswith(self._status)
            and (self._since is None or moment.today - (moment.now - decision.at) >= self._since)
        )


def _wanted(call: Call) -> _Wanted:
    written, status = call.query["service"], call.query["status"] or ""
    service = None if written is None else service_name(written)
    if written is not None and service is None:
        raise InvalidRequest(f"{written[:100]!r} is no service type; there are {', '.join(SERVICES)}")
    return _Wanted(service, status.removesuffix("xx"), call.query["since"])
