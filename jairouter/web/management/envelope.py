"""What every answer of the management API looks like, good or bad.

::

    {"success": true, "message": "OK", "data": ..., "timestamp": "2025-08-01T12:00:00.000Z"}
    {"success": false, "message": "...", "errorCode": "INVALID_CONFIGURATION",
     "errors": [{"path": "...", "message": "...", "origin": "..."}], "timestamp": "..."}

Members that say nothing are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from jairouter.dates import date_of
from jairouter.errors import Reason, Unauthenticated
from jairouter.refusals import InsufficientPermissions, InvalidRequest, Refusal, TooManyRequests

if TYPE_CHECKING:
    from jairouter.config.faults import Fault
    from jairouter.errors import GatewayError
    from jairouter.web.management.endpoint import Reply

MOST_ERRORS: Final = 200
"""Faults that one answer names."""


class MethodNotAllowed(Refusal):
    """The path exists, but not for this method."""

    status = 405
    code = "METHOD_NOT_ALLOWED"


class RequestTimeout(Refusal):
    """The body did not arrive in time."""

    status = 408
    code = "REQUEST_TIMEOUT"


class RequestTooLarge(Refusal):
    """The body is larger than ``management.api.max-body-size``."""

    status = 413
    code = "REQUEST_TOO_LARGE"


class UnsupportedMediaType(Refusal):
    """The body is not of a kind that the endpoint takes."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class NotKnown(Refusal):
    """Nobody knows who asks; its code says why."""

    status = 401
    code = Reason.MISSING.value

    def __init__(self, message: str, reason: Reason = Reason.MISSING) -> None:
        super().__init__(message)
        # One kind of answer, with the codes that clients of the original know
        self.code = reason.value  # type: ignore[misc]


class NoRoom(Refusal):
    """The gateway has as much to do as it may."""

    status = 503
    code = "GATEWAY_BUSY"


_BY_STATUS: Final[dict[int, type[Refusal]]] = {
    each.status: each
    for each in (
        InvalidRequest,
        InsufficientPermissions,
        RequestTimeout,
        RequestTooLarge,
        UnsupportedMediaType,
        TooManyRequests,
        NoRoom,
    )
}


def refusals() -> dict[str, int]:
    """The status of each code with which an answer may refuse."""
    reasons = {reason.value: NotKnown.status for reason in Reason}
    return {each.code: each.status for each in _kinds(Refusal)} | reasons


def refusal_of(error: GatewayError) -> Refusal:
    """An error of the kind that the data plane knows, as this API says it."""
    if isinstance(error, Unauthenticated):
        return NotKnown(error.message, error.reason)
    refusal = _BY_STATUS.get(error.status, Refusal)(error.message)
    refusal.retry_after = error.retry_after
    return refusal


def good(reply: Reply, now: float) -> bytes:
    """The envelope around what an endpoint replies.

    Args:
        reply: What it replies.
        now: Seconds since the epoch.

    Raises:
        TypeError, ValueError: Its data are no JSON values.
    """
    said: dict[str, Any] = {"success": True, "message": reply.message}
    if reply.data is not None:
        said["data"] = reply.data
    said["timestamp"] = date_of(now)
    return _json(said)


def bare(reply: Reply) -> bytes:
    """What an endpoint replies, without an envelope.

    Raises:
        TypeError, ValueError: Its data are no JSON values.
    """
    return _json(reply.data)


def bad(refusal: Refusal, now: float) -> bytes:
    """The envelope around a refusal."""
    said: dict[str, Any] = {"success": False, "message": refusal.message, "errorCode": refusal.code}
    if refusal.faults:
        said["errors"] = errors(refusal.faults)
    said["timestamp"] = date_of(now)
    return _json(said)


def errors(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as answers list them: at most `MOST_ERRORS`, and how many more there are."""
    shown = [_error(each) for each in faults[:MOST_ERRORS]]
    if len(faults) > MOST_ERRORS:
        shown.append({"message": f"and {len(faults) - MOST_ERRORS} more"})
    return shown


def _error(fault: Fault) -> dict[str, str]:
    said = {"path": fault.path, "message": fault.text, "origin": str(fault.origin or "")}
    return {name: value for name, value in said.items() if value}


def _json(said: Any) -> bytes:
    text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate is no character, and would come from a name that is none
    return text.encode("utf-8", "replace")


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)
