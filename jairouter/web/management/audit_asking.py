"""Answers about the record of who did what; `auditing` says what is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.auditing import Event
from jairouter.dates import DAY, date_of
from jairouter.refusals import NotPossible, StoreUnavailable
from jairouter.telemetry.audit.search import Wanted, search, tally
from jairouter.telemetry.audit.verifying import verify
from jairouter.web.management.audit_answers import number_of, page_of, shown, verified_view, wanted_of
from jairouter.web.management.changing import undisturbed
from jairouter.web.management.endpoint import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jairouter.telemetry.audit.log import AuditLog
    from jairouter.telemetry.audit.opening import Auditing
    from jairouter.telemetry.audit.search import Found
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.one_at_a_time import RunInThread

_OFF: Final = "Nothing is recorded: logging.audit.enabled and security.audit.enabled are false"
_WEEK: Final = 7


class Asking:
    """Answers.

    Args:
        auditing: Where events are told.
        run_in_thread: For reading files: one request at a time, apart from other work of the management API.
        today: Seconds since the epoch.
    """

    def __init__(self, auditing: Auditing, run_in_thread: RunInThread, today: Callable[[], float]) -> None:
        self._auditing, self._run, self._today = auditing, run_in_thread, today

    async def logs(self, call: Call) -> Reply:
        """What fits what a path and a query say."""
        return await self._found({**call.query, **call.path})

    async def query(self, call: Call) -> Reply:
        """What fits what a body says."""
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
        partial = found.partial or log.behind
        data |= {"totalElements": found.total, "partial": partial, "scannedFrom": found.oldest}
        return Reply(data)

    async def count(self, call: Call) -> Reply:
        """How many there were."""
        wanted, counts, log = wanted_of(call.query, self._today(), 1), _Counts(), self._auditing.log
        partial = False
        if log is not None:
            await log.flush()
            partial = await _readable(self._run(tally, log.place, wanted, counts.add)) or log.behind
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

    async def check(self, call: Call) -> Reply:
        """Whether there were too many of a kind."""
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

    def alerts(self, call: Call) -> Reply:
        """What was counted for alerts."""
        return Reply(self._alert_view())

    def reset(self, call: Call) -> Reply:
        """Count for alerts from nothing."""
        if self._auditing.alerts is not None:
            self._auditing.alerts.reset()
        return Reply(self._alert_view(), "Alerts count from nothing")

    def _alert_view(self) -> dict[str, Any]:
        alerts = self._auditing.alerts
        return {"enabled": alerts is not None, "alerts": alerts.statistics() if alerts is not None else {}}

    async def verify(self, call: Call) -> Reply:
        """Whether all is there."""
        verified = await self._run(verify, self._log().place)
        told = "The record is intact" if not verified.fault else "The record is not intact"
        return Reply(verified_view(verified), told)

    async def clean_up(self, call: Call) -> Reply:
        """Delete what is too old."""
        days = call.query["retentionDays"]
        deleting = self._log().delete_older(days * DAY, _by(call))
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


def _range(wanted: Wanted) -> dict[str, str]:
    return {"startTime": date_of(wanted.start), "endTime": date_of(wanted.end)}


async def _readable(reading: Awaitable[Any]) -> Any:
    try:
        return await reading
    except OSError as error:
        raise StoreUnavailable(
            f"the audit log cannot be read or written: {error.strerror or error}"
        ) from None


def _by(call: Call) -> Event:
    return Event(
        "AUDIT_FILES_DELETED",
        user=call.who,
        ip=call.address,
        action="DELETE",
        request_id=call.request_id,
    )
