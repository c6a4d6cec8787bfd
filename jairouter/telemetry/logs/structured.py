"""Makes lines that are JSON objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jairouter.telemetry.logs.dates import date_writer
from jairouter.telemetry.logs.logger_names import ACCESS
from jairouter.telemetry.logs.requests import LEVEL, members_of, quoted

if TYPE_CHECKING:
    from jairouter.telemetry.logs.line import Line
    from jairouter.telemetry.logs.requests import Batch

ISO: Final = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"


class JsonLines:
    """Makes lines that are JSON objects. Members that say nothing are left out.

    Args:
        names: Names of members in place of their own: ``timestamp``, ``level``, ``logger``, ``message``,
            ``thread``, ``traceId``, ``spanId``, ``host``, ``service``, ``exception``.
        host: The name of this machine.
        service: What the gateway calls itself.

    Attributes:
        write: See `Writes`.
    """

    def __init__(self, names: Mapping[str, str], host: str, service: str) -> None:
        self._names = dict(names)
        self._date = date_writer(ISO, "UTC")
        self._same = {self._name("host"): host, self._name("service"): service}
        self._trace, self._span = self._name("traceId"), self._name("spanId")
        self._exception = self._name("exception")
        self._heads = tuple(map(self._name, ("timestamp", "level", "logger", "message", "thread")))
        self._encode = msgspec.json.Encoder().encode

    def _name(self, member: str) -> str:
        return self._names.get(member, "@timestamp" if member == "timestamp" else member)

    def write(self, line: Line) -> str:
        """See `Writes`."""
        time, level, logger, message, thread, trace, span, traceback = line
        members: dict[str, Any] = dict(
            zip(self._heads, (self._date(time), level, logger, message, thread), strict=True)
        )
        if trace:
            members[self._trace] = trace
        if span:
            members[self._span] = span
        if traceback:
            members[self._exception] = traceback
        members.update(self._same)
        return self._text(members)

    def requests(self, batch: Batch, thread: str) -> str:
        """See `Form.requests`."""
        timestamp, message = quoted(self._heads[0]), quoted(self._heads[3])
        trace_name, span_name = quoted(self._trace), quoted(self._span)
        alike = {self._heads[1]: LEVEL, self._heads[2]: ACCESS, self._heads[4]: thread, **self._same}
        head = self._text(alike)[:-2]  # without what closes it
        found, last, moment, ahead = [], -1, "", batch.ahead
        for row, members in zip(batch.rows, members_of(batch.rows), strict=True):
            time = row[0] + ahead
            if int(time * 1000) != last:
                last, moment = int(time * 1000), self._date(time)
            trace = row[-1]
            ids = f',{trace_name}:"{trace[0]}",{span_name}:"{trace[1]}"' if trace else ""
            said = f'{message}:"POST {row[3]} {row[4]}"'  # (paths are those of routes)
            found.append(f'{head},{timestamp}:"{moment}",{said}{ids},{members}}}\n')
        return "".join(found)

    def _text(self, members: dict[str, Any]) -> str:
        try:
            return self._encode(members).decode() + "\n"
        except (UnicodeEncodeError, msgspec.MsgspecError):  # half of a surrogate pair
            whole = {
                name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
                for name, value in members.items()
            }
            return self._encode(whole).decode() + "\n"
