"""Request bodies into JSON values: strictly, so that what is not plain is refused instead of guessed at."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from jairouter.config.document import documents
from jairouter.config.faults import Findings
from jairouter.config.tree import Items, Node, Scalar, Written
from jairouter.refusals import InvalidRequest
from jairouter.web.management.envelope import UnsupportedMediaType

MOST_DEPTH: Final = 64
MOST_VALUES: Final = 200_000
"""As in files: see `jairouter.config.document`."""
LARGEST_INTEGER: Final = 2**63 - 1

JSON: Final = "application/json"
JSON_TYPES: Final = (JSON, "application/merge-patch+json")
YAML_TYPES: Final = ("application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml")

_JSON_TYPE: Final = re.compile(r"application/(?:json|[a-z0-9!#$&^_.-]+\+json)")
_CHARSET: Final = re.compile(r'\s*charset\s*=\s*"?utf-?8"?\s*')
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def media_type(content_type: bytes, encoding: bytes, *, yaml: bool) -> str:
    """Which kind of body it is: ``json`` or ``yaml``.

    Args:
        content_type: The header.
        encoding: The header ``Content-Encoding``.
        yaml: Whether YAML is taken too.

    Raises:
        UnsupportedMediaType: It is neither.
    """
    if encoding.strip().lower() not in {b"", b"identity"}:
        raise UnsupportedMediaType("a body with a Content-Encoding is not taken")
    name, *parameters = content_type.decode("latin-1").lower().split(";")
    name = name.strip()
    charsets = [each for each in parameters if each.strip().startswith("charset")]
    taken = "application/json or YAML (application/yaml)" if yaml else "application/json"
    if not name:
        raise UnsupportedMediaType(f"the body needs a Content-Type: {taken}")
    if not all(_CHARSET.fullmatch(each) for each in charsets):
        raise UnsupportedMediaType("the body must be UTF-8")
    if _JSON_TYPE.fullmatch(name):
        return "json"
    if yaml and name in YAML_TYPES:
        return "yaml"
    raise UnsupportedMediaType(f"the body must be {taken}")


def parse(data: bytes, kind: str) -> Any:
    """The JSON values that a body says.

    Args:
        data: All of it.
        kind: As `media_type` says.

    Raises:
        InvalidRequest: It says none.
    """
    return parse_json(data) if kind == "json" else parse_yaml(data)


def parse_json(data: bytes) -> Any:
    """Read JSON (RFC 8259), and nothing that is only like it.

    Refused are members that come twice, of which two readers may believe different ones; NaN and infinity,
    also written as 1e999; integers beyond 64 bits; half characters; what is nested deeper than `MOST_DEPTH`.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8 (byte {error.start + 1})") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not valid JSON: {error.msg.lower()} (line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    _survey(value)
    return value


def parse_yaml(data: bytes) -> Any:
    """Read one YAML document, as a configuration file is read, into JSON values.

    Raises:
        InvalidRequest: It is none, or there are several.
    """
    findings = Findings()
    read = list(documents(data, "the body", findings))
    if findings.faults:
        raise InvalidRequest("the body is not valid YAML", findings.faults)
    if len(read) > 1:
        raise InvalidRequest("the body has more than one YAML document")
    value = _value(read[0]) if read else None
    _survey(value)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        shown = "".join(c if c.isprintable() else "?" for c in twice[:100])
        raise InvalidRequest(f"the body is not valid JSON: the member {shown!r} comes twice in an object")
    return members


def _constant(name: str) -> Any:
    raise InvalidRequest(f"the body is not valid JSON: {name} is no number of JSON")


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
        raise InvalidRequest("an integer in the body does not fit into 64 bits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidRequest("a number in the body is too large")
    return value


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"the body is nested more than {MOST_DEPTH} levels deep")


def _survey(value: Any) -> None:
    """Look at all values for what the parser lets pass. A loop: what is deep must not end the stack."""
    level, depth, count = [value], 0, 0
    while level:
        if depth > MOST_DEPTH:
            raise _too_deep()
        count += len(level)
        if count > MOST_VALUES:
            raise InvalidRequest(f"the body holds more than {MOST_VALUES} values")
        if any(_SURROGATE.search(each) for each in _texts(level)):
            raise InvalidRequest("a text in the body has half a surrogate pair, which is no character")
        level = [inner for each in level if isinstance(each, dict | list) for inner in _inner(each)]
        depth += 1


def _texts(values: list[Any]) -> Iterator[str]:
    for each in values:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each


def _inner(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _value(node: Node) -> Any:
    """What a node of YAML is in JSON."""
    match node:
        case Written():
            return {entry.key: _value(entry.node) for entry in node.entries}
        case Items():
            return [_value(each) for each in node.items]
        case Scalar() if node.plain:
            return _plain(node)
        case Scalar():
            return node.text
    return None


def _plain(scalar: Scalar) -> Any:
    """A scalar without quotes, which is a number, a truth or null if it reads like one."""
    text = scalar.text
    if scalar.is_null or text in _TRUTHS:
        return _TRUTHS.get(text)
    if _INTEGER.fullmatch(text):
        return _integer(text)
    return _float(text) if _FLOAT.fullmatch(text) else text
