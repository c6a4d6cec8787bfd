"""Secrets that a command needs: from a file, a variable or the keyboard, and never from an argument.

Arguments can be read by every user of the machine, in the list of processes.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from jairouter.command.failures import Refused
from jairouter.command.output import tell

MOST_BYTES: Final = 64 * 1024
"""Of a file with a secret; a token with many claims takes a few thousand."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def secret_in(path: str) -> str:
    """Read a secret that is alone in a file; a line's end after it does not belong to it.

    A file that others than its owner may use is warned of.

    Raises:
        Refused: There is none. What is in the file is not repeated.
    """
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None
    # A pipe, as of a password store, is nobody else's
    if stat.S_ISREG(mode) and mode & _OTHERS:
        told = f"mode {stat.S_IMODE(mode):04o}: others than its owner may use it; chmod 600 {path}"
        tell(f"jairouter: warning: {path} has {told}")
    if len(content) > MOST_BYTES:
        raise Refused(f"{path}: it is too large for a secret")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused(f"{path}: it is not a text in UTF-8") from None
    if not text:
        raise Refused(f"{path}: there is nothing in it")
    return text


def sendable(secret: str, origin: str) -> str:
    """A key or token as a header can carry it.

    Args:
        secret: Perhaps with white space around it.
        origin: Where it comes from.

    Raises:
        Refused: It cannot be one: it has several lines, or letters beyond ASCII.
    """
    text = secret.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Refused(f"{origin}: expected one line without spaces, in ASCII")
    return text
