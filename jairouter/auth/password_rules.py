"""What a new password has to be.

Length is what counts, and that nobody would guess it first (NIST SP 800-63B, section 5.1.1.2): common
passwords, the user's own name, repetition and runs are refused; kinds of characters are asked for only where
the configuration says so.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from jairouter.auth.passwords import MOST_BYTES, encoded, normalized

if TYPE_CHECKING:
    from jairouter.config.settings.accounts import PasswordSettings

_KINDS: Final = (str.islower, str.isupper, str.isdigit)
_NAMED: Final = 3
"""Characters of a name that is looked for: a password may well hold an ``a``."""
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS: Final = frozenset(pair for row in _ROWS for each in (row, row[::-1]) for pair in pairwise(each))
_REPEATED: Final = re.compile(r"(.{1,4}?)\1+.{0,3}", re.DOTALL)
_AGAIN: Final = re.compile(r"\A(.+?)\1+\Z", re.DOTALL)
_ADDED: Final = "0123456789!@#$%^&*()-_=+.,:;?/~ "
"""What is put before or behind a common word so that it may pass."""


def faults_of(password: str, username: str, settings: PasswordSettings) -> list[str]:
    """What is wrong with a password; nothing if it may be used. It is not shown.

    Args:
        password: Of the form that `normalized` makes.
        username: Whose it is to be.
        settings: What it has to be.
    """
    if encoded(password) is None:
        return [f"it has to have at most {MOST_BYTES} bytes in UTF-8, none of them 0"]
    faults = []
    if len(password) < settings.min_length:
        faults.append(f"it has to have at least {settings.min_length} characters")
    folded, name = password.casefold(), normalized(username).casefold()
    if (len(name) >= _NAMED and name in folded) or folded in name:
        faults.append("it must not hold the user name, nor be part of it")
    if _is_common(folded):
        faults.append("it is one of those that everybody tries first")
    if _REPEATED.fullmatch(password) or _is_run(folded):
        faults.append(
            "it must not be a few characters again and again, nor a row of the alphabet or the keyboard"
        )
    classes = _classes(password)
    if classes < settings.required_classes:
        faults.append(
            f"it has to have {settings.required_classes} of small letters, capitals, digits, others"
        )
    return faults


def _classes(password: str) -> int:
    kinds = {next((n for n, is_kind in enumerate(_KINDS) if is_kind(each)), len(_KINDS)) for each in password}
    return len(kinds)


def _is_common(folded: str) -> bool:
    common = _common()
    once = _AGAIN.sub(r"\1", folded)
    return not common.isdisjoint((folded, folded.strip(_ADDED), once, once.strip(_ADDED)))


def _is_run(folded: str) -> bool:
    """Whether it is made of rows of neighbours, but for a few places where one ends."""
    breaks = sum(pair not in _NEIGHBOURS for pair in pairwise(folded))
    return len(folded) > 3 and breaks * 4 <= len(folded) - 1


@cache
def _common() -> frozenset[str]:
    text = files("jairouter.auth").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.split() if line)
