"""What the access log says about requests: many of them are one event, and lines of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jairouter.telemetry.logs.escaping import one_line
from jairouter.telemetry.logs.line import Line
from jairouter.telemetry.logs.logger_names import ACCESS

if TYPE_CHECKING:
    from jairouter.exchange import Outcome
    from jairouter.tracing import Trace

LEVEL: Final = "INFO"

Row = tuple[float, float, str, str, int, int, str, str, int, "Outcome | None", str, str, "Trace | None"]
"""When a request was over, in the clock's seconds; how long it took, in seconds; its client's address; its
path; the status; bytes of the answer; its model; the instance; how many attempts were made; how the last one
ended; the error's code; its id; its trace. (A plain tuple: one is made for each request.)"""

_CLIENT, _MODEL, _INSTANCE, _ERROR, _ID = 2, 6, 7, 10, 11
_OF_OTHERS: Final = (_CLIENT, _MODEL, _INSTANCE, _ERROR, _ID)
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/@+{}\[\]-]+")
_NEVER_ESCAPED: Final = re.compile(r"[A-Za-z0-9._:/@+{}\[\]-]*").fullmatch


class Batch:
    """The requests of a moment. As a text, which only foreign observers see, it is their lines.

    Attributes:
        rows: One for each.
        ahead: By how many seconds today's date is ahead of the clock.
    """

    __slots__ = ("ahead", "rows")

    def __init__(self, rows: Sequence[Row], ahead: float) -> None:
        self.rows = rows
        self.ahead = ahead

    def __str__(self) -> str:
        return "\n".join(texts_of(self.rows))

    def lines(self, thread: str) -> Iterator[Line]:
        """Each as a line of its own."""
        for row, text in zip(self.rows, texts_of(self.rows), strict=True):
            trace = row[-1]
            ids = (trace[0], trace[1]) if trace else ("", "")
            yield Line(row[0] + self.ahead, LEVEL, ACCESS, text, thread, *ids)

    def masked(self, mask: Callable[[str], str]) -> Batch:
        """The same with everything masked that clients and backends have said."""
        rows = []
        for row in self.rows:
            fields: list[Any] = list(row)
            for at in _OF_OTHERS:
                fields[at] = mask(fields[at])
            rows.append(tuple(fields))
        return Batch(rows, self.ahead)


def texts_of(rows: Sequence[Row]) -> list[str]:
    """The text of each row."""
    return [
        f"{client} POST {path} {status} {sent}B {seconds * 1000:.1f}ms model={_fit(model)} "
        f"instance={instance} attempts={attempts} outcome={outcome.word if outcome else '-'} "
        f"error={_fit(error) if error else '-'} id={request_id}"
        for (
            _,
            seconds,
            client,
            path,
            status,
            sent,
            model,
            instance,
            attempts,
            outcome,
            error,
            request_id,
            _,
        ) in rows
    ]


def members_of(rows: Sequence[Row]) -> list[str]:
    """What each row says, as members of a JSON object without its braces. What is not known is left out."""
    return [
        f'"method":"POST"{_member("path", path)},"status":{status},"bytes":{sent}'
        f'{_member("clientIp", client)},"duration":{seconds * 1000:.1f},"attempts":{attempts}'
        f',"requestId":{quoted(request_id)}'
        f"{_member('model', model) if model else ''}{_member('instance', instance) if attempts else ''}"
        f"{_member('outcome', outcome.word) if outcome else ''}{_member('error', error) if error else ''}"
        for (
            _,
            seconds,
            client,
            path,
            status,
            sent,
            model,
            instance,
            attempts,
            outcome,
            error,
            request_id,
            _,
        ) in rows
    ]


def quoted(text: str) -> str:
    """A text as JSON."""
    return f'"{text}"' if text.isidentifier() or _NEVER_ESCAPED(text) else json.dumps(text)


@lru_cache(maxsize=1000)
def _member(name: str, text: str) -> str:
    return f',"{name}":{quoted(text)}'


@lru_cache(maxsize=1000)
def _fit(model: str) -> str:
    """A word from outside that cannot be taken for more than one field of a line."""
    return (model if _PLAIN.fullmatch(model) else one_line(json.dumps(model))) if model else "-"
