"""How values of a configuration are shown: as they were written, and never a secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jairouter.config.naming import KeyPath, dotted
from jairouter.config.secret import MASK
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape
from jairouter.config.shown import shown_value

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded


def shown(loaded: Loaded, shape: Shape, value: Any, places: Iterable[KeyPath]) -> Any:
    """A typed value as JSON, placeholders as they were written; of a section, what was given.

    Args:
        loaded: The configuration that it is from.
        shape: Its shape.
        value: The value.
        places: Where it may have been given, the nearest first.
    """
    places = tuple(places)
    match shape:
        case _ if value is None:
            return None
        case Group():
            return {
                member.key: shown(loaded, member.shape, inner, _below(places, member.key))
                for member in shape.members.values()
                if member.field in value.model_fields_set
                and (inner := getattr(value, member.field)) is not None
            }
        case Naming():
            return {
                str(name): shown(loaded, shape.value, inner, _below(places, str(name)))
                for name, inner in value.items()
            }
        case Listing():
            return [
                shown(loaded, shape.item, inner, _below(places, index)) for index, inner in enumerate(value)
            ]
        case Leaf():
            return shown_value(shape, value, _as_written(loaded, places))


def hidden(shape: Shape, value: Any) -> bool:
    """Whether something of a single value is not to be shown."""
    return isinstance(shape, Leaf) and value is not None and MASK in str(shape.form.show(value))


def _below(places: tuple[KeyPath, ...], step: str | int) -> tuple[KeyPath, ...]:
    return tuple((*place, step) for place in places)


def _as_written(loaded: Loaded, places: tuple[KeyPath, ...]) -> str | None:
    """The text with its placeholders, if it was given with any."""
    for place in places:
        key = dotted(place)
        if key in loaded.origins:
            return loaded.placeholders.get(key)
    return None
