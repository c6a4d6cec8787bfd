"""What an attempt's end says about the instance.

| end                                                        | outcome   |
|------------------------------------------------------------|-----------|
| complete 2xx                                               | succeeded |
| connect or TLS error, timeout, 5xx, 3xx, a body cut short  | failed    |
| 429                                                        | throttled |
| another 4xx, the gateway's own limits and faults           | neutral   |
| the client left, the gateway stops                         | abandoned |
"""

from __future__ import annotations

from jairouter.errors import Blame, ClientGone, GatewayError, ShuttingDown
from jairouter.exchange import Outcome

_SUCCEEDED, _FAILED, _THROTTLED, _NEUTRAL, _ABANDONED = Outcome  # looking into it takes five times as long


def outcome_of_answer(status: int, error: GatewayError | None) -> Outcome:
    """The outcome of an attempt that got an answer.

    Args:
        status: The backend's.
        error: Why the body is not complete, or None.
    """
    if error is not None:
        return outcome_of_error(error)
    return _of_status(status)


def outcome_of_error(error: GatewayError) -> Outcome:
    """The outcome of an attempt that ended without a complete answer."""
    if isinstance(error, ClientGone | ShuttingDown):
        return _ABANDONED
    if error.blame is Blame.UPSTREAM:
        # A refusal carries the status that the backend meant; every other one is a 5xx
        return _of_status(error.status)
    return _NEUTRAL


def _of_status(status: int) -> Outcome:
    if 200 <= status < 300:
        return _SUCCEEDED
    if status == 429:
        return _THROTTLED
    if 400 <= status < 500:
        return _NEUTRAL
    return _FAILED
