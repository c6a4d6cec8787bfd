"""What stands on a command line, into values; argparse turns what does not fit into a line and status 2."""

from __future__ import annotations

import grp
import pwd
import re
from argparse import ArgumentTypeError
from typing import Final

from jairouter.config.forms import Unfit
from jairouter.config.quantities import Duration

CURRENT: Final = -1
"""Stands for whichever version is in force."""

_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})(%?)")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")


def version(text: str) -> int:
    """Read ``7``, ``current`` (`CURRENT`), or ``files`` (0).

    Raises:
        ArgumentTypeError: It is none of them.
    """
    if text == "current":
        return CURRENT
    if text == "files":
        return 0
    return stored_version(text)


def stored_version(text: str) -> int:
    """Read the number of a version; 0 and ``files`` are the files alone.

    Raises:
        ArgumentTypeError: It is none.
    """
    if text == "files":
        return 0
    if not _NUMBER.fullmatch(text):
        raise ArgumentTypeError(f"expected the number of a version, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Read ``60s``, ``500ms`` or ``60``, more than nothing and less than a million seconds.

    Raises:
        ArgumentTypeError: It is none.
    """
    form = Duration()
    try:
        found = form.parse(text)
    except Unfit:
        found = 0.0
    # The management API takes as much
    if not isinstance(found, float) or not 0.001 <= found < 1_000_000:
        raise ArgumentTypeError(f"expected a time such as 60s or 5m, not {text!r}")
    return found


def share(text: str) -> float:
    """Read ``5%`` or ``0.05``.

    Raises:
        ArgumentTypeError: It is none, or more than all.
    """
    found = _SHARE.fullmatch(text)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"expected a share such as 5% or 0.05, not {text!r}")
    return value


def owner(text: str) -> tuple[int, int]:
    """Read ``jairouter`` or ``jairouter:adm``, names or numbers. Without a group it is the user's own.

    Returns:
        The numbers of user and group.

    Raises:
        ArgumentTypeError: There is no such user, or no such group.
    """
    user, _, group = text.partition(":")
    try:
        if user.isdecimal():
            uid, own = int(user), int(user)
        else:
            found = pwd.getpwnam(user)
            uid, own = found.pw_uid, found.pw_gid
        if not group:
            return uid, own
        return uid, int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ArgumentTypeError(str(error.args[0])) from None


def days(text: str) -> int:
    """Read a number of days, 1 or more.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or not int(text):
        raise ArgumentTypeError(f"expected a number of days, not {text!r}")
    return int(text)
