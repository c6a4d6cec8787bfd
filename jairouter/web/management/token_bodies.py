"""What the endpoints for tokens take and give, and how they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest, NotPossible, Refusal
from jairouter.web.management.endpoint import Parameter

if TYPE_CHECKING:
    from jairouter.auth.login_list import Login, Stats
    from jairouter.auth.minting import Issued


class JwtDisabled(NotPossible):
    """Tokens are not accepted."""

    code = "JWT_DISABLED"


class TokenRefreshFailed(Refusal):
    """The refresh token is not good, or not any more."""

    status = 401
    code = "TOKEN_REFRESH_FAILED"


class TokenRevokeFailed(InvalidRequest):
    """What was to be revoked is no token."""

    code = "TOKEN_REVOKE_FAILED"


class BatchTokenRevokeFailed(InvalidRequest):
    """Nothing of what was to be revoked is a token."""

    code = "BATCH_TOKEN_REVOKE_FAILED"


MOST_AT_ONCE: Final = 100
"""Tokens that one request may revoke."""

_TEXT: Final = {"type": "string"}
_DATE: Final = {"type": "string", "description": "When (ISO 8601)."}
_COUNT: Final = {"type": "integer", "minimum": 0}
TOKEN: Final = {"type": "string", "description": "The token, without a word before it."}
REASON: Final = {"type": "string", "maxLength": 500, "description": "Why, for the record."}
USERNAME: Final = {"type": "string", "maxLength": 1000}


def mapping(title: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """The schema of an object that has these members and no others."""
    return {
        "title": title,
        "type": "object",
        "required": [*required],
        "properties": properties,
        "additionalProperties": False,
    }


CREDENTIALS: Final = mapping(
    "Credentials",
    ("username", "password"),
    username=USERNAME,
    password={"type": "string", "maxLength": 1000, "format": "password"},
)
RENEWAL: Final = mapping(
    "Renewal",
    (),
    refreshToken={"type": "string", "description": "The refresh token."},
    token={"type": "string", "description": "Another name for `refreshToken`."},
)
ISSUED: Final = mapping(
    "Issued",
    ("token", "tokenType", "expiresIn", "refreshToken", "refreshExpiresIn", "message", "timestamp"),
    token={"type": "string", "description": "To call with: `Authorization: Bearer` and this."},
    tokenType={"const": "Bearer"},
    expiresIn={"type": "integer", "description": "Seconds for which it is valid."},
    refreshToken={"type": "string", "description": "To get new ones with, once."},
    refreshExpiresIn={"type": "integer", "description": "Seconds for which that is valid."},
    message=_TEXT,
    timestamp=_DATE,
)
REVOKED: Final = mapping(
    "Revoked",
    ("success", "revoked", "message", "timestamp"),
    success={"type": "boolean"},
    revoked={**_COUNT, "description": "Tokens that are accepted no more."},
    failed={**_COUNT, "description": "Texts that are no good tokens, or had expired."},
    message=_TEXT,
    timestamp=_DATE,
)
VALIDITY: Final = mapping(
    "Validity",
    ("valid", "message", "timestamp"),
    valid={"type": "boolean", "description": "Whether a request with it would be let in."},
    userId={"type": "string", "description": "Whose it is."},
    expiresAt=_DATE,
    message=_TEXT,
    timestamp=_DATE,
)
LOGIN: Final = mapping(
    "Login",
    ("id", "userId", "issuedAt", "lastUsedAt", "expiresAt", "address", "revoked"),
    id={"type": "string", "description": "The login that tokens name in `fam`."},
    userId=_TEXT,
    issuedAt=_DATE,
    lastUsedAt={"type": "string", "description": "When it was last renewed."},
    expiresAt={"type": "string", "description": "When it can be renewed no more."},
    address={"type": "string", "description": "From where it was renewed last."},
    revoked={"type": "boolean"},
)
LOGINS: Final = mapping(
    "Logins",
    ("tokens", "page", "size", "totalElements", "totalPages"),
    tokens={"type": "array", "items": LOGIN},
    page=_COUNT,
    size=_COUNT,
    totalElements=_COUNT,
    totalPages=_COUNT,
)
CLEANED: Final = mapping("Cleaned", ("removed", "timestamp"), removed=_COUNT, timestamp=_DATE)
CLEANING: Final = mapping(
    "Cleaning",
    ("lastCleanupTime", "removed", "remembered"),
    lastCleanupTime={"type": ["string", "null"]},
    removed={**_COUNT, "description": "How much was forgotten then."},
    remembered=_COUNT,
)
BLACKLIST: Final = mapping(
    "Blacklist",
    ("memoryBlacklistSize", "revokedUsers", "logins", "blacklistEnabled", "maxSize", "lastCleanupTime"),
    memoryBlacklistSize={**_COUNT, "description": "Tokens and logins that are accepted no more."},
    revokedUsers={**_COUNT, "description": "Users of whom all tokens were revoked."},
    logins={**_COUNT, "description": "Logins that have not expired."},
    blacklistEnabled={"type": "boolean"},
    maxSize=_COUNT,
    lastCleanupTime={"type": ["string", "null"]},
)
PAGING: Final = (
    Parameter("page", "Which page, from 0.", {"type": "integer", "minimum": 0, "maximum": 10**6}, default=0),
    Parameter("size", "Logins on a page.", {"type": "integer", "minimum": 1, "maximum": 200}, default=20),
    Parameter("userId", "Of one user alone.", USERNAME),
)


def issued_view(issued: Issued, message: str, now: float) -> dict[str, Any]:
    """Tokens as whoever has logged in gets them."""
    return {
        "token": issued.access,
        "tokenType": "Bearer",
        "expiresIn": issued.expires_in,
        "refreshToken": issued.refresh,
        "refreshExpiresIn": issued.refresh_expires_in,
        "message": message,
        "timestamp": date_of(now),
    }


def login_view(login: Login) -> dict[str, Any]:
    """A login as an operator sees it."""
    return {
        "id": login.id,
        "userId": login.user,
        "issuedAt": date_of(login.issued),
        "lastUsedAt": date_of(login.used),
        "expiresAt": date_of(login.expires),
        "address": login.address,
        "revoked": login.revoked,
    }


def blacklist_view(stats: Stats, enabled: bool, most: int) -> dict[str, Any]:
    """How much is remembered."""
    return {
        "memoryBlacklistSize": stats.revoked,
        "revokedUsers": stats.users,
        "logins": stats.logins,
        "blacklistEnabled": enabled,
        "maxSize": most,
        "lastCleanupTime": stats.cleaned and date_of(stats.cleaned),
    }


def cleaning_view(stats: Stats) -> dict[str, Any]:
    """What was forgotten when it was last asked for."""
    return {
        "lastCleanupTime": stats.cleaned and date_of(stats.cleaned),
        "removed": stats.forgotten,
        "remembered": stats.revoked + stats.users + stats.logins,
    }
