"""Which web pages of other origins may call, as browsers have it enforced: cross-origin resource sharing.

A browser asks first, with a *preflight*, unless the request is one that a form could send anyway; then it
sends the request with the page's Origin; and it lets the page have the answer only if that names the origin.
So:

| a request with | is answered with |
|---|---|
| OPTIONS, Origin and Access-Control-Request-Method, to a path that exists | 204 and what is allowed, before anybody has to say who it is; 403 and nothing about CORS to an origin that may not call (Fetch standard, section "HTTP responses") |
| an Origin that may call | the answer, with the origin's name on it; errors too, or the page could not read them |
| any other Origin | the answer, which the browser then keeps from the page |
| no Origin | the answer |

Wherever the answer depends on the Origin it says so (`Vary`), to requests without one too: a cache in between
would give it to another origin. It does not where every origin may call, which is told the same to all.
"""  # noqa: E501 - a row of a table is one line

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jairouter.config.addresses import TOKEN
from jairouter.config.origins import ANY, NULL, compiled, take_apart

if TYPE_CHECKING:
    from jairouter.config.settings.validation import CorsSettings
    from jairouter.exchange import HeaderPairs

_METHOD: Final = b"access-control-request-method"
_HEADERS: Final = b"access-control-request-headers"
_ASKED: Final = (b"Vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
_VARY: Final = (b"Vary", b"Origin")
_NAMES: Final = re.compile(rf"{TOKEN.pattern}(?:[ \t]*,[ \t]*{TOKEN.pattern})*")
_LONGEST: Final = 4096
"""Bytes of a list of headers that is given back."""


class Cors:
    """What browsers are told.

    Args:
        settings: What is allowed.
    """

    def __init__(self, settings: CorsSettings) -> None:
        self._anybody = ANY in settings.allowed_origins
        self._origins = frozenset(each.encode("ascii") for each in settings.allowed_origins if each != ANY)
        self._patterns = tuple(compiled(each) for each in settings.allowed_origin_patterns)
        self._methods, self._headers = _list(settings.allowed_methods), _list(settings.allowed_headers)
        self._max_age = b"%d" % settings.max_age
        told: HeaderPairs = ()
        if settings.allow_credentials:
            told = ((b"Access-Control-Allow-Credentials", b"true"),)
        if settings.exposed_headers:
            told = (*told, (b"Access-Control-Expose-Headers", _list(settings.exposed_headers)))
        self._told = told
        self._to_anybody = ((b"Access-Control-Allow-Origin", b"*"), *told) if self._anybody else (_VARY,)
        self._lines_to_anybody, self._lines_told = _lines(self._to_anybody), _lines((*told, _VARY))

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may call.

        Args:
            origin: As the request has it.
        """
        return self._anybody or origin in self._origins or self._is_named(origin)

    def names(self, origin: bytes) -> bool:
        """Whether this origin may call, and not because anybody may: it is known whose pages these are."""
        return origin != NULL.encode("ascii") and (origin in self._origins or self._is_named(origin))

    def _is_named(self, origin: bytes) -> bool:
        parts = take_apart(origin.decode("latin-1"))
        if parts is None:
            return False
        written = str(parts)
        return written.encode("ascii") in self._origins or any(
            each.fullmatch(written) for each in self._patterns
        )

    def lines(self, fields: Mapping[bytes, bytes]) -> bytes:
        """What an answer says about it, as lines of a head; see `pairs`."""
        origin = fields.get(b"origin")
        if origin is None or self._anybody or not self.allows(origin):
            return self._lines_to_anybody
        return b"Access-Control-Allow-Origin: %b\r\n%b" % (origin, self._lines_told)

    def pairs(self, fields: Mapping[bytes, bytes]) -> HeaderPairs:
        """What an answer says about it.

        Args:
            fields: The request's headers by name in lower case.
        """
        origin = fields.get(b"origin")
        if origin is None or self._anybody or not self.allows(origin):
            return self._to_anybody
        return ((b"Access-Control-Allow-Origin", origin), *self._told, _VARY)

    def preflight(self, fields: Mapping[bytes, bytes]) -> HeaderPairs | None:
        """What a preflight is told besides; None if the origin may not call.

        What is allowed is told whether it is what the browser asks for or not: it compares by itself, and
        tells the page's author what is missing.

        Args:
            fields: The request's headers by name in lower case.
        """
        if not self.allows(fields[b"origin"]):
            return None
        asked = (
            (b"Access-Control-Allow-Methods", _allowed(self._methods, fields[_METHOD])),
            (b"Access-Control-Allow-Headers", _allowed(self._headers, fields.get(_HEADERS, b""))),
        )
        max_age = (b"Access-Control-Max-Age", self._max_age)
        return (*(pair for pair in asked if pair[1]), max_age, _ASKED)


def is_preflight(method: bytes, fields: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks what a page of another origin may do."""
    return method == b"OPTIONS" and b"origin" in fields and _METHOD in fields


def cors_of(settings: CorsSettings) -> Cors | None:
    """What is configured; None if nothing is."""
    return Cors(settings) if settings.on else None


def _list(names: tuple[str, ...]) -> bytes:
    return ANY.encode("ascii") if ANY in names else ", ".join(names).encode("ascii")


def _allowed(configured: bytes, asked: bytes) -> bytes:
    """What is allowed of what is asked for.

    Where everything is, that is given back by its names: with credentials browsers take ``*`` for a name, and
    ``Authorization`` has to be named always (Fetch standard, section "CORS-non-wildcard request-header
    name").
    """
    if configured != b"*":
        return configured
    good = len(asked) <= _LONGEST and _NAMES.fullmatch(asked.decode("latin-1"))
    return asked if good else b""


def _lines(pairs: HeaderPairs) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in pairs])
