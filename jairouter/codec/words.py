"""Expressions of words that are masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import regex

_SPACELESS: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no blanks between words: there a word ends anywhere."""
_LETTER: Final = rf"[^\W{_SPACELESS}]"
_SPACELESS_ONE: Final = regex.compile(f"[{_SPACELESS}]")


def words(these: Sequence[str]) -> str:
    """The expression of words that stand alone."""
    longest_first = sorted(these, key=len, reverse=True)
    return "|".join(_before(word[0]) + regex.escape(word) + _behind(word[-1]) for word in longest_first)


def _before(letter: str) -> str:
    return "" if _SPACELESS_ONE.match(letter) else f"(?<!{_LETTER})"


def _behind(letter: str) -> str:
    return "" if _SPACELESS_ONE.match(letter) else f"(?!{_LETTER})"
