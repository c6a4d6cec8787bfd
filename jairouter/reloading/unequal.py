"""What is unequal between two parts of the settings, found by their shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jairouter.config.naming import KeyPath
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape

_NOWHERE = -1


class Item(NamedTuple):
    """A step into a list whose items have names.

    Attributes:
        name: What it is called, wherever it stands.
        before: Its position in the one list, or -1 where it is not there.
        after: Likewise in the other.
    """

    name: str
    before: int
    after: int


Steps = tuple["str | Item", ...]
"""A place in both trees."""


class Unequal(NamedTuple):
    """One place at which they are not equal.

    Attributes:
        steps: Where.
        shape: Of what stands there.
        before: The typed value; None for nothing.
        after: Likewise.
    """

    steps: Steps
    shape: Shape
    before: Any
    after: Any


def unequal(
    shape: Shape, both: Iterable[Any], steps: Steps = (), *, given: bool = False
) -> Iterator[Unequal]:
    """Go through the places at which two values of one shape are not equal.

    Args:
        shape: Theirs.
        both: The two, before and after.
        steps: Where they stand.
        given: Whether a key that is not written is no value at all, as below a section that inherits. Else
            what was written and what is the default are the same.
    """
    before, after = both
    if before is None or after is None:
        if before is not after:
            yield Unequal(steps, shape, before, after)
        return
    match shape:
        case Group():
            for member in shape.members.values():
                there = [
                    None
                    if given and member.field not in each.model_fields_set
                    else getattr(each, member.field)
                    for each in (before, after)
                ]
                below = given or member.inherits
                yield from unequal(member.shape, there, (*steps, member.key), given=below)
        case Naming():
            for name in dict.fromkeys((*before, *after)):
                both = before.get(name), after.get(name)
                yield from unequal(shape.value, both, (*steps, str(name)), given=given)
        case Listing(item=Group() as item):
            for step in _items(item, before, after):
                one = before[step.before] if step.before != _NOWHERE else None
                other = after[step.after] if step.after != _NOWHERE else None
                yield from unequal(item, (one, other), (*steps, step), given=given)
        case _:
            if before != after:
                yield Unequal(steps, shape, before, after)


def _items(shape: Group, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Item]:
    """The items of both lists, matched by what names them, else by where they stand."""
    one, other = _names(shape, before), _names(shape, after)
    if one is None or other is None:
        one, other = ({str(index): index for index in range(len(each))} for each in (before, after))
    for name in dict.fromkeys((*one, *other)):
        yield Item(name, one.get(name, _NOWHERE), other.get(name, _NOWHERE))


def _names(shape: Group, items: Sequence[Any]) -> Mapping[str, int] | None:
    """The positions of items by their first member that has to be given, if that tells all of them apart."""
    for member in shape.members.values():
        if member.required and isinstance(member.shape, Leaf) and not member.shape.form.secret:
            names = {str(getattr(item, member.field)): index for index, item in enumerate(items)}
            return names if len(names) == len(items) else None
    return None


def written(steps: Steps) -> str:
    """The key, as in ``model.services.chat.instances[gpt-4@https://api.openai.com].weight``."""
    text = ""
    for step in steps:
        if isinstance(step, Item):
            text += f"[{step.name}]"
        else:
            text += f".{step}" if text else step
    return text


def before_of(steps: Steps) -> KeyPath:
    """Where it stands in the one tree."""
    return tuple(step.before if isinstance(step, Item) else step for step in steps)


def after_of(steps: Steps) -> KeyPath:
    """Where it stands in the other one."""
    return tuple(step.after if isinstance(step, Item) else step for step in steps)
