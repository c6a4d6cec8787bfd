"""How single values are written: each form reads a text, writes it back and describes itself.

YAML 1.1 would turn `on` into a boolean, `22:22` into 1342 and `010` into 8. So values are kept
as the text that was written, and the form of the field decides what the text means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from jairouter.config.naming import relaxed
from jairouter.config.secret import MASK, Secret

_FLAGS = {"true": True, "yes": True, "on": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "0": False}


class Unfit(ValueError):
    """A value does not have the form that its field asks for."""


@dataclass(frozen=True)
class Form:
    """One way of writing a single value; subclasses say which.

    As metadata of an annotation (`Annotated[int, Integer(1)]`) it is what pydantic validates with.
    """

    #: Whether values of this form must never be shown.
    secret: ClassVar[bool] = False

    @property
    def expected(self) -> str:
        """What a reader of a fault is told to write, as in `an integer of at least 0`."""
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
        printable = "".join(c if c.isprintable() else "?" for c in text[:61])
        return f'"{printable if len(text) <= 60 else printable[:57] + "..."}"'

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
        """See `Form.expected`."""
        return self.means

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern or r"(?s:.*)", value):
            raise Unfit
        return value


@dataclass(frozen=True)
class Template(Text):
    """A text, or any mapping or list, which is then kept as JSON."""

    means: str = "a text or a mapping"

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": ["string", "object", "array"]}


@dataclass(frozen=True)
class Flag(Form):
    """Yes or no."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "true or false"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        raise Unfit

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class OneOf(Form):
    """One of a few names, in any spelling (`round-robin`, `roundRobin`, `ROUND_ROBIN`).

    Attributes:
        names: the canonical spellings.
    """

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return f"one of {', '.join(self.names)}"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str):
            for name in self.names:
                if relaxed(name) == relaxed(value):
                    return name
        raise Unfit

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        spellings = [n if n.isupper() else n.lower() for n in self.names]
        # Editors offer the canonical names; other spellings and cases are valid too.
        return {"anyOf": [{"enum": list(self.names)}, {"type": "string"}], "examples": spellings}


@dataclass(frozen=True)
class Hidden(Form):
    """A text that is kept as a `Secret`.

    Attributes:
        pattern: what the whole text must match; empty for any.
        means: what to call such a text in a fault.
    """

    secret: ClassVar[bool] = True
    pattern: str = ""
    means: str = "a text"

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return self.means

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern or r"(?s:.*)", text):
            raise Unfit
        return Secret(text)

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`."""
        return str(value.reveal())


Words = Annotated[str, Text()]
Name = Annotated[str, Text(r"[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*", "a text that is not empty")]
Switch = Annotated[bool, Flag()]
Hush = Annotated[Secret, Hidden()]
