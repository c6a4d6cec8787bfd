"""Forms of lengths of time and of sizes in bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from jairouter.config.forms import Form, Unfit

#: About 31 years: far beyond any sensible setting, and far below where timers overflow.
_LONGEST = 1e9
_PLAIN = re.compile(r"\+?([0-9]{1,15}(?:\.[0-9]{1,40})?)\s*(ns|us|ms|s|m|h|d)?", re.I | re.A)
_ISO = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.IGNORECASE | re.ASCII,
)
_SECONDS = {"ns": Decimal("1e-9"), "us": Decimal("1e-6"), "ms": Decimal("0.001"), "s": Decimal(1)}
_SECONDS |= {"m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
_ISO_UNITS = (Decimal(86400), Decimal(3600), Decimal(60), Decimal(1))

_LARGEST = 2**53
_SIZE = re.compile(r"\+?([0-9]{1,16})\s*(B|KB|MB|GB|TB|KIB|MIB|GIB|TIB|K|M|G|T)?", re.I | re.A)
_POWERS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True)
class Duration(Form):
    """A length of time, kept as seconds.

    Attributes:
        bare: the unit of a number that is written without one, `s` or `ms`.
        least: the shortest length that is allowed, in seconds.
        most: the longest one.
    """

    bare: str = "s"
    least: float = 0
    most: float = _LONGEST

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        unit = "seconds" if self.bare == "s" else "milliseconds"
        return f"a duration{self._bounds} such as 30s, 500ms or PT1M (a bare number is {unit})"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return f"a duration{self._bounds}; bare: {self.bare}"

    @property
    def _bounds(self) -> str:
        least = f" of at least {self.least:g}s" if self.least else ""
        most = f" of at most {self.most:g}s" if self.most != _LONGEST else ""
        return f"{least} and{most}" if least and most else least + most

    def parse(self, value: object) -> object:
        """See `Form.parse`; an already typed number is seconds, whatever the bare unit."""
        if isinstance(value, str):
            value = self._seconds(value.strip())
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        # Whole nanoseconds, so that what is written is read back exactly.
        return round(float(value), 9)

    def _seconds(self, text: str) -> float:
        if plain := _PLAIN.fullmatch(text):
            number, unit = plain.groups()
            return float(Decimal(number) * _SECONDS[(unit or self.bare).lower()])
        iso = _ISO.fullmatch(text)
        if iso and any(iso.groups()):
            parts = zip(iso.groups("0"), _ISO_UNITS, strict=True)
            return float(sum(Decimal(number) * unit for number, unit in parts))
        raise Unfit

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`; always with a unit, so that no reader has to know the bare one."""
        if value == int(value):
            return f"{int(value)}s"
        return f"{Decimal(repr(value)):f}s"

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}


@dataclass(frozen=True)
class Size(Form):
    """A number of bytes; KB, MB, GB and TB are powers of 1024.

    Attributes:
        least: the smallest size that is allowed.
    """

    least: int = 0

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        least = f" of at least {self.least} bytes" if self.least else ""
        return f"a size{least} such as 10MB, 500KB or 1048576"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "a size"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
            number, unit = found.groups("B")
            value = int(number) * 1024 ** _POWERS[unit[0].upper()]
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= _LARGEST:
            raise Unfit
        return value

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`; in the largest unit that divides it."""
        for unit, power in (("GB", 3), ("MB", 2), ("KB", 1)):
            if value and value % 1024**power == 0:
                return f"{value // 1024**power}{unit}"
        return int(value)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"anyOf": [{"type": "integer", "minimum": self.least}, {"type": "string"}]}


Seconds = Annotated[float, Duration()]
"""A duration; a bare number is seconds."""
Millis = Annotated[float, Duration("ms")]
"""A duration, kept as seconds; a bare number is milliseconds."""
ByteCount = Annotated[int, Size()]
SomeBytes = Annotated[int, Size(1)]
