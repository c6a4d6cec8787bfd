"""Rest for an instance that throttles: it answered 429."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from jairouter.headers import by_name

if TYPE_CHECKING:
    from jairouter.exchange import HeaderPairs, Request
    from jairouter.traffic.instance import Instance

_KEYS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_SEEN = frozenset({b"authorization", b"api-key"})
"""Those of a client that a backend may get to see: never X-API-Key, which is for the gateway."""
_SECONDS = re.compile(rb"[0-9]{1,20}(?:\.[0-9]{1,20})?")


class CoolDown:
    """Says how long.

    Args:
        default: Seconds, when the answer does not say.
        longest: Seconds, whatever the answer says.
        today: Seconds since the epoch, for answers that name a date.
    """

    def __init__(self, default: float, longest: float, today: Callable[[], float]) -> None:
        self._default = default
        self._longest = longest
        self._today = today

    def throttled(
        self,
        request: Request,
        instance: Instance,
        headers: HeaderPairs,
        now: float,
        *,
        doubtful: bool = False,
    ) -> None:
        """An instance answered 429, with these headers, or refused a stream in that sense.

        Only a key of the instance's own is everybody's. Where the backend saw the client's, it is that client
        who is asked to wait, and no other.

        Args:
            request: Which it answered so.
            instance: Which it is.
            headers: Of the answer.
            now: The clock's seconds.
            doubtful: Whether its model has no other instance, or another one has throttled this very request.
                Then it rests only where it says so: the next request may be smaller. Else somebody whose
                requests are too large for all would take all of them from everybody.
        """
        if instance.header_names.isdisjoint(_KEYS) and any(
            name.lower() in _SEEN for name, _ in request.headers
        ):
            return
        told = retry_after(headers, self._today())
        wait = (0.0 if doubtful else self._default) if told is None else told
        if wait > 0:
            instance.live.cool(now + min(wait, self._longest), now)


def retry_after(headers: HeaderPairs, today: float) -> float | None:
    """How long an answer asks to wait, in seconds; None if it does not say.

    ``retry-after-ms`` comes first, as for OpenAI's SDKs; ``Retry-After`` is seconds or a date (RFC 9110,
    section 10.2.3).

    Args:
        headers: Of the answer.
        today: Seconds since the epoch.
    """
    fields, _ = by_name(headers)
    milliseconds = fields.get(b"retry-after-ms", b"").strip()
    if _SECONDS.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    text = fields.get(b"retry-after", b"").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text.decode("ascii"))
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)  # not the time zone of the machine
        return max(date.timestamp() - today, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
