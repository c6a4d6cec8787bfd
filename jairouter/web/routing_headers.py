"""What an answer says about how it came to be, and about the limits that it stood under."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.exchange import Attempt, Exchange


def added_lines(exchange: Exchange, now: float | None) -> bytes:
    """The gateway's own headers for an answer or an error, as they are written.

    They go out with every answer, so they are made by as few formats as can be, and not as pairs first.

    Args:
        exchange: One that has an answer, or the reason for none.
        now: The clock's seconds, or None where answers do not say how they came to be.
    """
    quota, added = exchange.quota, exchange.added
    lines = b"" if quota is None else _LIMITS % (quota[0], quota[1], duration(quota[2]))
    for pair in added:  # (one, or none)
        lines += b"%b: %b\r\n" % pair
    return lines if now is None else lines + routing_lines(exchange, now)


_LIMITS = (
    b"x-ratelimit-limit-requests: %d\r\n"
    b"x-ratelimit-remaining-requests: %d\r\n"
    b"x-ratelimit-reset-requests: %b\r\n"
)
"""As OpenAI tells of its limits."""


def routing_lines(exchange: Exchange, now: float) -> bytes:
    """Which instance answered, after how many attempts, and how long the gateway itself took.

    The last is the time from the request to now, without the times in which a backend had the whole request
    and had not begun to answer. Waiting for a turn, for a free connection, for the client's own bytes, and
    between two attempts is in it.

    Args:
        exchange: One that has an answer, or the reason for none.
        now: The clock's seconds.
    """
    attempts = exchange.attempts
    overhead = now - exchange.started
    if len(attempts) == 1 and not exchange.fallback:
        attempt = attempts[0]
        overhead -= (attempt.answered or attempt.ended or now) - attempt.sent
        overhead = overhead * 1000 if overhead > 0.0 else 0.0
        return _USUAL % (attempt.instance.header_label, overhead)
    overhead -= sum(_at_the_backend(attempt, now) for attempt in attempts)
    who = _who_answered(exchange)
    instance = b"" if who is None else b"X-Jairouter-Instance: %b\r\n" % who.instance.header_label
    return _ANY % (instance, len(attempts), max(overhead, 0.0) * 1000)


_ANY = b"%bX-Jairouter-Attempts: %d\r\nX-Jairouter-Overhead-Ms: %.1f\r\n"
_USUAL = b"X-Jairouter-Instance: %b\r\nX-Jairouter-Attempts: 1\r\nX-Jairouter-Overhead-Ms: %.1f\r\n"


def _at_the_backend(attempt: Attempt, now: float) -> float:
    return (attempt.answered or attempt.ended or now) - attempt.sent


def _who_answered(exchange: Exchange) -> Attempt | None:
    """The attempt whose answer is passed on; of attempts that were made at a time it need not be the last."""
    under_way = [attempt for attempt in exchange.attempts if attempt.outcome is None]
    if exchange.fallback and not under_way:
        return None  # the answer is none of theirs
    return next(iter(under_way or exchange.attempts[::-1]), None)


def duration(seconds: float) -> bytes:
    """Write it as OpenAI does, rounded up: ``12ms``, ``1s``, ``6m0s``, ``24h0m0s``."""
    if seconds < 1.0:
        milliseconds = math.ceil(seconds * 1000.0)
        if milliseconds < 1000:
            return b"%dms" % milliseconds
    whole = math.ceil(seconds)
    if whole < 60:
        return b"%ds" % whole
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return b"%dm%ds" % (minutes, left)
    return b"%dh%dm%ds" % (minutes // 60, minutes % 60, left)
