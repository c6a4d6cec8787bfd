"""All that a thing remembers, to see whether somebody has changed it."""

from __future__ import annotations

from array import array
from copy import copy
from enum import Enum
from typing import Any


def state(thing: Any, known: dict[int, Any] | None = None) -> Any:
    """It and all that it is made of, as values that stay as they are.

    Args:
        thing: To look at.
        known: What was looked at already, by its `id`: nothing is looked at twice.
    """
    if isinstance(thing, Enum) or callable(thing) or type(thing) is object:
        return id(thing)
    known = {} if known is None else known
    if isinstance(thing, list | tuple | dict) or type(thing).__module__.startswith("jairouter"):
        if id(thing) in known:
            return id(thing)
        known[id(thing)] = thing
    if isinstance(thing, list | tuple):
        return [state(each, known) for each in thing]
    if isinstance(thing, dict):
        return [(state(key, known), state(value, known)) for key, value in thing.items()]
    if not type(thing).__module__.startswith("jairouter"):
        return copy(thing) if isinstance(thing, array | bytearray) else thing
    slots = [name for each in type(thing).__mro__ for name in getattr(each, "__slots__", ())]
    values = {name: getattr(thing, name) for name in slots} or vars(thing)
    return {name: state(value, known) for name, value in values.items()}
