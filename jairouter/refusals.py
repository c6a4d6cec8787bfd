"""How the control plane refuses what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from jairouter.config.faults import Fault


class Refusal(Exception):
    """The control plane cannot do what it was asked; nothing has changed.

    Attributes:
        status: Of HTTP.
        code: A stable word in capitals.
        message: In one line, without secrets.
        faults: What is wrong with the configuration that was offered, where that is the reason.
        retry_after: Seconds after which trying again may help, or None where waiting does not.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    retry_after: float | None = None

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults = tuple(faults)


class InvalidRequest(Refusal):
    """The request is not one that could be understood."""

    status = 400
    code = "INVALID_REQUEST"


class InvalidConfiguration(Refusal):
    """What was offered is no valid configuration; `faults` says where and why.

    Attributes:
        files: What it names, and was read for it, besides the files that it is written in.
    """

    status = 400
    code = "INVALID_CONFIGURATION"
    files: tuple[str, ...] = ()


class Forbidden(Refusal):
    """Whoever asks may not."""

    status = 403
    code = "FORBIDDEN"


class InsufficientPermissions(Forbidden):
    """Whoever asks is known, and lacks a permission."""

    code = "INSUFFICIENT_PERMISSIONS"


class TooManyRequests(Refusal):
    """It was asked too often."""

    status = 429
    code = "TOO_MANY_REQUESTS"


class NotFound(Refusal):
    """There is no such thing."""

    status = 404
    code = "NOT_FOUND"


class ServiceNotFound(NotFound):
    """No such service is configured."""

    code = "SERVICE_NOT_FOUND"


class InstanceNotFound(NotFound):
    """No such instance is configured."""

    code = "INSTANCE_NOT_FOUND"


class VersionNotFound(NotFound):
    """No such version is stored."""

    code = "VERSION_NOT_FOUND"


class AlreadyExists(Refusal):
    """What is to be added is there."""

    status = 409
    code = "ALREADY_EXISTS"


class VersionConflict(Refusal):
    """Somebody else made a version first; look at it, and try again."""

    status = 409
    code = "VERSION_CONFLICT"


class NotPossible(Refusal):
    """It cannot be done in the present state, such as deleting the version in force."""

    status = 409
    code = "NOT_POSSIBLE"


class VersionDamaged(Refusal):
    """A stored version does not say any more what was stored."""

    status = 500
    code = "VERSION_DAMAGED"


class StoreUnavailable(Refusal):
    """The store cannot be read or written; the text says why."""

    status = 503
    code = "STORE_UNAVAILABLE"
    retry_after = 5.0
