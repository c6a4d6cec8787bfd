"""The JSON Schema etc/jairouter.schema.json, with which editors complete and check files.

`python -m jairouter.config.schema [FILE]` writes it, and compares it with `--check`. Kebab-case keys are
offered; the other spellings, aliases and flat keys are valid too. A schema cannot know all that the loader
knows: `jairouter check-config` has the last word.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from jairouter.config import not_applicable
from jairouter.config.naming import relaxed
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, Leaf, Listing, Member, Naming, Shape

PLACE: Final = "etc/jairouter.schema.json"
_PLACEHOLDER: Final = {"type": "string", "pattern": r"\$\{"}


def schema() -> dict[str, Any]:
    """Make the schema."""
    sections: dict[str, Any] = {}
    root = _group(Group(Settings), (), "#", sections)
    # Older files keep a part of the tree below `jairouter`.
    root["properties"]["jairouter"] = {"$ref": "#"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "jairouter configuration",
        **root,
        "definitions": sections,
    }


def text() -> str:
    """Make the text of the schema's file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _shape(shape: Shape, path: tuple[str, ...], sections: dict[str, Any]) -> dict[str, Any]:
    match shape:
        case Leaf():
            return _leaf(shape)
        case Listing():
            items = {"type": "array", "items": _shape(shape.item, (*path, "*"), sections)}
            # A single text with commas will do, and so will a mapping of [0], [1], ...
            return {"anyOf": [items, {"type": ["string", "object", "null"]}]}
        case Naming():
            inner = _shape(shape.value, (*path, "*"), sections)
            names = shape.keys.json_schema().get("enum")
            if names:
                named = {name: inner for name in names}
                return {"type": ["object", "null"], "properties": named}
            return {"type": ["object", "null"], "additionalProperties": inner}
        case Group():
            return _reference(shape, path, sections)


def _reference(shape: Group, path: tuple[str, ...], sections: dict[str, Any]) -> dict[str, Any]:
    """Describe each class of section once for each place that accepts other keys."""
    beyond = sorted(_foreign(path))
    name = shape.model.__name__ + ("At" + "".join(path).replace("*", "") if beyond else "")
    if name not in sections:
        sections[name] = {}
        sections[name].update(_group(shape, path, f"#/definitions/{name}", sections))
    return {"$ref": f"#/definitions/{name}"}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    written = leaf.form.json_schema()
    choices = [written, *written.pop("anyOf", ())] if "anyOf" in written else [written]
    choices = [choice for choice in choices if choice]
    if not any(choice.get("type") == "string" for choice in choices):
        choices.append(_PLACEHOLDER)
    return {"anyOf": [*choices, {"type": "null"}]}


def _group(shape: Group, path: tuple[str, ...], here: str, sections: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    patterns: dict[str, Any] = {r"\.|\[": {}}
    for key, member in shape.members.items():
        properties[key] = _member(member, _shape(member.shape, (*path, key), sections))
        if "-" in key:
            patterns[_spellings(key)] = {"$ref": f"{here}/properties/{key}"}
    for alias, target in shape.model.aliases.items():
        # What an alias leads to may lie elsewhere; then anything is let pass.
        plain = target and "." not in alias + target
        meant = {"$ref": f"{here}/properties/{target}"} if plain else {}
        if target:
            patterns.setdefault(_spellings(alias.split(".")[0]), meant)
    for key in sorted(_foreign(path) - set(properties)):
        properties[key] = {"description": _why((*path, key))}
    return {
        "type": [*(["string"] if shape.model.short_form else []), "object", "null"],
        "description": " ".join((shape.model.__doc__ or "").split()),
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": not_applicable.reason(path) is not None if path else False,
    }


def _member(member: Member, described: dict[str, Any]) -> dict[str, Any]:
    note = " ".join(member.description.split())
    if "$ref" in described and note:
        # In draft 7 what stands beside a reference is not read.
        return {"allOf": [described], "description": note}
    return {**described, "description": note} if note else described


def _foreign(path: tuple[str, ...]) -> set[str]:
    """Return the keys of other products that are accepted at a place."""
    here = [relaxed(step) for step in path]
    keys = set()
    for place in not_applicable.KEYS:
        steps = place.split(".")
        if [relaxed(step) for step in steps[: len(path)]] == here and len(steps) > len(path):
            keys.add(steps[len(path)])
    return keys - {"*"}


def _why(path: tuple[str, ...]) -> str:
    found = not_applicable.reason(path)
    return f"Has no meaning here: {found[1]}." if found else "Holds keys without a meaning here."


def _spellings(key: str) -> str:
    """Return a pattern for a key in kebab, camel and snake case."""
    first, *rest = re.split("[-_]", key)
    return f"^{first}{''.join(f'[-_]?[{w[0].upper()}{w[0]}]{w[1:]}' for w in rest)}$"


def main(arguments: list[str] | None = None) -> int:
    """Write the schema to the file that is named, or to its place below the current directory.

    With `--check` nothing is written; the status is 1 if the schema there is not what it should be.
    """
    names = sys.argv[1:] if arguments is None else arguments
    if names == ["--check"]:
        return int(Path(PLACE).read_text(encoding="utf-8") != text())
    Path(names[0] if names else PLACE).write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
