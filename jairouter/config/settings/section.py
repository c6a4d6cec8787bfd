"""What all parts of the settings have in common."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, final

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """One mapping of the configuration: frozen, with a fixed set of keys.

    The text below each field is its documentation, in the settings, in docs/configuration.md and
    in the JSON Schema.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    aliases: ClassVar[Mapping[str, str]] = {}
    """Other keys and what they stand for, both relative to this section, with dots inside."""

    short_form: ClassVar[str | None] = None
    """The key that a single value stands for when it is written in place of the mapping."""

    keyed: ClassVar[bool] = False
    """Whether changes name single ones of a list of these by their key (`jairouter.config.instance_key`)."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # A traceback or a log line may show a section; paths with keys in their query must not.
        from jairouter.config.dump import shown_fields  # noqa: PLC0415 (it imports this module)

        yield from shown_fields(self)


@final
class Inherits:
    """Marks a field whose unwritten keys are taken from the same key further out.

    The order is global, service, instance; see `jairouter.config.inheritance`.
    """


def refuse(text: str, *at: str | int) -> PydanticCustomError:
    """Make the error with which a check across several fields refuses a section.

    Args:
        text: what is wrong, in one line, without the value of any secret.
        at: the place inside the section, as attribute names and positions.
    """
    return PydanticCustomError("refused", "{text}", {"text": text, "at": at})
