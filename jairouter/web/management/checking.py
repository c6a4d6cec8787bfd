"""Whether a JSON value is what a schema says, for as much of JSON Schema as the endpoints use.

What is not in `_check`, such as ``$ref`` or ``format``, is not looked at: the endpoints check what they take
all the same, by the same code as files are. This finds the gross mistakes, all at once, and names the member.
Members may be spelled ``baseUrl``, ``base-url`` or ``base_url``, as in files. No message shows a value, which
may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jairouter.config.faults import Fault
from jairouter.config.naming import nearest, relaxed

MOST_FAULTS: Final = 100
_SHOWN: Final = 12
"""Choices that a message lists."""
_WORDS: Final = {"array": "a list", "integer": "an integer", "object": "an object", "null": "null"}


def check(value: Any, schema: Mapping[str, Any], path: str = "") -> list[Fault]:
    """What is wrong with a value; nothing if it is as it should be.

    Args:
        value: JSON values.
        schema: What it should be.
        path: Its name in faults.
    """
    faults: list[Fault] = []
    for fault in _check(value, schema, path):
        faults.append(fault)
        if len(faults) == MOST_FAULTS:
            break
    return faults


def _check(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    types = schema.get("type", ())
    types = (types,) if isinstance(types, str) else tuple(types)
    if types and not any(_is(value, each) for each in types):
        wanted = " or ".join(_WORDS.get(each, f"a {each}") for each in types)
        yield Fault(f"expected {wanted}, found {kind(value)}", None, path)
        return
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is not None and not any(_same(value, each) for each in choices):
        yield Fault(f"expected one of {_listed(choices)}{_hint(value, choices)}", None, path)
        return
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches and all(any(_check(value, each, path)) for each in branches):
        yield from min(([*_check(value, each, path)] for each in branches), key=len)
    for each in schema.get("allOf", ()):
        yield from _check(value, each, path)
    if isinstance(value, str):
        yield from _check_text(value, schema, path)
    elif isinstance(value, list):
        yield from _check_size(len(value), schema, "Items", "entries", path)
        for index, item in enumerate(value):
            yield from _check(item, schema.get("items", {}), f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _check_members(value, schema, path)
    elif _is(value, "number"):
        yield from _check_number(value, schema, path)


def _check_text(value: str, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    yield from _check_size(len(value), schema, "Length", "characters", path)
    pattern = schema.get("pattern")
    if (
        pattern is not None
        and re.search(pattern.removesuffix("$") + r"\Z" * pattern.endswith("$"), value) is None
    ):
        yield Fault(f"expected a text like {pattern}", None, path)


def _check_number(value: float, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    if "minimum" in schema and value < schema["minimum"]:
        yield Fault(f"expected {schema['minimum']} or more", None, path)
    if "maximum" in schema and value > schema["maximum"]:
        yield Fault(f"expected {schema['maximum']} or less", None, path)
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield Fault(f"expected more than {schema['exclusiveMinimum']}", None, path)
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield Fault(f"expected less than {schema['exclusiveMaximum']}", None, path)


def _check_size(size: int, schema: Mapping[str, Any], what: str, words: str, path: str) -> Iterator[Fault]:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    if size < least:
        yield Fault(f"expected {least} or more {words}, found {size}", None, path)
    elif most is not None and size > most:
        yield Fault(f"expected {most} or fewer {words}, found {size}", None, path)


def _check_members(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    yield from _check_size(len(value), schema, "Properties", "members", path)
    properties: Mapping[str, Any] = schema.get("properties", {})
    spelled = {relaxed(name): name for name in properties}
    rest = schema.get("additionalProperties", True)
    given: dict[str, str] = {}
    for name, inner in value.items():
        known = name if name in properties else spelled.get(relaxed(name))
        place = f"{path}.{name}" if path else name
        if known is None:
            if rest is False:
                meant = nearest(name, properties)
                hint = f"; did you mean {meant}?" if meant else ""
                yield Fault(f"there is no such member{hint}", None, _shown(place))
            elif rest is not True:
                yield from _check(inner, rest, _shown(place))
        elif known in given:
            yield Fault(f"it is given twice, as {_shown(given[known])} too", None, _shown(place))
        else:
            given[known] = name
            yield from _check(inner, properties[known], _shown(place))
    for name in schema.get("required", ()):
        if name not in given and name not in value:
            yield Fault("this member is required", None, f"{path}.{name}" if path else name)


def kind(value: Any) -> str:
    """Say in a word what a JSON value is, without showing any of it."""
    for name in ("null", "boolean", "integer", "number", "string", "array", "object"):
        if _is(value, name):
            return _WORDS.get(name, f"a {name}")
    return "something else"


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) or value is None:
        return name == ("null" if value is None else "boolean")
    if isinstance(value, float) and name == "integer":
        return value.is_integer()  # JSON has one kind of numbers: 1.0 is an integer
    kinds = {"string": str, "integer": int, "number": int | float, "array": list, "object": dict}
    return name in kinds and isinstance(value, kinds[name])


def _same(value: Any, choice: Any) -> bool:
    return isinstance(value, bool) is isinstance(choice, bool) and bool(value == choice)


def _listed(choices: Any) -> str:
    shown = [str(each) for each in choices]
    return ", ".join(shown[:_SHOWN]) + (", ..." if len(shown) > _SHOWN else "")


def _hint(value: Any, choices: Any) -> str:
    texts = [each for each in choices if isinstance(each, str)]
    meant = nearest(value, texts) if isinstance(value, str) else None
    return f"; did you mean {meant}?" if meant else ""


def _shown(path: str) -> str:
    """A name may be any text; one fault is one line."""
    return "".join(c if c.isprintable() else "?" for c in path[:300])
