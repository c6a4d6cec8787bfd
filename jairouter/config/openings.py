"""Which routes of models are open to anybody with security on: `security.excluded-paths`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

_PREFIXES: Final = ("/v1/", "/api/v1/")
"""How the paths of one and the same route of models begin."""


def is_open(patterns: Sequence[str], path: str) -> bool:
    """Whether one of the patterns fits a route of models, under one of its two paths.

    Args:
        patterns: As configured; `**` stands for as much as `*` does, slashes too.
        path: Of the route, below ``/v1``.
    """
    spellings = tuple(prefix + path.removeprefix(_PREFIXES[0]) for prefix in _PREFIXES)
    return any(fnmatchcase(each, pattern) for pattern in _patterns(patterns) for each in spellings)


def useless(patterns: Sequence[str]) -> list[str]:
    """The patterns that can fit no route of models, and so open nothing."""
    return [
        written for written, pattern in zip(patterns, _patterns(patterns), strict=True) if _is_vain(pattern)
    ]


def _is_vain(pattern: str) -> bool:
    literal = pattern.partition("*")[0].partition("?")[0].partition("[")[0]
    open_end = literal != pattern
    return not any(literal.startswith(each) or (open_end and each.startswith(literal)) for each in _PREFIXES)


def _patterns(written: Iterable[str]) -> list[str]:
    return [each.replace("**", "*") for each in written]
