"""The text of a stored version: one JSON object, for people to read, that tells when it was damaged.

Its last member is the SHA-256 of the rest in canonical form: keys sorted, no blanks, UTF-8. So a file that
was only laid out anew is as good as before, and one that says anything else is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jairouter.control import Draft, Entry, Told, Version
from jairouter.refusals import InvalidRequest

FORMAT: Final = 1
"""Of what is written here. A reader that does not know a format refuses it."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one version; a configuration file may be as large."""
MAX_DEPTH: Final = 64
"""Levels of objects and lists inside each other; a configuration file may have as many."""

MEMBERS: Final = frozenset(
    {
        "format",
        "version",
        "created-at",
        "created-by",
        "change-type",
        "description",
        "parent",
        "changes",
        "sha256",
    }
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Damaged(Exception):
    """A text is not what was stored; the message says why in one line."""


def compose(draft: Draft, number: int, created_at: float) -> bytes:
    """Write a version.

    Args:
        draft: What it says.
        number: Its number.
        created_at: Seconds since the epoch.

    Raises:
        InvalidRequest: It is too large or too deep, or holds what JSON has no word for.
    """
    try:
        rest: dict[str, Any] = {
            "format": FORMAT,
            "version": number,
            "created-at": time_text(created_at),
            "created-by": draft.told.who,
            "change-type": draft.told.change_type,
            "description": draft.told.description,
            "parent": draft.parent,
            "changes": _plain(draft.changes, MAX_DEPTH),
        }
        whole = {**rest, "sha256": _digest(rest)}
        content = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (Damaged, ValueError) as error:
        raise InvalidRequest(f"this cannot be stored: {_said(error)}") from None
    if len(content) > MAX_BYTES:
        raise InvalidRequest(f"this cannot be stored: {len(content)} bytes are more than {MAX_BYTES}")
    return content


def parse(content: bytes, number: int) -> Version:
    """Read a version, and find out whether it says what was stored.

    Args:
        content: The text, as `load` took it in.
        number: The number that its name says.

    Raises:
        Damaged: It does not.
    """
    return read_version(load(content), number)


def load(content: bytes) -> dict[str, Any]:
    """Read one JSON object, strictly: bounded, no name twice in an object, nothing that is no JSON.

    Raises:
        Damaged: It is none.
    """
    if len(content) > MAX_BYTES:
        raise Damaged(f"it is larger than {MAX_BYTES} bytes")
    if not content.strip(b" \t\r\n\0"):
        raise Damaged("it is empty")
    try:
        found = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_refuse)
        _check_depth(found, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise Damaged(_said(error)) from None
    if not isinstance(found, dict):
        raise Damaged("it is not a JSON object")
    return found


def read_version(found: Mapping[str, Any], number: int) -> Version:
    """Check what a text says.

    Args:
        found: Its members.
        number: The number that its name says.

    Raises:
        Damaged: It is not what was stored.
    """
    if "format" not in found:
        raise Damaged("its format is not given")
    if found["format"] != FORMAT or isinstance(found["format"], bool):
        raise Damaged(f"its format is not {FORMAT}; was it written by a newer release?")
    rest = {name: value for name, value in found.items() if name != "sha256"}
    try:
        digest = _digest(rest)
    except ValueError as error:
        raise Damaged(_said(error)) from None
    if found.get("sha256") != digest:
        raise Damaged("its checksum is wrong")
    if found.keys() != MEMBERS:
        raise Damaged("its members are not those of a version")
    if found["version"] != number:
        raise Damaged(f"it says that it is version {str(found['version'])[:20]}")
    return Version(_entry(found, digest), found["changes"])


def _entry(found: Mapping[str, Any], digest: str) -> Entry:
    who, change_type, description = (found[n] for n in ("created-by", "change-type", "description"))
    parent, changes = found["parent"], found["changes"]
    texts = all(isinstance(each, str) for each in (who, change_type, description))
    if not texts or not isinstance(changes, dict) or not isinstance(parent, int):
        raise Damaged("a member has the wrong type")
    told = Told(who, change_type, description)
    return Entry(found["version"], _seconds(found["created-at"]), parent, told, digest)


def time_text(seconds: float) -> str:
    """Write a time: ISO 8601, UTC, with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(text: object) -> float:
    try:
        if isinstance(text, str) and _TIME.fullmatch(text):
            return (datetime.fromisoformat(text) - _EPOCH) / timedelta(milliseconds=1) / 1000
    except ValueError:
        pass
    raise Damaged("its time is none")


def canonical(value: object) -> bytes:
    """Write JSON in the one way that is hashed.

    Raises:
        ValueError: There is something that JSON has no word for.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _digest(rest: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(rest)).hexdigest()


def _plain(value: Any, depth: int) -> Any:
    """Copy what may be made of frozen values into what JSON is made of."""
    if depth < 0:
        raise Damaged(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise Damaged("a key is not a text")
        return {name: _plain(each, depth - 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth - 1) for each in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise Damaged(f"JSON has no word for a {type(value).__name__}")


def _check_depth(value: Any, depth: int) -> None:
    # One more than what is written: the changes are inside an object
    if depth < -1:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth(each, depth - 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return members


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _said(error: Exception) -> str:
    """Word what is wrong without a part of the text, which may hold a secret."""
    match error:
        case json.JSONDecodeError():
            return f"it is not JSON: line {error.lineno}, column {error.colno}"
        case UnicodeError():
            return "it is not UTF-8"
        case RecursionError():
            return f"it is nested more than {MAX_DEPTH} levels deep"
    return str(error)
