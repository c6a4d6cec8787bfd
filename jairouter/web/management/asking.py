"""What a request asks besides its body: parts of the path, the query, and the version that was seen.

Nothing is overlooked silently: a misspelled ``deleteOriginals=true`` must not do something else than meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from jairouter.config.naming import nearest
from jairouter.refusals import InvalidRequest
from jairouter.web.management.checking import check

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Endpoint, Parameter

MOST_PARAMETERS: Final = 100
LONGEST: Final = 2000
"""Characters of one value."""

SEEN: Final = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$"
"""Texts without characters that, where they are shown, break a line, command a terminal, or turn the order of
what follows around. In the form of regular expressions that Python and ECMAScript have in common."""

_SEEN: Final = re.compile(SEEN.removesuffix("$") + r"\Z")
_ETAG: Final = re.compile(rb'(?:W/)?"([0-9]{1,18})"|([0-9]{1,18})')
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_TRUTHS: Final = {"true": True, "false": False}


def read_path(endpoint: Endpoint, values: Sequence[bytes]) -> dict[str, Any]:
    """The parts of the path by name.

    Args:
        endpoint: Says what they may be.
        values: As they stand in the path, decoded.

    Raises:
        InvalidRequest: One of them is not what it may be.
    """
    pairs = zip(endpoint.in_path, values, strict=True)
    return {parameter.name: _typed(parameter, _text(value, "the path")) for parameter, value in pairs}


def read_query(endpoint: Endpoint, query: bytes) -> dict[str, Any]:
    """The query by name; parameters that are not given have their default.

    Args:
        endpoint: Says what there may be.
        query: As it was written.

    Raises:
        InvalidRequest: Something is unknown, comes twice, is missing, or is not what it may be.
    """
    known = {each.name: each for each in endpoint.in_query}
    given: dict[str, Any] = {}
    for name, value in _pairs(query):
        if name not in known:
            raise InvalidRequest(_unknown(name, known))
        if name in given:
            raise InvalidRequest(f"the query parameter {name} is given twice")
        given[name] = _typed(known[name], value)
    missing = [each.name for each in known.values() if each.required and each.name not in given]
    if missing:
        raise InvalidRequest(f"the query parameter {missing[0]} is required")
    return {name: given.get(name, each.default) for name, each in known.items()}


def read_parent(endpoint: Endpoint, method: bytes, if_match: bytes | None, asked: int | None) -> int | None:
    """The version that the editor has seen; None for whichever is current.

    Args:
        endpoint: What is asked.
        method: Of the request.
        if_match: The header.
        asked: The query's ``version``.

    Raises:
        InvalidRequest: It cannot be understood, means nothing here, or the query says another one.
    """
    if not endpoint.makes_version:
        if if_match is not None and method not in {b"GET", b"HEAD"}:
            raise InvalidRequest("If-Match means nothing here: this makes no version")
        return None
    if if_match is None or if_match.strip() == b"*":
        return asked
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidRequest('If-Match must be one version, such as "7"')
    parent = int(found[1] or found[2])
    if asked is not None and asked != parent:
        raise InvalidRequest(f"If-Match says version {parent}, the query says {asked}")
    return parent


def _pairs(query: bytes) -> list[tuple[str, str]]:
    pieces = [each for each in query.split(b"&") if each]
    if len(pieces) > MOST_PARAMETERS:
        raise InvalidRequest("the query has too many parameters")
    split = [piece.replace(b"+", b" ").partition(b"=") for piece in pieces]
    return [
        (_text(unquote_to_bytes(a), "the query"), _text(unquote_to_bytes(b), "the query"))
        for a, _, b in split
    ]


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    shown = name[:100]
    meant = nearest(name, known)
    hint = f"; did you mean {meant}?" if meant else f"; there is {', '.join(known)}" if known else ""
    return f"there is no query parameter {shown!r}{hint}"


def _text(value: bytes, where: str) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{where} is not UTF-8") from None
    if not _SEEN.match(text):
        raise InvalidRequest(f"{where} has a control character in it")
    return text


def _typed(parameter: Parameter, text: str) -> Any:
    if len(text) > LONGEST:
        raise InvalidRequest(f"{parameter.name} is longer than {LONGEST} characters")
    value = _read(parameter.schema.get("type", "string"), text)
    if value is None:
        raise InvalidRequest(f"{parameter.name} must be {_EXPECTED[parameter.schema['type']]}")
    faults = check(value, parameter.schema, parameter.name)
    if faults:
        raise InvalidRequest(str(faults[0]))
    return value


_EXPECTED: Final = {"integer": "an integer", "number": "a number", "boolean": "true or false"}


def _read(kind: str, text: str) -> Any:
    if kind == "integer":
        return int(text) if _INTEGER.fullmatch(text) else None
    if kind == "number":
        return float(text) if _NUMBER.fullmatch(text) else None
    return _TRUTHS.get(text) if kind == "boolean" else text
