"""The shape of the settings tree, read off the annotations of its classes.

One description serves all who walk the tree: reading keys, environment variables, showing the
effective tree, the reference page and the JSON Schema.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from jairouter.config.forms import Form, Text
from jairouter.config.naming import kebab, relaxed
from jairouter.config.settings.section import Inherits, Section


@dataclass(frozen=True)
class Leaf:
    """A single value.

    Attributes:
        form: how it is written.
        optional: whether `null` is one of its values.
    """

    form: Form
    optional: bool = False


@dataclass(frozen=True)
class Listing:
    """A list of values of one shape; of single values, a text with commas will do."""

    item: Shape

    @property
    def keyed(self) -> bool:
        """Whether changes can name single ones by their key."""
        return isinstance(self.item, Group) and self.item.model.keyed


@dataclass(frozen=True)
class Naming:
    """A mapping whose keys the user chooses.

    Attributes:
        keys: how keys are written.
        value: what they name.
    """

    keys: Form
    value: Shape


@dataclass(frozen=True)
class Group:
    """A mapping with fixed keys.

    Attributes:
        model: the class of the section.
    """

    model: type[Section]

    @property
    def members(self) -> Mapping[str, Member]:
        """The members by their key in kebab case."""
        return _members(self.model)

    @property
    def spellings(self) -> Mapping[str, tuple[str, ...]]:
        """Each key or alias, relaxed, and the path of canonical keys that it stands for."""
        return _spellings(self.model)


@dataclass(frozen=True)
class Member:
    """One field of a section.

    Attributes:
        field: its Python name.
        key: its key, in kebab case.
        shape: what it holds.
        description: what it is for.
        default: its default value, or `PydanticUndefined` when it has to be given.
        inherits: whether what is not written comes from further out.
    """

    field: str
    key: str
    shape: Shape
    description: str
    default: Any
    inherits: bool

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is PydanticUndefined


Shape = Leaf | Listing | Naming | Group


@cache
def _members(model: type[Section]) -> Mapping[str, Member]:
    hints = typing.get_type_hints(model, include_extras=True)
    return {kebab(name): _member(name, hints[name], info) for name, info in model.model_fields.items()}


def _member(name: str, hint: Any, info: FieldInfo) -> Member:
    default = info.get_default(call_default_factory=True, validated_data={})
    inherits = any(isinstance(mark, Inherits) for mark in _marks(hint))
    shape = _shape(hint)
    return Member(name, kebab(name), shape, info.description or "", default, inherits)


@cache
def _spellings(model: type[Section]) -> Mapping[str, tuple[str, ...]]:
    spellings: dict[str, tuple[str, ...]] = {relaxed(key): (key,) for key in _members(model)}
    for alias, target in model.aliases.items():
        parts = ".".join(relaxed(part) for part in alias.split("."))
        spellings.setdefault(parts, tuple(target.split(".")) if target else ())
    return spellings


def _marks(hint: Any) -> list[Any]:
    """Collect the metadata of an annotation, through `X | None`."""
    marks = list(getattr(hint, "__metadata__", ()))
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        for part in typing.get_args(hint):
            marks += _marks(part)
    return marks


def _shape(hint: Any) -> Shape:
    forms = [mark for mark in _marks(hint) if isinstance(mark, Form)]
    while typing.get_origin(hint) in {typing.Annotated, types.UnionType, typing.Union}:
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        optional = len(parts) < len(typing.get_args(hint))
        if forms:
            return Leaf(forms[0], optional or _is_optional(parts[0]))
        hint = parts[0]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return Listing(_shape(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        keys = [mark for mark in _marks(arguments[0]) if isinstance(mark, Form)]
        return Naming(keys[0] if keys else Text(), _shape(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Section):
        return Group(hint)
    raise TypeError(f"no form is given for {hint}")


def _is_optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def at(shape: Shape, path: tuple[str | int, ...]) -> Shape | None:
    """Return the shape at a canonical path, or None where the tree has no such place.

    In place of the position of an instance there may be its key.
    """
    for step in path:
        match shape:
            case Group() if step in shape.members:
                shape = shape.members[str(step)].shape
            case Naming() if isinstance(step, str):
                shape = shape.value
            case Listing() if isinstance(step, int) or shape.keyed:
                shape = shape.item
            case _:
                return None
    return shape


def holds_secret(shape: Shape) -> bool:
    """Whether any value of this shape, or below it, is a secret."""
    match shape:
        case Leaf():
            return shape.form.secret
        case Listing():
            return holds_secret(shape.item)
        case Naming():
            return holds_secret(shape.value)
        case Group():
            return any(holds_secret(member.shape) for member in shape.members.values())
