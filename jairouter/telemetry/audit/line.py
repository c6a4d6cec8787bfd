"""How an event is written as one line, and read again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from jairouter.auditing import ALLOWED, Event
from jairouter.dates import date_of
from jairouter.telemetry.audit.texts import quoted, shortened, shown

FIELDS: Final[Mapping[str, str]] = {
    "timestamp": "@timestamp",
    "level": "level",
    "event": "event",
    "user": "user",
    "ip": "ip",
    "resource": "resource",
    "result": "result",
}
"""Members whose names can be chosen, and what they are called where they are not."""

_MEMBER: Final = re.compile(r" (\S+?)=")
_DECODER: Final = json.JSONDecoder()
_decode: Final = msgspec.json.Decoder().decode


class Entry(NamedTuple):
    """An event that is to be written.

    Attributes:
        at: When it happened, in seconds since the epoch.
        id: Tells it from all others.
        event: What happened.
        number: How often, where one line stands for many events.
        first: When the first of them happened.
        last: When the last of them did.
    """

    at: float
    id: str
    event: Event
    number: int = 1
    first: float = 0.0
    last: float = 0.0


def level_of(event: Event) -> str:
    """How much an event matters: ``INFO``, or ``WARN``."""
    return "INFO" if event.result == ALLOWED else "WARN"


@dataclass(frozen=True)
class Form:
    """How lines look.

    Attributes:
        json: Whether they are JSON objects.
        names: What the members of `FIELDS` are called that have other names.
    """

    json: bool = True
    names: Mapping[str, str] = field(default_factory=lambda: FIELDS)

    def written(self, entry: Entry) -> str:
        """An event as a line, as far as `Chain.sealed` does not complete it. Never fails."""
        try:
            members = _members(entry)
        except Exception as error:
            event = entry.event
            told = Event(str(event.kind)[:100], result=str(event.result)[:20])
            members = _members(entry._replace(event=told))
            members["details"] = quoted({"unreadable": type(error).__name__})
        if self.json:
            named = (f"{json.dumps(self.names.get(name, name))}:{text}" for name, text in members.items())
            return "{" + ",".join(named)
        head = " ".join(_word(members.pop(name)) for name in ("timestamp", "level", "event"))
        return head + "".join(f" {self.names.get(name, name)}={text}" for name, text in members.items())

    def read(self, line: bytes) -> dict[str, Any]:
        """The members of a line under the names of `FIELDS`, whatever form it was written in.

        Returns:
            Empty if it is no line of ours.
        """
        try:
            found = _decode(line) if line.startswith(b"{") else self._read_text(line.decode())
        except ValueError:
            return {}
        if not isinstance(found, dict) or "seq" not in found:
            return {}
        for name, usual in FIELDS.items():
            written = self.names.get(name, usual)
            value = found.pop(written, None)
            if value is None and written not in (usual, name):  # (names were others then)
                value = found.pop(usual, None)
            found[name] = value if value is not None else found.get(name, "")
        return found

    def _read_text(self, line: str) -> dict[str, Any]:
        head = line.split(" ", 3)
        if len(head) < 4:
            return {}
        names = [self.names.get(name, usual) for name, usual in FIELDS.items()]
        found: dict[str, Any] = dict(zip(names, head[:3], strict=False))
        at = sum(map(len, head[:3])) + 2
        while match := _MEMBER.match(line, at):
            at = match.end()
            if line[at : at + 1] in {'"', "{", "["}:
                found[match[1]], at = _DECODER.raw_decode(line, at)
            else:
                word = line[at:].partition(" ")[0]
                at += len(word)
                found[match[1]] = _bare(word)
        return found


def _members(entry: Entry) -> dict[str, str]:
    """The members of a line, each as JSON; those that say nothing are left out."""
    event, cut = entry.event, []
    texts = {}
    for name, given in (
        ("event", event.kind),
        ("user", event.user),
        ("ip", event.ip),
        ("resource", event.resource),
        ("result", event.result),
        ("action", event.action),
        ("reason", event.reason),
        ("requestId", event.request_id),
    ):
        texts[name], was_long = shortened(given)
        if was_long:
            cut.append(name)
    members = {"timestamp": quoted(date_of(entry.at)), "level": quoted(level_of(event))}
    members |= {name: quoted(texts.pop(name)) for name in ("event", "user", "ip", "resource", "result")}
    members["eventId"] = quoted(entry.id)
    members["success"] = "true" if event.result == ALLOWED else "false"
    members |= {name: quoted(text) for name, text in texts.items() if text}
    if entry.number > 1 or entry.first:
        members["count"] = str(entry.number)
        members["first"], members["last"] = quoted(date_of(entry.first)), quoted(date_of(entry.last))
    if event.details:
        members["details"], was_long = shown(event.details)
        if was_long:
            cut.append("details")
    if cut:
        members["cut"] = quoted(cut)
    return members


def _word(text: str) -> str:
    """Something at the head of a text line, which spaces divide."""
    return "".join(each if each.isalnum() or each in "_-.:+" else "_" for each in json.loads(text)) or "-"


def _bare(word: str) -> Any:
    if word in {"true", "false"}:
        return word == "true"
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else word
