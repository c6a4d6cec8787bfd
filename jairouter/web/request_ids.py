"""Request ids: what a client, the gateway's log and a backend's log call the same request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_SANE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class RequestIds:
    """Takes a client's own id if it is fit to be logged and sent on, and makes one otherwise.

    Args:
        random: What new ids are made of.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._drawn = ""
        self._at = 0

    def id_for(self, given: bytes) -> str:
        """The id of a request, whose client may have given it one."""
        return given.decode("ascii") if given and _SANE.fullmatch(given) else self.new()

    def new(self) -> str:
        """An id that no other request has."""
        if self._at == len(self._drawn):
            # The kernel is asked for many at once: asking is what costs
            self._drawn, self._at = self._random.randbytes(64 * 16).hex(), 0
        at = self._at
        self._at = at + 32
        return "req_" + self._drawn[at : at + 32]
