"""Regular expressions that the configuration gives, checked when it is read."""

from __future__ import annotations

from typing import Final

_UNFIT: Final = (r"\K", "(?R)", "(?0)")
"""What is something else where the expression is part of another one, or only part of what it finds."""


def fault_in(pattern: str) -> str | None:
    """Say what is wrong with an expression, or None.

    The `regex` package is what they are for; it is loaded only where there is one.
    """
    import regex  # noqa: PLC0415 - most commands have no use for it

    try:
        compiled = regex.compile(pattern, regex.IGNORECASE | regex.V0)
        regex.compile(f"(?>{pattern})(?!)", regex.IGNORECASE | regex.V0)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    if compiled.search("", timeout=1) is not None:
        return "matches an empty text, which is everywhere"
    if compiled.flags & regex.REVERSE or any(each in pattern for each in _UNFIT):
        return r"must not search backwards, nor use \K, (?R) or (?0)"
    return None
