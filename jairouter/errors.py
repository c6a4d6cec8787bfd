"""Everything that can end an exchange other than an answer, as one tree.

An error says who is to blame, which HTTP status it becomes and what the caller reads. Nothing else in
the gateway renders an error: `render` does, once, in the shape that OpenAI's SDKs parse
(``{"error": {"message", "type", "param", "code"}}``, all four members always there).

Messages are read by callers, so they name models and limits, never hosts, keys or tracebacks.
"""

from __future__ import annotations

import enum
import json
import math
from typing import ClassVar


class Blame(enum.Enum):
    """Whose fault an error is; decides what it says about the instance (traffic/outcomes.py)."""

    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class GatewayError(Exception):
    """The root. Raised by filters, rendered by the web layer.

    Attributes:
        status: HTTP status to answer with.
        type: OpenAI's ``error.type``.
        code: OpenAI's ``error.code``, a stable lower-case word, or None.
        blame: Whose fault it is.
        message: For the caller.
        param: The request member at fault, or None.
        retry_after: Seconds after which trying again may help, or None where waiting does not.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str | None] = "internal_error"
    blame: ClassVar[Blame] = Blame.GATEWAY

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after


class InternalError(GatewayError):
    """A fault of the gateway's own; what went wrong is in the log only."""


class BadRequest(GatewayError):
    """The request is not one that could be answered."""

    status = 400
    type = "invalid_request_error"
    code: ClassVar[str | None] = None
    blame = Blame.CLIENT


class Reason(enum.Enum):
    """Why nobody knows who is asking."""

    MISSING = "MISSING_API_KEY"
    UNKNOWN_KEY = "INVALID_API_KEY"
    """Unknown, or switched off."""
    EXPIRED_KEY = "EXPIRED_API_KEY"
    UNKNOWN_TOKEN = "INVALID_JWT_TOKEN"  # noqa: S105 - a word for callers
    EXPIRED_TOKEN = "EXPIRED_JWT_TOKEN"  # noqa: S105 - likewise
    REVOKED_TOKEN = "BLACKLISTED_TOKEN"  # noqa: S105 - likewise
    LOGIN = "LOGIN_FAILED"
    """No such user, or not this password, or switched off."""


class Unauthenticated(GatewayError):
    """Nobody knows who is asking.

    Attributes:
        reason: Why; its value is the management API's ``errorCode``.
        ours: Whether what was shown is the gateway's all the same, such as a key that is switched off, so
            that no backend may see it.
    """

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"
    blame = Blame.CLIENT

    def __init__(self, message: str, reason: Reason = Reason.MISSING, *, ours: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.ours = ours


class PermissionDenied(GatewayError):
    """Whoever asks is known, and may not."""

    status = 403
    type = "permission_denied"
    code = None
    blame = Blame.CLIENT


class RouteNotFound(BadRequest):
    """No such path."""

    status = 404
    code = "unknown_url"


class ModelNotFound(BadRequest):
    """No instance is configured for this model in the service that the route addresses."""

    status = 404
    code = "model_not_found"


class MethodNotAllowed(BadRequest):
    """The path exists, but not for this method."""

    status = 405
    code = "method_not_allowed"


class RequestTimeout(BadRequest):
    """The client did not send its request in time."""

    status = 408
    type = "timeout_error"
    code = "timeout"


class RequestTooLarge(BadRequest):
    """The body is larger than the configured limit."""

    status = 413
    type = "request_too_large"


class UriTooLong(BadRequest):
    """The request line is longer than the configured limit."""

    status = 414


class UnsupportedMediaType(BadRequest):
    """The body is not of the kind that this route takes."""

    status = 415


class HeadersTooLarge(BadRequest):
    """More header bytes, or more headers, than the configured limit."""

    status = 431


class ClientGone(GatewayError):
    """The client left before its answer was complete. Never rendered: logs and metrics only."""

    status = 499
    code = "client_gone"
    blame = Blame.CLIENT


class UpstreamError(GatewayError):
    """The backend could not be reached, or answered something that is no answer."""

    status = 502
    code: ClassVar[str | None] = "upstream_error"
    blame = Blame.UPSTREAM


class UpstreamUnreachable(UpstreamError):
    """No connection to the backend could be made: it has seen nothing of the request."""


class UpstreamTimeout(UpstreamError):
    """The backend took longer than a configured timeout."""

    status = 504
    code = "upstream_timeout"


class DeadlineExceeded(GatewayError):
    """All the time that an exchange may take is over, and not because the backend was slow at the end."""

    status = 504
    code = "upstream_timeout"


class UpstreamRefusal(UpstreamError):
    """The backend reported an error as an event, in a stream that began with status 200.

    vLLM and SGLang do so. As the first event nothing has reached the client yet, and it gets the status that
    was meant; later it has read the event itself.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, param=param)
        # The one error whose status the backend chose, hence not the class's
        self.status = status  # type: ignore[misc]
        self.type = type or ("api_error" if status >= 500 else "invalid_request_error")  # type: ignore[misc]
        self.code = code  # type: ignore[misc]


class StreamCut(UpstreamError):
    """A stream ended before it was complete, after some of it had reached the client."""

    code = "stream_interrupted"


class RateLimited(GatewayError):
    """A configured limit is reached.

    Attributes:
        limit: Its scope and its algorithm; None if it is not one on requests for models.
        quota: What is left of it, as `Quota`; None where that is told in another way.
    """

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    blame = Blame.CLIENT

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        limit: tuple[str, str] | None = None,
        quota: tuple[int, int, float] | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after=retry_after)
        self.limit = limit
        self.quota = quota


class NoHealthyUpstream(GatewayError):
    """Instances exist for the model, but none may be used now."""

    status = 503
    code = "no_healthy_upstream"


class PoolExhausted(GatewayError):
    """Every connection to the backend stayed busy for as long as a request may wait for one."""

    status = 503
    code = "upstream_busy"


class NoRoom(GatewayError):
    """The gateway holds as much for other requests as it may."""

    status = 503
    code = "gateway_busy"


class ShuttingDown(GatewayError):
    """The gateway stops; another one, or the same one later, will answer."""

    status = 503
    code = "shutting_down"


def retry_after_headers(seconds: float) -> list[tuple[bytes, bytes]]:
    """The headers that tell a client when to come back.

    ``Retry-After`` is whole seconds, at least 1, rounded up (RFC 9110, section 10.2.3); OpenAI's SDKs
    read the finer ``retry-after-ms`` first.
    """
    whole = max(1, math.ceil(seconds))
    milliseconds = max(1, math.ceil(seconds * 1000))
    return [(b"Retry-After", b"%d" % whole), (b"retry-after-ms", b"%d" % milliseconds)]


def render(error: GatewayError) -> bytes:
    """The JSON body for an error, as OpenAI's SDKs expect it."""
    return json.dumps(
        {
            "error": {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
            }
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "replace")
