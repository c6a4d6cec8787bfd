"""How single values are written: each form reads a text, writes it back and describes itself.

YAML 1.1 would turn C{on} into a boolean, C{22:22} into 1342 and C{010} into 8. So values are kept
as the text that was written, and the form of the field decides what the text means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from jairouter.config.naming import relaxed
from jairouter.config.secret import MASK, Secret

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*(_[0-9]+)*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_FLAGS = {"true": True, "yes": True, "on": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "0": False}


class Unfit(ValueError):
    """A value does not have the form that its field asks for."""


@dataclass(frozen=True)
class Form:
    """One way of writing a single value; subclasses say which.

    As metadata of an annotation (C{Annotated[int, Integer(1)]}) it is what pydantic validates with.
    """

    #: Whether values of this form must never be shown.
    secret: ClassVar[bool] = False

    @property
    def expected(self) -> str:
        """What a reader of a fault is told to write, as in C{an integer of at least 0}."""
        raise NotImplementedError

    @property
    def brief(self) -> str:
        """The same for the reference page, where it is read many times over."""
        return self.expected

    def parse(self, value: object) -> object:
        """Turn a written text, or an already typed value, into the value that is used.

        Raises:
            Unfit: the value does not have this form.
        """
        raise NotImplementedError

    def render(self, value: Any) -> str | int | float | bool:
        """Write a value so that reading it again gives the same value."""
        return value  # type: ignore[no-any-return]

    def show(self, value: Any) -> str | int | float | bool:
        """Write a value for people to see, with what is secret masked."""
        return MASK if self.secret else self.render(value)

    def describe_text(self, text: str) -> str:
        """Return a refused text as a fault may show it."""
        if self.secret:
            return "a value that is not shown"
        return f'"{text if len(text) <= 60 else text[:57] + "..."}"'

    def json_schema(self) -> dict[str, Any]:
        """Describe the texts of this form in JSON Schema."""
        return {"type": "string"}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic check a field with this form alone."""
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, value: object) -> object:
        try:
            return self.parse(value)
        except Unfit:
            pass
        raise PydanticCustomError("unfit", "expected {expected}", {"expected": self.expected})


@dataclass(frozen=True)
class Text(Form):
    """Any text, taken as it is.

    Attributes:
        pattern: what the whole text must match; empty for any.
        means: what to call such a text in a fault.
    """

    pattern: str = ""
    means: str = "a text"

    @property
    def expected(self) -> str:
        """See L{Form.expected}."""
        return self.means

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern or r"(?s:.*)", value):
            raise Unfit
        return value


@dataclass(frozen=True)
class Template(Text):
    """A text, or any mapping or list, which is then kept as JSON."""

    means: str = "a text or a mapping"

    def json_schema(self) -> dict[str, Any]:
        """See L{Form.json_schema}."""
        return {"type": ["string", "object", "array"]}


@dataclass(frozen=True)
class Flag(Form):
    """Yes or no."""

    @property
    def expected(self) -> str:
        """See L{Form.expected}."""
        return "true or false"

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        raise Unfit

    def json_schema(self) -> dict[str, Any]:
        """See L{Form.json_schema}."""
        return {"type": "boolean"}


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
        """See L{Form.expected}."""
        if self.most == 2**53:
            return f"an integer of at least {self.least}"
        return f"an integer from {self.least} to {self.most}"

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        if isinstance(value, str) and len(value) <= 30 and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return value

    def json_schema(self) -> dict[str, Any]:
        """See L{Form.json_schema}."""
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
        """See L{Form.expected}."""
        if self.most == 1e15:
            return f"a number of at least {self.least:g}"
        return f"a number from {self.least:g} to {self.most:g}"

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(Decimal(value))
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return float(value)

    def render(self, value: Any) -> str | int | float | bool:
        """See L{Form.render}."""
        return int(value) if value == int(value) else f"{Decimal(repr(value)):f}"

    def json_schema(self) -> dict[str, Any]:
        """See L{Form.json_schema}."""
        bounds = {} if self.most == 1e15 else {"maximum": self.most}
        return {"type": "number", "minimum": self.least, **bounds}


@dataclass(frozen=True)
class OneOf(Form):
    """One of a few names, in any spelling (C{round-robin}, C{roundRobin}, C{ROUND_ROBIN}).

    Attributes:
        names: the canonical spellings.
    """

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        """See L{Form.expected}."""
        return f"one of {', '.join(self.names)}"

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        if isinstance(value, str):
            for name in self.names:
                if relaxed(name) == relaxed(value):
                    return name
        raise Unfit

    def json_schema(self) -> dict[str, Any]:
        """See L{Form.json_schema}."""
        spellings = [n if n.isupper() else n.lower() for n in self.names]
        # Editors offer the canonical names; other spellings and cases are valid too.
        return {"anyOf": [{"enum": list(self.names)}, {"type": "string"}], "examples": spellings}


@dataclass(frozen=True)
class Hidden(Form):
    """A text that is kept as a L{Secret}.

    Attributes:
        pattern: what the whole text must match; empty for any.
        means: what to call such a text in a fault.
    """

    secret: ClassVar[bool] = True
    pattern: str = ""
    means: str = "a text"

    @property
    def expected(self) -> str:
        """See L{Form.expected}."""
        return self.means

    def parse(self, value: object) -> object:
        """See L{Form.parse}."""
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern or r"(?s:.*)", text):
            raise Unfit
        return Secret(text)

    def render(self, value: Any) -> str | int | float | bool:
        """See L{Form.render}."""
        return str(value.reveal())


Words = Annotated[str, Text()]
Name = Annotated[str, Text(r"[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*", "a text that is not empty")]
Switch = Annotated[bool, Flag()]
Count = Annotated[int, Integer(0)]
Positive = Annotated[int, Integer(1)]
Ratio = Annotated[float, Number(0, 1)]
Hush = Annotated[Secret, Hidden()]
