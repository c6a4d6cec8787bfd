"""Forms of numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from jairouter.config.forms import Form, Unfit

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*(_[0-9]+)*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


@dataclass(frozen=True)
class Integer(Form):
    """A whole number in decimal digits; a leading zero is refused because it could mean octal.

    Attributes:
        least: the smallest number that is allowed.
        most: the largest number that is allowed.
    """

    least: int = 0
    most: int = 2**53

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        if self.most == 2**53:
            return f"an integer of at least {self.least}"
        return f"an integer from {self.least} to {self.most}"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str) and len(value) <= 30 and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return value

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        bounds = {} if self.most == 2**53 else {"maximum": self.most}
        return {"type": "integer", "minimum": self.least, **bounds}


@dataclass(frozen=True)
class Number(Form):
    """A decimal number.

    Attributes:
        least: the smallest number that is allowed.
        most: the largest number that is allowed.
    """

    least: float = 0
    most: float = 1e15

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        if self.most == 1e15:
            return f"a number of at least {self.least:g}"
        return f"a number from {self.least:g} to {self.most:g}"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(Decimal(value))
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return float(value)

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`."""
        return int(value) if value == int(value) else f"{Decimal(repr(value)):f}"

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        bounds = {} if self.most == 1e15 else {"maximum": self.most}
        return {"type": "number", "minimum": self.least, **bounds}


Count = Annotated[int, Integer(0)]
Positive = Annotated[int, Integer(1)]
Ratio = Annotated[float, Number(0, 1)]
