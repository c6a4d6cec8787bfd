"""Texts from outside, such that no line can be broken or made to look like two by them.

See CWE-117 (log injection) and CWE-150 (escape sequences); of what turns the order of a text around tell
N. Boucher and R. Anderson, "Trojan Source", 2021.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

LONGEST: Final = 512
"""Characters of a single field."""
LONGEST_DETAIL: Final = 2000
"""Characters of a text in the details."""
MOST: Final = 200
"""Members of a list or mapping in the details."""
DEEPEST: Final = 6
"""Levels of the details."""
LARGEST: Final = 64 * 1024
"""Characters of all details together."""

_HALVES: Final = re.compile("[\ud800-\udfff]")
_HARMFUL: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def whole(text: str) -> str:
    """The text without halves of characters, which no encoding has."""
    return _HALVES.sub("\ufffd", text)


def quoted(value: Any) -> str:
    """A value as JSON in one line, in which nothing commands a terminal.

    Args:
        value: Of JSON; its texts may hold anything but halves of characters.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # (They can only be in texts: JSON has no such characters elsewhere)
    return _HARMFUL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def shortened(text: object, longest: int = LONGEST) -> tuple[str, bool]:
    """A text that is not too long, and whether it was.

    Args:
        text: From anywhere; what is none is shown as one.
        longest: Characters that are kept.
    """
    given = text if isinstance(text, str) else str(text)
    return whole(given[:longest]), len(given) > longest


def shown(details: Mapping[str, Any]) -> tuple[str, bool]:
    """Details as JSON, and whether something was left out.

    What JSON does not know is shown as what it is called, not as what it says.
    """
    cut: list[None] = []
    text = quoted(_plain(details, 0, cut))
    if len(text) > LARGEST:
        text = quoted(
            {"omitted": f"{len(text)} characters", "members": list(islice(map(_name, details), 20))}
        )
        cut.append(None)
    return text, bool(cut)


def _plain(value: Any, depth: int, cut: list[None]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _text(hex(value), cut)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, str):
        return _text(value, cut)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _many(value, depth, cut)
    return f"<{type(value).__name__}>"


def _many(value: Any, depth: int, cut: list[None]) -> Any:
    if depth >= DEEPEST or len(value) > MOST:
        cut.append(None)
    if depth >= DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        return {_name(key): _plain(each, depth + 1, cut) for key, each in islice(value.items(), MOST)}
    return [_plain(each, depth + 1, cut) for each in islice(value, MOST)]


def _text(value: str, cut: list[None]) -> str:
    text, was_long = shortened(value, LONGEST_DETAIL)
    if was_long:
        cut.append(None)
    return text


def _name(key: object) -> str:
    return shortened(key, 100)[0]
