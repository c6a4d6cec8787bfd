"""What a log line is made of."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from twisted.logger import formatEvent

from jairouter.telemetry.logs.escaping import one_line
from jairouter.telemetry.logs.levels import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.logger import LogEvent

    Writes = Callable[["Line"], str]
    """Makes the text of a line, with what ends it."""


class Line(NamedTuple):
    """One event, ready to be written.

    Attributes:
        time: Seconds since the epoch.
        level: In Java's words.
        logger: Who says it.
        message: What; without anything that would not stay within a line.
        thread: Where.
        trace_id: Of the request that it is about, or an empty text.
        span_id: Likewise.
        traceback: Of what went wrong, as it is; or an empty text.
    """

    time: float
    level: str
    logger: str
    message: str
    thread: str
    trace_id: str = ""
    span_id: str = ""
    traceback: str = ""


def line_of(event: LogEvent) -> Line:
    """Make a line of an event. Never raises: what cannot be formatted says so in its text."""
    level, failure = event.get("log_level"), event.get("log_failure")
    return Line(
        event.get("log_time", 0.0),
        WORDS["info" if level is None else level.name],
        one_line(str(event.get("log_namespace", "-"))),
        one_line(formatEvent(event)),
        threading.current_thread().name,
        _id_of(event, "trace_id"),
        _id_of(event, "span_id"),
        "" if failure is None else _traceback_of(failure),
    )


def _id_of(event: LogEvent, name: str) -> str:
    found = event.get(name)
    return one_line(found) if isinstance(found, str) else ""


def _traceback_of(failure: object) -> str:
    try:
        return str(failure.getTraceback())  # type: ignore[attr-defined]  # events are not typed
    except Exception as error:
        return f"(no traceback: {error.__class__.__name__})"
