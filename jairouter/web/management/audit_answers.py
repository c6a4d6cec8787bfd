"""What the endpoints of the audit log are asked and what they reply; and how an event is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from jairouter.dates import DAY
from jairouter.refusals import InvalidRequest
from jairouter.telemetry.audit.search import Wanted
from jairouter.web.management.endpoint import Parameter
from jairouter.web.management.live_schemas import COUNT, DATE, FLAG, TEXT, exactly, many, told

if TYPE_CHECKING:
    from jairouter.telemetry.audit.verifying import Verified
    from jairouter.web.management.endpoint import Schema

_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Between them a time can be written as a date, in every zone."""
DEEPEST: Final = 10_000
"""Events up to the end of a page, which are kept in memory until it is made."""

_EVENT: Final[Schema] = {
    "type": "object",
    "required": ["eventId", "eventType", "userId", "clientIp", "timestamp", "resource", "result", "success"],
    "properties": {
        "eventId": TEXT,
        "eventType": TEXT,
        "userId": TEXT,
        "clientIp": TEXT,
        "timestamp": TEXT,
        "resource": TEXT,
        "action": TEXT,
        "result": TEXT,
        "success": FLAG,
        "failureReason": TEXT,
        "requestId": TEXT,
        "level": TEXT,
        "additionalData": {"type": "object"},
        "count": told(COUNT, "How many events that are alike the line stands for."),
        "firstTime": told(TEXT, "When the first of them happened."),
        "lastTime": told(TEXT, "When the last of them did."),
        "seq": told(COUNT, "Number of the line in the record."),
    },
}
PARTIAL: Final = told(
    FLAG,
    "Whether there is more in the time asked for than was looked at, which has a limit; narrow the time.",
)
RECORDED: Final = told(FLAG, "Whether events are recorded at all.")

EVENTS: Final = exactly(
    recorded=RECORDED,
    events=told(many(_EVENT), "The newest first."),
    page=COUNT,
    size=COUNT,
    totalElements=told(COUNT, "Lines that fit, on all pages."),
    partial=PARTIAL,
    scannedFrom=told(TEXT, "The time of the oldest line that was looked at; empty without any."),
    startTime=DATE,
    endTime=DATE,
)
NUMBERS: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
STATISTICS: Final = exactly(
    recorded=RECORDED,
    startTime=DATE,
    endTime=DATE,
    partial=PARTIAL,
    auditStatistics=exactly(
        totalEvents=COUNT,
        eventTypeStatistics=NUMBERS,
        successFailureStatistics=exactly(success=COUNT, failure=COUNT),
        authenticationStatistics=exactly(success=COUNT, failure=COUNT),
        sanitizationCount=COUNT,
    ),
    alertStatistics={"type": "object"},
    log={"type": "object", "description": "How it stands with the record."},
    generatedAt=DATE,
)
VERIFIED: Final = exactly(
    intact=FLAG,
    lines=told(COUNT, "Lines that are as they were written."),
    firstSeq=COUNT,
    lastSeq=COUNT,
    files=COUNT,
    fault=told(TEXT, "The first thing that does not fit; empty when all fits."),
    notes=many(TEXT),
)

_DATE: Final = "ISO 8601; without a zone it is UTC"
_START: Final = Parameter("startTime", f"From when ({_DATE}).")
_END: Final = Parameter("endTime", f"Until when ({_DATE}); by default now.")
RANGE: Final = (_START, _END)
PAGES: Final = (
    Parameter(
        "page", "Which page, from 0.", {"type": "integer", "minimum": 0, "maximum": DEEPEST}, default=0
    ),
    Parameter("size", "Events of a page.", {"type": "integer", "minimum": 1, "maximum": 100}, default=20),
)
FILTERS: Final = (
    Parameter("eventType", "Only events of this kind: `AUTHENTICATION_FAILURE`."),
    Parameter("userId", "Only what this user or key did, by its name."),
    Parameter("clientIp", "Only what came from this address."),
    Parameter("success", "Only what was allowed, or was not.", {"type": "boolean"}),
)
MORE: Final = (
    Parameter("action", "Only this method, or verb."),
    Parameter("resource", "Only resources with this text in them."),
    Parameter("failureReason", "Only reasons with this text in them."),
)


def body_of(parameters: tuple[Parameter, ...]) -> Schema:
    """The same parameters as the members of a body."""
    return {
        "title": "AuditQuery",
        "type": "object",
        "properties": {
            each.name: {
                **each.schema,
                "type": [each.schema["type"], "null"],
                "description": each.description,
                **({"maxLength": 2000} if each.schema["type"] == "string" else {}),
            }
            for each in parameters
        },
        "additionalProperties": False,
    }


def wanted_of(asked: Mapping[str, Any], now: float, days: float) -> Wanted:
    """Which events are asked for.

    Args:
        asked: The parameters that were given.
        now: Seconds since the epoch.
        days: How far back, if nobody says.

    Raises:
        InvalidRequest: A time cannot be read.
    """
    end = time_of(asked, "endTime")
    end = now if end is None else end
    start = time_of(asked, "startTime")
    start = max(end - days * DAY, _EARLIEST) if start is None else start
    if start > end:
        raise InvalidRequest("startTime is later than endTime")
    names = {"userId": "user", "clientIp": "ip", "success": "success", "action": "action"}
    equal = [(name, asked[given]) for given, name in names.items() if asked.get(given) is not None]
    if asked.get("eventType"):
        equal.append(("event", asked["eventType"].upper().replace("-", "_")))
    texts = {"resource": "resource", "failureReason": "reason"}
    within = [(name, asked[given]) for given, name in texts.items() if asked.get(given)]
    return Wanted(start, end, tuple(equal), tuple(within))


def time_of(asked: Mapping[str, Any], name: str) -> float | None:
    """A time that is asked for, in seconds since the epoch; None where it is not given.

    Raises:
        InvalidRequest: It cannot be read.
    """
    written = asked.get(name)
    if not written:
        return None
    try:
        # (A plus that nobody has escaped is a space by now)
        at = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{name} must be a time such as 2026-01-31T12:00:00Z") from None
    if not _EARLIEST <= seconds < _LATEST:
        raise InvalidRequest(f"{name} is out of range")
    return seconds


def page_of(asked: Mapping[str, Any]) -> tuple[int, int]:
    """Which page, and how large.

    Raises:
        InvalidRequest: It is too far back.
    """
    page, size = asked.get("page") or 0, asked.get("size") or 20
    if (page + 1) * size > DEEPEST:
        raise InvalidRequest(f"only the first {DEEPEST} events can be paged through; narrow the time")
    return page, size


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """An event as replies show it."""
    details = found.get("details")
    perhaps = {
        "action": found.get("action"),
        "failureReason": found.get("reason"),
        "requestId": found.get("requestId"),
        "level": found.get("level"),
        "additionalData": details if isinstance(details, dict) else None,
        "count": number_of(found) if "count" in found else None,
        "firstTime": found.get("first"),
        "lastTime": found.get("last"),
    }
    return {
        "eventId": str(found.get("eventId", "")),
        "eventType": str(found["event"]),
        "userId": str(found["user"]),
        "clientIp": str(found["ip"]),
        "timestamp": str(found["timestamp"]),
        "resource": str(found["resource"]),
        "result": str(found["result"]),
        "success": found.get("success") is True,
        **{name: value for name, value in perhaps.items() if value not in (None, "")},
        "seq": found["seq"],
    }


def number_of(found: Mapping[str, Any]) -> int:
    """How many events a line stands for."""
    number = found.get("count", 1)
    return number if isinstance(number, int) and number > 0 else 1


def verified_view(verified: Verified) -> dict[str, Any]:
    """What came of checking the record."""
    return {
        "intact": not verified.fault,
        "lines": verified.lines,
        "firstSeq": verified.first,
        "lastSeq": verified.last,
        "files": verified.files,
        "fault": verified.fault,
        "notes": list(verified.notes),
    }
