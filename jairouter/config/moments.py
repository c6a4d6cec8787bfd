"""The form of points in time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from jairouter.config.forms import Form, Unfit
from jairouter.dates import date_of

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:(?:[Tt]|[ \t]+)(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)"
    r"[ \t]*(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_TO_SECONDS = len("00:00:00")
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Moment(Form):
    """A date, or a date and a time, as ISO 8601 and YAML's timestamps write them; kept as seconds since 1970.

    A date alone is its beginning. Without a zone it is UTC, wherever the machine stands. Fractions of a
    second are dropped.
    """

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "a date such as 2030-01-31 or 2030-01-31T12:00:00Z (UTC where no zone is given)"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "a date, or a date and a time"

    def parse(self, value: object) -> object:
        """See `Form.parse`; an already typed number is seconds since 1970."""
        if isinstance(value, str):
            value = _seconds(value.strip())
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unfit
        if not 0 <= value <= _LAST:
            raise Unfit
        return float(math.floor(value))  # what is written is read back exactly

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`."""
        return date_of(value)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["2030-01-31", "2030-01-31T12:00:00Z"]}


def _seconds(text: str) -> float:
    found = _ISO.fullmatch(text)
    if found is None:
        raise Unfit
    day, time, zulu, hours, minutes = found.groups()
    zone = "+00:00" if zulu or hours is None else f"{hours}:{minutes or '00'}"
    try:
        moment = datetime.fromisoformat(f"{day}T{(time or '00:00')[:_TO_SECONDS]}{zone}")
    except ValueError:
        raise Unfit from None
    return moment.timestamp()


When = Annotated[float, Moment()]
"""A point in time, in seconds since 1970."""
