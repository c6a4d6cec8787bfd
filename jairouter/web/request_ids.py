"""Request ids: what a client, the gateway's log and a backend's log call the same request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jairouter.headers import first_value

if TYPE_CHECKING:
    from random import Random

    from jairouter.exchange import HeaderPairs

_SANE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class RequestIds:
    """Takes a client's own id if it is fit to be logged and sent on, and makes one otherwise.

    Args:
        random: What new ids are made of.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def id_for(self, pairs: HeaderPairs) -> str:
        """The id of a request with these headers."""
        given = first_value(pairs, b"x-request-id")
        return given.decode("ascii") if _SANE.fullmatch(given) else self.new()

    def new(self) -> str:
        """An id that no other request has."""
        return f"req_{self._random.getrandbits(128):032x}"
