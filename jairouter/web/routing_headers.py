"""What an answer says about how it came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.exchange import Attempt, Exchange, HeaderPairs


def routing_headers(exchange: Exchange, now: float) -> HeaderPairs:
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
        return (
            (b"X-Jairouter-Instance", attempt.instance.header_label),
            (b"X-Jairouter-Attempts", b"1"),
            (b"X-Jairouter-Overhead-Ms", b"%.1f" % (max(overhead, 0.0) * 1000)),
        )
    overhead -= sum(_at_the_backend(attempt, now) for attempt in attempts)
    always = (
        (b"X-Jairouter-Attempts", b"%d" % len(attempts)),
        (b"X-Jairouter-Overhead-Ms", b"%.1f" % (max(overhead, 0.0) * 1000)),
    )
    who = _who_answered(exchange)
    return always if who is None else ((b"X-Jairouter-Instance", who.instance.header_label), *always)


def _at_the_backend(attempt: Attempt, now: float) -> float:
    return (attempt.answered or attempt.ended or now) - attempt.sent


def _who_answered(exchange: Exchange) -> Attempt | None:
    """The attempt whose answer is passed on; of attempts that were made at a time it need not be the last."""
    under_way = [attempt for attempt in exchange.attempts if attempt.outcome is None]
    if exchange.fallback and not under_way:
        return None  # the answer is none of theirs
    return next(iter(under_way or exchange.attempts[::-1]), None)
