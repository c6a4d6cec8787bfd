"""What can go wrong with one request to a backend, besides what Twisted has errors for."""

from __future__ import annotations

import errno

from twisted.internet.error import ConnectBindError, ConnectError


class BadAddress(Exception):
    """No connection to this address could ever be made."""


class Forbidden(BadAddress):
    """`security.outbound` keeps the gateway from connecting to this address; says which, and why."""


class BadAnswer(Exception):
    """The backend sent something that is no HTTP/1.1 answer, or more than was asked for."""


class WrongBodyLength(Exception):
    """A request body is shorter or longer than it said; sent on, it would run into the next request."""


class CheckFailed(Exception):
    """A backend did not pass a check; says why, in words for the log."""


class NoVerdict(Exception):
    """A backend could not be checked, which is no fault of the backend; says why."""


def is_ours(error: Exception) -> bool:
    """Whether connecting failed because the gateway has no descriptors or no ports left."""
    no_port = isinstance(error, ConnectError) and error.osError == errno.EADDRNOTAVAIL
    return no_port or isinstance(error, ConnectBindError)
