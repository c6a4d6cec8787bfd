"""Settings of what is written to logs."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import model_validator

from jairouter.config.forms import OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.naming import nearest
from jairouter.config.numbers import Count
from jairouter.config.quantities import ByteCount, SomeBytes
from jairouter.config.settings.auditing import Level
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


class AccessLogSettings(Section):
    """The log with one line for each request."""

    enabled: Switch = True
    """Whether requests are logged."""


class PatternSettings(Section):
    """What a log line looks like, in the notation of Logback."""

    console: Words | None = None
    """Lines on the console."""

    file: Words | None = None
    """Lines in the log file."""

    level: Words | None = None
    """The level inside a line."""

    dateformat: Words | None = None
    """The date inside a line."""


class LogFileSettings(Section):
    """The log file, and when it is started anew."""

    name: Words | None = None
    """File to log to; not given means none."""

    path: Words | None = None
    """Directory of the log file when `name` is not given."""

    max_size: SomeBytes = 100 * 1024 * 1024
    """Size, in bytes, at which a new file is begun."""

    max_history: Count = 30
    """How long old files are kept, in days."""

    total_size_cap: ByteCount = 0
    """Most bytes of all old files together; 0 for no limit."""


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
        taken = {name: name for name in FIXED_FIELDS}
        for member in self.fields:
            if member not in AUDIT_FIELDS:
                meant = nearest(member, AUDIT_FIELDS)
                hint = f"did you mean {meant}?" if meant else f"there is {', '.join(AUDIT_FIELDS)}"
                raise refuse(f"an event has no such member; {hint}", "fields", member)
        for member in AUDIT_FIELDS:
            name = self.fields.get(member, "@timestamp" if member == "timestamp" else member)
            if not _NAME.fullmatch(name):
                raise refuse("expected a name without spaces and quotes", "fields", member)
            if name in taken:
                at = member if member in self.fields else taken[name]
                raise refuse(f"{name!r} is the name of another member, too", "fields", at)
            taken[name] = member
        return self


class StructuredLogSettings(Section):
    """Log lines as JSON objects."""

    enabled: Switch = False
    """Whether lines are JSON objects."""

    format: _Format = "json"
    """How lines are written."""

    fields: Named[Words] = _NONE
    """Members of a line, and the names they are written under."""


class LoggingSettings(Section):
    """What is written to logs."""

    aliases: ClassVar[Mapping[str, str]] = {
        "logback.rollingpolicy.max-file-size": "file.max-size",
        "logback.rollingpolicy.max-history": "file.max-history",
        "logback.rollingpolicy.total-size-cap": "file.total-size-cap",
    }

    level: Named[Level] = _NONE
    """Lowest level that is logged, by logger name; `root` is for all."""

    access: AccessLogSettings = AccessLogSettings()
    pattern: PatternSettings = PatternSettings()
    file: LogFileSettings = LogFileSettings()
    audit: AuditLogSettings = AuditLogSettings()
    structured: StructuredLogSettings = StructuredLogSettings()
