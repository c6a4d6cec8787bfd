"""Versions that another product wrote: JAiRouter for Java, whose file names and place are the same.

Such a version is the `model` tree as it was, in camelCase, without number, time or checksum. Who made it,
when and why may be told by `model-router-config.history.json` beside it (release V1.0.0). Nothing is
converted on disk: what is read here lies over the files like any other version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jairouter.control import Changes, Told

HISTORY: Final = "model-router-config.history.json"

UNKNOWN: Final = "unknown"
"""Who made it, and what for, when nobody said."""

UNTOLD: Final = Told(UNKNOWN, UNKNOWN)
"""Nothing is known about a version."""

_NOT_MODEL: Final = frozenset({"store", "tracing"})
"""Members beside the services that the product keeps there, and that are not of the model tree."""

_SEEN: Final = frozenset(
    {"healthStatus", "health", "lastHealthCheck", "requestCount", "errorCount", "avgResponseTime"}
)
"""Members of an instance that tell how it was, not how it should be."""

_STATUSES: Final = frozenset({"active", "inactive", "draining"})

Members = Mapping[str, Any]


def is_original(found: Members) -> bool:
    """Whether a version is of that product: it has nothing that only ours have."""
    return not found.keys() & {"format", "sha256", "changes"}


def changes_of(found: Members) -> Changes:
    """What such a version changes; nothing if it has no services, as the first one often has none.

    Keys stay as they are written there, and instances stay a list. `null` there means that something is not
    given, and is left out: in changes it would take away what the files say.
    """
    if not isinstance(services := found.get("services"), dict) or not services:
        return {}
    model = {name: _given(value) for name, value in found.items() if _means_something(name, value)}
    model["services"] = {
        name: _service(service) for name, service in services.items() if isinstance(service, dict)
    }
    return {"model": model}


def _means_something(name: str, value: Any) -> bool:
    return value is not None and name not in _NOT_MODEL and not name.startswith("_")


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_given(each) for each in value if each is not None]
    return value


def _service(service: Members) -> dict[str, Any]:
    members: dict[str, Any] = _given(service)
    if isinstance(instances := members.get("instances"), list):
        members["instances"] = [_instance(each) if isinstance(each, dict) else each for each in instances]
    return members


def _instance(instance: Members) -> dict[str, Any]:
    members = {name: value for name, value in instance.items() if name not in _SEEN}
    if members.get("instanceId") == f"{members.get('name')}@{members.get('baseUrl')}":
        del members["instanceId"]  # made up from these, as ours is when none is given
    status = members.get("status")
    if isinstance(status, str) and status.lower() not in _STATUSES:
        del members["status"]  # what its checks said
    elif isinstance(status, str):
        members["status"] = status.lower()
    return members


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the product's history says about one version.

    Attributes:
        told: Who, what, why.
        created_at: Seconds since the epoch, or None.
    """

    told: Told = UNTOLD
    created_at: float | None = None


def history_of(found: Members) -> dict[int, Remembered]:
    """Read the product's history: what it says about which version. What cannot be read is left out."""
    lines = found.get("history")
    remembered = {}
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict) and isinstance(number := line.get("version"), int):
            told = Told(
                _text(line.get("createdBy")) or UNKNOWN,
                _text(line.get("changeType")).lower().replace("_", "-") or UNKNOWN,
                _text(line.get("description")),
            )
            remembered[number] = Remembered(told, _seconds(line.get("createdAt")))
    return remembered


def _text(value: Any) -> str:
    return re.sub(r"\s+", " ", value).strip() if isinstance(value, str) else ""


def _seconds(value: Any) -> float | None:
    """Read a time as Jackson writes one: a text or a list without a zone, in the server's, or a number."""
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone().timestamp()
        if isinstance(value, list):
            *date, nanos = (*value, 0) if len(value) < 7 else value
            return float(datetime(*date).astimezone().timestamp() + nanos / 1e9)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # Seconds with nanoseconds behind the point, or milliseconds: those are beyond the year 5000
            return value / 1000 if value > 1e11 else float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    return None
