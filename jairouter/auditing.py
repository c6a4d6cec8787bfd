"""The record of who did what: its events, and where they are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from zope.interface import Interface, implementer

from jairouter.caller import Caller, Kind
from jairouter.errors import GatewayError, PermissionDenied, RateLimited, Unauthenticated


class Event(NamedTuple):
    """Something that has to be known afterwards. Nothing in it may be a secret.

    Attributes:
        kind: A word in capitals: ``AUTHENTICATION_SUCCESS``, ``AUTHENTICATION_FAILURE``,
            ``AUTHORIZATION_FAILURE``, ``LIMIT_REACHED``, ``CONFIGURATION_CHANGED``,
            ``API_KEY_CREATED`` (``_UPDATED``, ``_ENABLED``, ``_DISABLED``, ``_ROTATED``, ``_DELETED``),
            ``ACCOUNT_CREATED`` (likewise), ``ACCOUNT_LOCKED``, ``JWT_TOKEN_ISSUED`` (``_REFRESHED``,
            ``_REVOKED``, ``_REUSED``), ``REQUEST_SANITIZATION``, ``RESPONSE_SANITIZATION``,
            ``BREAKER_OPENED``, ``BREAKER_CLOSED``, ``LOG_LEVEL_CHANGED``, ``VERSION_DELETED``,
            ``VERSIONS_CLEANED_UP``, ``BACKUP_MADE``, ``ALERTS_RESET``, ``TRACES_DELETED``,
            ``GATEWAY_STARTED``, ``GATEWAY_STOPPED``; what the record says about itself begins with
            ``AUDIT_``.
        user: Who did it: the name of a caller, or an empty text.
        ip: The client's address, or an empty text.
        resource: What it was done to: a path or a name.
        result: ``allowed``, ``denied`` or ``failed``.
        action: The method, or a verb.
        reason: Why it was denied or failed.
        request_id: Of the request.
        details: What else there is to know, as JSON values; before and after with secrets masked.
    """

    kind: str
    user: str = ""
    ip: str = ""
    resource: str = ""
    result: str = "allowed"
    action: str = ""
    reason: str = ""
    request_id: str = ""
    details: Mapping[str, Any] = {}


_TYPES: Final = {kind: {"authType": kind.value} for kind in Kind}
_made: Final = tuple.__new__


def success(caller: Caller, ip: str, resource: str, action: str) -> Event:
    """What is recorded of a request of somebody who is known, and may."""
    details = _TYPES[caller.kind]
    # (Each request makes one: `Event(...)` is a function in Python, and takes twice as long)
    return _made(
        Event, ("AUTHENTICATION_SUCCESS", caller.name, ip, resource, "allowed", action, "", "", details)
    )


def refusal(
    error: GatewayError, user: str, ip: str, resource: str, action: str = "", request_id: str = ""
) -> Event:
    """What is recorded of a request that is refused."""
    reason = error.code or error.type
    kind = "REQUEST_REFUSED"
    if isinstance(error, Unauthenticated):
        kind, reason = "AUTHENTICATION_FAILURE", error.reason.value
    elif isinstance(error, PermissionDenied):
        kind, reason = "AUTHORIZATION_FAILURE", "INSUFFICIENT_PERMISSIONS"
    elif isinstance(error, RateLimited):
        # Which happens every day, and is nobody's attack: alerts go by what is denied
        return Event("LIMIT_REACHED", user, ip, resource, FAILED, action, reason, request_id)
    return Event(kind, user, ip, resource, DENIED, action, reason, request_id)


ALLOWED: Final = "allowed"
DENIED: Final = "denied"
FAILED: Final = "failed"


class IAudit(Interface):
    """Takes events down. Called on the event loop: instant, never raises, never blocks."""

    def record(event: Event) -> None:
        """One event, each of which counts: a change, a login, a key's life."""

    def often(event: Event) -> None:
        """One of many that are alike in all but time: who calls again and again, or guesses, or floods.

        The first is recorded at once; those that follow soon, only as a number.
        """


@implementer(IAudit)
class NoAudit:
    """Where nobody wants to know."""

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""

    def often(self, event: Event) -> None:
        """See `IAudit.often`."""
