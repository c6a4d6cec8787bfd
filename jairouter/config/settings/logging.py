"""Settings of what is written to logs."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import model_validator

from jairouter.config.forms import Name, OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.log_date import parse_date
from jairouter.config.log_pattern import parse_pattern
from jairouter.config.naming import nearest
from jairouter.config.numbers import Count
from jairouter.config.quantities import ByteCount, SomeBytes
from jairouter.config.settings.auditing import LEVELS
from jairouter.config.settings.section import Section, refuse

AUDIT_FIELDS: Final = ("timestamp", "level", "event", "user", "ip", "resource", "result")
"""Members of an event whose names can be chosen."""
FIXED_FIELDS: Final = (
    "eventId",
    "action",
    "success",
    "reason",
    "requestId",
    "details",
    "count",
    "first",
    "last",
    "cut",
    "seq",
    "prev",
    "hash",
)
"""Those whose names cannot."""

_NAME: Final = re.compile(r"[\w.@/:-]{1,100}")
_NONE: FrozenMapping[Any] = FrozenMapping()
_Format = Annotated[str, OneOf(("json", "text"))]
_Level = Annotated[str, OneOf((*LEVELS, "ALL"))]

STRUCTURED_FIELDS: Final = (
    "timestamp",
    "level",
    "logger",
    "message",
    "thread",
    "traceId",
    "spanId",
    "host",
    "service",
    "exception",
)
"""Members of a log line whose names can be chosen."""
REQUEST_FIELDS: Final = (
    "clientIp",
    "method",
    "path",
    "status",
    "bytes",
    "duration",
    "attempts",
    "requestId",
    "model",
    "instance",
    "outcome",
    "error",
)
"""Those of a line about a request, whose names cannot."""


class AccessLogSettings(Section):
    """The log with one line for each request."""

    enabled: Switch = True
    """Whether requests are logged."""

    file: Name | None = None
    """File for these lines alone, kept as `logging.file` says; not given means that they are among the
    others."""


class PatternSettings(Section):
    """What a log line looks like, in the notation of Logback.

    One event is one line, whatever is in it: what would end the line, or steer a terminal, is escaped.
    Tracebacks follow it as indented lines.
    """

    console: Words | None = None
    """Lines on the console; not given means
    `%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level [%X{traceId}] %logger{36} - %msg%n`."""

    file: Words | None = None
    """Lines in log files; not given means the same as on the console."""

    level: Words | None = None
    """What `%level` stands for inside a line, itself a pattern such as `%5p`."""

    dateformat: Words | None = None
    """What `%d` stands for inside a line where it says nothing itself."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, read in (
            ("console", parse_pattern),
            ("file", parse_pattern),
            ("level", parse_pattern),
            ("dateformat", parse_date),
        ):
            try:
                read(getattr(self, name) or "")
            except ValueError as error:
                raise refuse(str(error), name) from None
        return self


class LogFileSettings(Section):
    """Log files, and when they are started anew: each day, and when they are full.

    Old files are called `jairouter.2026-01-31.0.log.gz`. At SIGUSR1 the files of these names are opened anew,
    which is for logrotate.
    """

    name: Name | None = None
    """File to log to, beside the console; not given means none. Errors are written to a file beside it, too,
    `jairouter-error.log`."""

    path: Name | None = None
    """Directory of the log file when `name` is not given; it is called `jairouter.log` then."""

    rotate: Switch = True
    """Whether new files are begun at all; with `false`, that is left to logrotate (`etc/logrotate.d`)."""

    max_size: SomeBytes = 100 * 1024 * 1024
    """Size, in bytes, at which a new file is begun."""

    max_history: Count = 30
    """How long old files are kept, in days; 0 for as long as `total-size-cap` allows."""

    total_size_cap: ByteCount = 0
    """Most bytes of all old files of one log together; 0 for no limit."""


class AuditLogSettings(Section):
    """The file with security events, one JSON object a line."""

    enabled: Switch = False
    """Whether events are written; `security.audit.enabled` is another way to say so, and one of the two is
    enough."""

    file: Words | None = None
    """File to write to; not given means `security.audit.storage.file-path`."""

    format: _Format = "json"
    """How events are written: as JSON objects, or as texts with `name=value`."""

    fields: Named[Words] = _NONE
    """Members of an event (`timestamp`, `level`, `event`, `user`, `ip`, `resource`, `result`), and the names
    that they are written under; `timestamp` is `@timestamp` where that is not given."""

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        _check_names(self.fields, AUDIT_FIELDS, FIXED_FIELDS, "an event")
        return self


def _check_names(given: Mapping[str, str], members: tuple[str, ...], fixed: tuple[str, ...], of: str) -> None:
    """Refuse names of members that are none, or that two of them would have."""
    taken = {name: name for name in fixed}
    for member in given:
        if member not in members:
            meant = nearest(member, members)
            hint = f"did you mean {meant}?" if meant else f"there is {', '.join(members)}"
            raise refuse(f"{of} has no such member; {hint}", "fields", member)
    for member in members:
        name = given.get(member, "@timestamp" if member == "timestamp" else member)
        if not _NAME.fullmatch(name):
            raise refuse("expected a name without spaces and quotes", "fields", member)
        if name in taken:
            at = member if member in given else taken[name]
            raise refuse(f"{name!r} is the name of another member, too", "fields", at)
        taken[name] = member


class StructuredLogSettings(Section):
    """Log lines as JSON objects."""

    enabled: Switch = False
    """Whether lines in log files are JSON objects; where there is no log file, those on the console."""

    format: _Format = "json"
    """How lines are written then; with `text` they go by `logging.pattern` all the same."""

    fields: Named[Words] = _NONE
    """Members of a line (`timestamp`, `level`, `logger`, `message`, `thread`, `traceId`, `spanId`, `host`,
    `service`, `exception`), and the names that they are written under; `timestamp` is `@timestamp` where that
    is not given."""

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        _check_names(self.fields, STRUCTURED_FIELDS, REQUEST_FIELDS, "a line")
        return self


class LoggingSettings(Section):
    """What is written to logs."""

    aliases: ClassVar[Mapping[str, str]] = {
        "logback.rollingpolicy.max-file-size": "file.max-size",
        "logback.rollingpolicy.max-history": "file.max-history",
        "logback.rollingpolicy.total-size-cap": "file.total-size-cap",
    }

    level: Named[_Level] = _NONE
    """Lowest level that is logged, by the name of a logger, such as `jairouter.auth`, or of a Java package of
    older files (see docs/logging.md); `root` is for all."""

    access: AccessLogSettings = AccessLogSettings()
    pattern: PatternSettings = PatternSettings()
    file: LogFileSettings = LogFileSettings()
    audit: AuditLogSettings = AuditLogSettings()
    structured: StructuredLogSettings = StructuredLogSettings()
