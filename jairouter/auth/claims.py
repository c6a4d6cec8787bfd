"""What a token says about its bearer, once its signature is good. Pure: told the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from jairouter.auth.jws import Malformed
from jairouter.auth.permissions import UnknownPermission, granted, granted_to_roles

MOST_NAME: Final = 256
"""Characters of a subject, or of the name of a token."""
ROUNDING: Final = 1.0
"""Seconds by which a date may lie ahead in any case: whole seconds are rounded, by some to the nearest."""

_LATEST: Final = 253_402_300_799
"""The end of the year 9999."""
_OTHER_KINDS: Final = frozenset(("id", "refresh", "offline", "logout"))
"""What Keycloak calls, in the claim ``typ``, those of its tokens that are not meant for calling anybody."""


class Expired(Exception):
    """It was good once."""


class Rules(NamedTuple):
    """What has to be true of a token.

    Attributes:
        issuer: Who has to have issued it.
        audience: For one of whom it has to be meant; empty if nobody has a name here.
        leeway: Seconds by which the clocks of two computers may differ.
    """

    issuer: str
    audience: frozenset[str]
    leeway: float


class Claims(NamedTuple):
    """What a token says.

    Attributes:
        subject: Whom it is about.
        issued: Seconds since the epoch; 0 where it does not say.
        expires: Seconds since the epoch.
        id: Its name, unique for its issuer; empty where it has none.
        members: All it says.
    """

    subject: str
    issued: float
    expires: float
    id: str
    members: Mapping[str, Any]


def check(members: Mapping[str, Any], rules: Rules, now: float) -> Claims:
    """Find out what a token says, and whether it is for us, and now.

    Args:
        members: What it says, as JSON values.
        rules: What has to be true.
        now: Seconds since the epoch.

    Raises:
        Malformed: It is not for us, or not valid yet, or says something in a way that is none.
        Expired: It is for us, and was valid.
    """
    subject = _text(members, "sub")
    if not subject or not subject.isprintable():
        raise Malformed("the token names nobody")
    if members.get("iss") != rules.issuer:
        raise Malformed("somebody else has issued the token")
    _check_audience(members.get("aud"), rules.audience)
    ahead = now + max(rules.leeway, ROUNDING)
    issued = _date(members, "iat")
    if (_date(members, "nbf") or 0.0) > ahead or (issued or 0.0) > ahead:
        raise Malformed("the token is not valid yet")
    expires = _date(members, "exp")
    if expires is None:
        raise Malformed("the token does not say when it expires")
    claims = Claims(subject, issued or 0.0, expires, _text(members, "jti"), members)
    if now >= expires + rules.leeway:  # RFC 7519, section 4.1.4: "on or after"
        raise Expired
    return claims


def _check_audience(meant: Any, ours: frozenset[str]) -> None:
    """RFC 7519, section 4.1.3: a token with an audience that does not name us has to be refused."""
    listed = [meant] if isinstance(meant, str) else [] if meant is None else meant
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise Malformed("the token's audience is of the wrong kind")
    if (ours or meant is not None) and ours.isdisjoint(listed):
        raise Malformed("the token is meant for somebody else")


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name, "")
    if not isinstance(value, str) or len(value) > MOST_NAME:
        raise Malformed("a claim of the token is of the wrong kind")
    return value


def _date(members: Mapping[str, Any], name: str) -> float | None:
    if name not in members:
        return None
    value: Any = members[name]
    # (A bool is an int; what is no number, or has 400 digits, is not between these)
    if type(value) not in (int, float) or not 0 <= value <= _LATEST:
        raise Malformed("a date of the token is none")
    return float(value)


def is_for_calling(members: Mapping[str, Any]) -> bool:
    """Whether a token of somebody else may be one to call with, by what it calls itself."""
    kind = members.get("typ")
    return not isinstance(kind, str) or kind.lower() not in _OTHER_KINDS


def permissions_in(members: Mapping[str, Any], roles_claim: str) -> frozenset[str]:
    """What the bearer of a token of somebody else may, by what it says. Unknown words mean nothing.

    Args:
        members: What it says.
        roles_claim: Where the roles are.
    """
    found: set[str] = set()
    for role in _words(_at(members, roles_claim)):
        found |= _known(granted_to_roles, role)
    for word in _words(members.get("scope")):
        # Words such as "admin" are scopes of anything, and whoever asks may often choose them
        if ":" in word:
            found |= _known(granted, word)
    return frozenset(found)


def _known(meaning: Any, word: str) -> frozenset[str]:
    try:
        said: frozenset[str] = meaning([word])
    except UnknownPermission:
        return frozenset()
    return said


def _at(members: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, which may itself have dots in it (as addresses do), or the one at this path."""
    if path in members:
        return members[path]
    value: Any = members
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _words(value: Any) -> Iterable[str]:
    listed = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return (each for each in listed[:_MOST_WORDS] if isinstance(each, str))


_MOST_WORDS: Final = 200
