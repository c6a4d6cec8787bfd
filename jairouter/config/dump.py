"""Settings back into configuration, for people to read and for files to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jairouter.config.secret import MASK, Secret
from jairouter.config.settings.section import Section
from jairouter.config.shape import Group, Leaf, Listing, Member, Naming, Shape


def dump(section: Section, *, reveal: bool = False, changed: bool = False) -> dict[str, Any]:
    """Write settings as nested mappings of what YAML can hold, with kebab-case keys.

    Loading the result gives the same settings, if nothing is masked.

    Args:
        section: the settings tree, or a part of it.
        reveal: whether secrets are written instead of masked; only for what is never shown.
        changed: whether what equals its default is left out.
    """
    return _Dump(reveal, changed).section(section)


def shown_fields(section: Section) -> Iterator[tuple[str, Any]]:
    """Go through the fields of a section as its `repr` may show them."""
    for member in Group(type(section)).members.values():
        value = getattr(section, member.field)
        if isinstance(member.shape, Leaf) and value is not None:
            value = value if isinstance(value, Secret) else _shown(member.shape, value)
        yield member.field, value


def _shown(shape: Leaf, value: Any) -> Any:
    """Show the typed value, unless part of it has to be masked."""
    shown = shape.form.show(value)
    return shown if MASK in str(shown) else value


class _Dump:
    """One way of writing settings."""

    def __init__(self, reveal: bool, changed: bool) -> None:
        self._reveal = reveal
        self._changed = changed

    def section(self, section: Section, *, only_given: bool = False) -> dict[str, Any]:
        """Write a section; of one that inherits, only what was given is its own."""
        written = {}
        for member in Group(type(section)).members.values():
            value = getattr(section, member.field)
            if only_given and member.field not in section.model_fields_set:
                continue
            if not only_given and self._changed and value == member.default:
                continue
            if value is None and not (isinstance(member.shape, Leaf) and member.shape.optional):
                continue
            written[member.key] = self._member(member, value, only_given)
        return written

    def _member(self, member: Member, value: Any, only_given: bool) -> Any:
        if isinstance(value, Section):
            return self.section(value, only_given=only_given or member.inherits)
        return self._value(member.shape, value)

    def _value(self, shape: Shape, value: Any) -> Any:
        match shape:
            case Group():
                return self.section(value)
            case Listing():
                return [self._value(shape.item, item) for item in value]
            case Naming():
                assert isinstance(value, Mapping)
                return {name: self._value(shape.value, inner) for name, inner in value.items()}
            case Leaf():
                return self._leaf(shape, value)

    def _leaf(self, shape: Leaf, value: Any) -> Any:
        if value is None:
            return None
        written = shape.form.render(value) if self._reveal else shape.form.show(value)
        return written.replace("${", "\\${") if isinstance(written, str) else written
