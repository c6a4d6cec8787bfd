"""What a span is, whoever it is shown or sent to."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

Value = str | int | float | bool
NOTHING: Mapping[str, Value] = MappingProxyType({})


class Kind(enum.Enum):
    """Of OpenTelemetry's kinds those that there are here."""

    __hash__ = object.__hash__  # Enum's own is written in Python

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"


class Event(NamedTuple):
    """A moment within a span.

    Attributes:
        name: What happened.
        at: When, in seconds since the epoch.
    """

    name: str
    at: float


class Span(NamedTuple):
    """A part of a trace that is over.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 of them.
        parent_id: Of the span that it is a part of; empty for none.
        name: What it is.
        kind: Whose side it is.
        start: When it began, in seconds since the epoch.
        end: When it was over, likewise.
        attributes: More about it; never a body, a credential or a query string.
        events: In it.
        error: Why its status is ERROR; empty where that is not set.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: Kind
    start: float
    end: float
    attributes: Mapping[str, Value] = NOTHING
    events: Sequence[Event] = ()
    error: str = ""
