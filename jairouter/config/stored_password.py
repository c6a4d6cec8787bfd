"""What an account keeps in place of a password, and how that is written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

COSTLY: Final = 14
"""Cost of a bcrypt hash above which a login takes seconds."""

_BCRYPT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
"""Of the last character of the salt only two bits count; bcrypt refuses it where the others are not 0."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """What a password is compared with.

    Attributes:
        text: A bcrypt hash, or the password itself.
        cost: Of the hash, as the power of two; None where `text` is the password itself.
    """

    text: str = field(repr=False)
    cost: int | None


def read_stored(text: str) -> StoredPassword | None:
    """Read it as files have it; None if it is neither a bcrypt hash nor a clear text after ``{noop}``.

    The words in braces are those of Spring Security's DelegatingPasswordEncoder; a hash may stand alone.
    """
    if text.startswith("{noop}"):
        return StoredPassword(text.removeprefix("{noop}"), None)
    bare = text.removeprefix("{bcrypt}")
    found = _BCRYPT.fullmatch(bare)
    return None if found is None else StoredPassword(bare, int(found[1]))


def skeleton(name: str) -> str:
    """What names of users have in common that people and directories take for the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
