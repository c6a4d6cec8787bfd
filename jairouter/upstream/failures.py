"""What can go wrong with one request to a backend, besides what Twisted has errors for."""

from __future__ import annotations


class BadAddress(Exception):
    """No connection to this address could ever be made."""


class BadAnswer(Exception):
    """The backend sent something that is no HTTP/1.1 answer, or more than was asked for."""


class WrongBodyLength(Exception):
    """A request body is shorter or longer than it said; sent on, it would run into the next request."""
