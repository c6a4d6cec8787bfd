"""The record of who did what: ``/api/security/audit``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.dates import date_of
from jairouter.refusals import NotPossible, StoreUnavailable
from jairouter.telemetry.audit.search import Wanted, search, tally
from jairouter.telemetry.audit.verifying import verify
from jairouter.web.management.audit_answers import (
    DAY,
    EVENTS,
    FILTERS,
    MORE,
    PAGES,
    RANGE,
    STATISTICS,
    VERIFIED,
    body_of,
    number_of,
    page_of,
    shown,
    verified_view,
    wanted_of,
)
from jairouter.web.management.changing import undisturbed
from jairouter.web.management.endpoint import Endpoint, Parameter, Reply
from jairouter.web.management.live_schemas import COUNT, DATE, FLAG, TEXT, exactly
from jairouter.web.management.one_at_a_time import RunInThread, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jairouter.telemetry.audit.log import AuditLog
    from jairouter.telemetry.audit.opening import Auditing
    from jairouter.telemetry.audit.search import Found
    from jairouter.web.management.endpoint import Call

TAG: Final = "Audit"
READ: Final = "audit:read"
DELETE: Final = "audit:delete"

_PATH: Final = "/api/security/audit"
_OFF: Final = "Nothing is recorded: logging.audit.enabled and security.audit.enabled are false"
_REFUSALS: Final = ("STORE_UNAVAILABLE",)
_WEEK: Final = 7
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
    asking = _Asking(auditing, one_at_a_time(run_in_thread), today)
    return (*asking.looking(), *asking.alerting(), *asking.keeping())


class _Asking:
    """Answers.

    Files are read one request at a time, and apart from other work of the management API.
    """

    def __init__(self, auditing: Auditing, run_in_thread: RunInThread, today: Callable[[], float]) -> None:
        self._auditing, self._run, self._today = auditing, run_in_thread, today

    def looking(self) -> tuple[Endpoint, ...]:
        """What was recorded."""
        about = (
            "Files are looked through from the newest on, up to a limit: `partial` says when that was not "
            "enough."
        )
        both = (*RANGE, *FILTERS, *PAGES)
        by_name = "Extended: what one {} did."
        return (
            _get("/logs", "getAuditLogs", "Show what was recorded", self._logs, both, EVENTS, about),
            Endpoint(
                "POST",
                _PATH + "/logs/query",
                "queryAuditLogs",
                TAG,
                "Show what was recorded, with more to choose by",
                self._query,
                about,
                body=body_of((*RANGE, *FILTERS, *MORE, *PAGES)),
                body_required=False,
                data=EVENTS,
                refusals=_REFUSALS,
                permission=READ,
            ),
            _get(
                "/extended/users/{userId}/events",
                "getAuditEventsOfUser",
                by_name.format("user or key"),
                self._logs,
                (*RANGE, *PAGES),
                EVENTS,
                about,
            ),
            _get(
                "/extended/ip-addresses/{clientIp}/events",
                "getAuditEventsOfAddress",
                by_name.format("address"),
                self._logs,
                (*RANGE, *PAGES),
                EVENTS,
                about,
            ),
            _get(
                "/statistics", "getAuditStatistics", "Count what was recorded", self._count, RANGE, STATISTICS
            ),
        )

    def alerting(self) -> tuple[Endpoint, ...]:
        """What there is too much of."""
        return (
            _get(
                "/alerts/check",
                "checkAuditAlert",
                "Whether there were too many events of a kind",
                self._check,
                _CHECKED,
                _CHECK,
            ),
            _get(
                "/alerts/statistics",
                "getAuditAlertStatistics",
                "Show the alerts that are configured, and when they were raised",
                self._alerts,
                (),
                _ALERTS,
            ),
            Endpoint(
                "POST",
                _PATH + "/alerts/reset",
                "resetAuditAlerts",
                TAG,
                "Count for alerts from nothing, and be ready to raise them again",
                self._reset,
                data=_ALERTS,
                permission=DELETE,
            ),
        )

    def keeping(self) -> tuple[Endpoint, ...]:
        """Whether all is there, and how to be rid of it."""
        return (
            Endpoint(
                "GET",
                _PATH + "/verify",
                "verifyAuditLog",
                TAG,
                "Check that no line was changed, added or taken out",
                self._verify,
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
                self._clean_up,
                "Only whole files that are not written any more; the record says that they were deleted.",
                (_DAYS,),
                data=_DELETED,
                refusals=("NOT_POSSIBLE", *_REFUSALS),
                permission=DELETE,
            ),
        )

    async def _logs(self, call: Call) -> Reply:
        return await self._found({**call.query, **call.path})

    async def _query(self, call: Call) -> Reply:
        return await self._found(call.body or {})

    async def _found(self, asked: Mapping[str, Any]) -> Reply:
        (page, size), wanted, log = page_of(asked), wanted_of(asked, self._today(), _WEEK), self._auditing.log
        data = {
            "recorded": log is not None,
            "events": [],
            "page": page,
            "size": size,
            "totalElements": 0,
            "partial": False,
            "scannedFrom": "",
            **_range(wanted),
        }
        if log is None:
            return Reply(data, _OFF)
        await log.flush()
        found: Found = await _readable(self._run(search, log.place, wanted, page, size))
        data["events"] = [shown(each) for each in found.events]
        data |= {"totalElements": found.total, "partial": found.partial, "scannedFrom": found.oldest}
        return Reply(data)

    async def _count(self, call: Call) -> Reply:
        wanted, counts, log = wanted_of(call.query, self._today(), 1), _Counts(), self._auditing.log
        partial = False
        if log is not None:
            await log.flush()
            partial = await _readable(self._run(tally, log.place, wanted, counts.add))
        data = {
            "recorded": log is not None,
            **_range(wanted),
            "partial": partial,
            "auditStatistics": counts.shown(),
            "alertStatistics": self._alert_view()["alerts"],
            "log": self._auditing.standing().details,
            "generatedAt": date_of(self._today()),
        }
        return Reply(data) if log is not None else Reply(data, _OFF)

    async def _check(self, call: Call) -> Reply:
        minutes, now, counts = call.query["timeWindowMinutes"], self._today(), _Counts()
        wanted = wanted_of({"eventType": call.query["eventType"]}, now, minutes / 1440)
        if self._auditing.log is not None:
            await self._auditing.log.flush()
            await _readable(self._run(tally, self._auditing.log.place, wanted, counts.add))
        number = counts.kinds.total()
        data = {
            **call.query,
            "eventCount": number,
            "shouldTriggerAlert": number >= call.query["threshold"],
            "checkTime": date_of(now),
        }
        return Reply(data)

    def _alerts(self, call: Call) -> Reply:
        return Reply(self._alert_view())

    def _reset(self, call: Call) -> Reply:
        if self._auditing.alerts is not None:
            self._auditing.alerts.reset()
        return Reply(self._alert_view(), "Alerts count from nothing")

    def _alert_view(self) -> dict[str, Any]:
        alerts = self._auditing.alerts
        return {"enabled": alerts is not None, "alerts": alerts.statistics() if alerts is not None else {}}

    async def _verify(self, call: Call) -> Reply:
        verified = await self._run(verify, self._log().place)
        told = "The record is intact" if not verified.fault else "The record is not intact"
        return Reply(verified_view(verified), told)

    async def _clean_up(self, call: Call) -> Reply:
        days = call.query["retentionDays"]
        deleting = self._log().delete_older(
            days * DAY, user=call.who, ip=call.address, request_id=call.request_id
        )
        number, through = await _readable(undisturbed(deleting))
        data = {
            "deletedCount": number,
            "deletedThrough": through,
            "retentionDays": days,
            "cleanupTime": date_of(self._today()),
        }
        return Reply(data, f"{number} files are deleted")

    def _log(self) -> AuditLog:
        if self._auditing.log is None:
            raise NotPossible(_OFF)
        return self._auditing.log


class _Counts:
    """Counts events."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self._succeeded = 0

    def add(self, found: dict[str, Any]) -> None:
        number = number_of(found)
        self.kinds[str(found["event"])] += number
        if found.get("success") is True:
            self._succeeded += number

    def shown(self) -> dict[str, Any]:
        kinds, total = self.kinds, self.kinds.total()
        return {
            "totalEvents": total,
            "eventTypeStatistics": dict(kinds),
            "successFailureStatistics": {"success": self._succeeded, "failure": total - self._succeeded},
            "authenticationStatistics": {
                "success": kinds["AUTHENTICATION_SUCCESS"],
                "failure": kinds["AUTHENTICATION_FAILURE"],
            },
            "sanitizationCount": kinds["REQUEST_SANITIZATION"] + kinds["RESPONSE_SANITIZATION"],
        }


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


def _range(wanted: Wanted) -> dict[str, str]:
    return {"startTime": date_of(wanted.start), "endTime": date_of(wanted.end)}


async def _readable(reading: Awaitable[Any]) -> Any:
    try:
        return await reading
    except OSError as error:
        raise StoreUnavailable(
            f"the audit log cannot be read or written: {error.strerror or error}"
        ) from None
