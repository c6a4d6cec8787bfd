"""Texts that may be used but never shown: keys, passwords, header values."""

from __future__ import annotations

from typing import Final, final

MASK: Final = "********"


@final
class Secret:
    """A text whose `repr` and `str` show only a mask.

    It compares and hashes by its text, so that two configurations can be compared, and it is
    frozen: what was read stays what it was.

    Args:
        text: what must not be shown.
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """Return the text itself; call this only where it is used, never to log or print it."""
        return self._text

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret cannot be changed")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> str | tuple[object, ...]:
        # A pickle would hold the text in the clear, and pickles get written to disk.
        raise TypeError("a Secret cannot be pickled")
