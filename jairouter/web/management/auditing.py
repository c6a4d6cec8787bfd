"""The record of who did what: ``/api/security/audit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.management.audit_answers import (
    EVENTS,
    FILTERS,
    MORE,
    PAGES,
    RANGE,
    STATISTICS,
    VERIFIED,
    body_of,
)
from jairouter.web.management.audit_asking import Asking
from jairouter.web.management.endpoint import Endpoint, Parameter
from jairouter.web.management.live_schemas import COUNT, DATE, FLAG, TEXT, exactly
from jairouter.web.management.one_at_a_time import RunInThread, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jairouter.telemetry.audit.opening import Auditing
    from jairouter.web.management.endpoint import Call, Reply

TAG: Final = "Audit"
READ: Final = "audit:read"
DELETE: Final = "audit:delete"

_PATH: Final = "/api/security/audit"
_REFUSALS: Final = ("STORE_UNAVAILABLE",)
_DAYS: Final = Parameter(
    "retentionDays",
    "Files are kept that were put aside since then.",
    {"type": "integer", "minimum": 1, "maximum": 365},
    default=90,
)
_CHECKED: Final = (
    Parameter("eventType", "The kind of events.", required=True),
    Parameter(
        "timeWindowMinutes", "How far back.", {"type": "integer", "minimum": 1, "maximum": 1440}, default=5
    ),
    Parameter("threshold", "How many are too many.", {"type": "integer", "minimum": 1}, default=10),
)
_CHECK: Final = exactly(
    eventType=TEXT,
    timeWindowMinutes=COUNT,
    threshold=COUNT,
    eventCount=COUNT,
    shouldTriggerAlert=FLAG,
    checkTime=DATE,
)
_ALERTS: Final = exactly(enabled=FLAG, alerts={"type": "object"})
_DELETED: Final = exactly(deletedCount=COUNT, deletedThrough=COUNT, retentionDays=COUNT, cleanupTime=DATE)


def endpoints(
    auditing: Auditing, run_in_thread: RunInThread, today: Callable[[], float]
) -> tuple[Endpoint, ...]:
    """What can be asked about security events.

    Args:
        auditing: Where they are told.
        run_in_thread: For reading files.
        today: Seconds since the epoch.
    """
    asking = Asking(auditing, one_at_a_time(run_in_thread), today)
    return (*_looking(asking), *_alerting(asking), *_keeping(asking))


def _looking(asking: Asking) -> tuple[Endpoint, ...]:
    """What was recorded."""
    about = (
        "Files are looked through from the newest on, up to a limit: `partial` says when that was not enough."
    )
    both, all_of_them = (*RANGE, *FILTERS, *PAGES), (*RANGE, *FILTERS, *MORE, *PAGES)
    by_name = "Extended: what one {} did."
    return (
        _get(
            "",
            "getAudit",
            "Show what was recorded, with all there is to choose by",
            asking.logs,
            all_of_them,
            EVENTS,
            about,
        ),
        _get("/logs", "getAuditLogs", "Show what was recorded", asking.logs, both, EVENTS, about),
        Endpoint(
            "POST",
            _PATH + "/logs/query",
            "queryAuditLogs",
            TAG,
            "Show what was recorded, with more to choose by",
            asking.query,
            about,
            body=body_of(all_of_them),
            body_required=False,
            data=EVENTS,
            refusals=_REFUSALS,
            permission=READ,
        ),
        _get(
            "/extended/users/{userId}/events",
            "getAuditEventsOfUser",
            by_name.format("user or key"),
            asking.logs,
            (*RANGE, *PAGES),
            EVENTS,
            about,
        ),
        _get(
            "/extended/ip-addresses/{clientIp}/events",
            "getAuditEventsOfAddress",
            by_name.format("address"),
            asking.logs,
            (*RANGE, *PAGES),
            EVENTS,
            about,
        ),
        _get("/statistics", "getAuditStatistics", "Count what was recorded", asking.count, RANGE, STATISTICS),
    )


def _alerting(asking: Asking) -> tuple[Endpoint, ...]:
    """What there is too much of."""
    return (
        _get(
            "/alerts/check",
            "checkAuditAlert",
            "Whether there were too many events of a kind",
            asking.check,
            _CHECKED,
            _CHECK,
        ),
        _get(
            "/alerts/statistics",
            "getAuditAlertStatistics",
            "Show the alerts that are configured, and when they were raised",
            asking.alerts,
            (),
            _ALERTS,
        ),
        Endpoint(
            "POST",
            _PATH + "/alerts/reset",
            "resetAuditAlerts",
            TAG,
            "Count for alerts from nothing, and be ready to raise them again",
            asking.reset,
            data=_ALERTS,
            permission=DELETE,
            event="ALERTS_RESET",
        ),
    )


def _keeping(asking: Asking) -> tuple[Endpoint, ...]:
    """Whether all is there, and how to be rid of it."""
    return (
        Endpoint(
            "GET",
            _PATH + "/verify",
            "verifyAuditLog",
            TAG,
            "Check that no line was changed, added or taken out",
            asking.verify,
            "All files are read, which may take a while. `jairouter audit verify` does the same.",
            data=VERIFIED,
            refusals=("NOT_POSSIBLE",),
            permission=READ,
        ),
        Endpoint(
            "DELETE",
            _PATH + "/logs/cleanup",
            "cleanUpAuditLogs",
            TAG,
            "Delete files that are too old",
            asking.clean_up,
            "Only whole files that are not written any more; the record says that they were deleted.",
            (_DAYS,),
            data=_DELETED,
            refusals=("NOT_POSSIBLE", *_REFUSALS),
            permission=DELETE,
        ),
    )


def _get(
    path: str,
    name: str,
    summary: str,
    answer: Callable[[Call], Reply | Awaitable[Reply]],
    parameters: tuple[Parameter, ...],
    data: Mapping[str, Any],
    about: str = "",
) -> Endpoint:
    return Endpoint(
        "GET",
        _PATH + path,
        name,
        TAG,
        summary,
        answer,
        about,
        parameters,
        data=data,
        refusals=_REFUSALS,
        permission=READ,
    )
