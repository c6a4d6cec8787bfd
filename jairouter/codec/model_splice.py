r"""Writes another model name into a JSON request body, and changes nothing else of it.

A body that was decoded and encoded again would be another body: numbers, escapes, the order of members and
blanks would not survive. So the value of the top-level member ``model`` is found, and the bytes before and
behind it are kept. A name that is given twice (with the same value, or `json_peek.peek` would have refused
the body) is replaced in both places, whichever of them the backend's parser takes.

The scan needs no recursion, and time in proportion to the length: one step for each member of the top level
that may be the model or holds a nested value, and inside of such a value one for each bracket that is nested
deeply. All else is skipped by regular expressions whose loops never give back what they took. A body that was
made to need very many steps is given up, so that it holds up nobody else.
"""

import json
import re
from typing import Final

_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT: Final = rb'(?:[^"{}\[\]]++|' + _STRING + rb")"
_SHALLOW: Final = rb"[{\[]" + _FLAT + rb"*+[}\]]"
_LESS_SHALLOW: Final = rb"[{\[](?:" + _FLAT + rb"|" + _SHALLOW + rb")*+[}\]]"
# Up to a bracket that is not part of a value nested at most twice. (Which kind of bracket closes which
# needs no look: the body is known to be JSON.)
_TO_BRACKET: Final = re.compile(rb"(?:" + _FLAT + rb"|" + _LESS_SHALLOW + rb")*+([{}\[\]])", re.DOTALL)
_SIMPLE: Final = rb"(?:" + _STRING + rb"|[^\s,}\[\]{\"]++)"
# Members that cannot be the model: their names have no escapes and are other ones.
_OTHERS: Final = re.compile(
    rb'(?:[\s,]*+"(?!model")[^"\\]*+"\s*+:\s*+' + _SIMPLE + rb"\s*+(?=[,}]))*+", re.DOTALL
)
_NAME: Final = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_VALUE: Final = re.compile(_SIMPLE, re.DOTALL)
_START: Final = re.compile(rb"\s*+\{")
_END: Final = re.compile(rb"\s*+\}\s*+\Z")
# Each takes less than a microsecond. Of conversations, tools and schemas that people send, hardly a hundred.
_MAX_STEPS: Final = 100_000
_LONGEST_NAME: Final = len(rb'"\u006d\u006f\u0064\u0065\u006c"')


class ModelSplice:
    """A request body, in which another model can be named.

    Args:
        body: A JSON object that names a model, as `json_peek.peek` accepts it.

    Raises:
        ValueError: The body is no such object (not every other one is found out), or needs too many steps.
    """

    def __init__(self, body: bytes) -> None:
        self._kept: list[bytes] = []
        kept = 0
        for start, end in _places(body):
            self._kept.append(body[kept:start])
            kept = end
        if not self._kept:
            raise ValueError("no model is named")
        self._kept.append(body[kept:])

    def with_model(self, model: str) -> bytes:
        """The body with the value of each top-level member ``model`` replaced."""
        return json.dumps(model).encode("ascii").join(self._kept)


def _places(body: bytes) -> list[tuple[int, int]]:
    """Where the values of the model stand."""
    opening = _START.match(body)
    if opening is None:
        raise ValueError("not a JSON object")
    places = []
    at, steps = opening.end(), _MAX_STEPS
    while True:
        at = _end_of(_OTHERS, body, at)
        name = _NAME.match(body, at)
        if name is None:
            break
        at, steps = _end_of_value(body, name.end(), _one_less(steps))
        if _is_model(name[1]):
            places.append((name.end(), at))
    if _END.match(body, at) is None:
        raise ValueError("not a JSON object")
    return places


def _is_model(name: bytes) -> bool:
    if name == b'"model"':
        return True
    return b"\\" in name and len(name) <= _LONGEST_NAME and json.loads(name) == "model"


def _end_of_value(body: bytes, at: int, steps: int) -> tuple[int, int]:
    """Where a value ends, and how many steps are left."""
    depth = 0
    if body[at : at + 1] in (b"{", b"["):
        depth = 1
        at += 1
    else:
        at = _end_of(_VALUE, body, at)
    while depth:
        step = _TO_BRACKET.match(body, at)
        if step is None:
            raise ValueError("a JSON value does not end")
        depth += 1 if step[1] in b"{[" else -1
        at = step.end()
        steps = _one_less(steps)
    return at, steps


def _one_less(steps: int) -> int:
    if not steps:
        raise ValueError("too many steps")
    return steps - 1


def _end_of(pattern: re.Pattern[bytes], body: bytes, at: int) -> int:
    found = pattern.match(body, at)
    if found is None:
        raise ValueError("not JSON")
    return found.end()
