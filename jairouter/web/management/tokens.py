"""Signed tokens: ``/api/auth/jwt``. Only the answers to a login and to its renewal hold any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.management import token_bodies as bodies
from jairouter.web.management.endpoint import KNOWN, PUBLIC, Endpoint
from jairouter.web.management.token_answers import WRITE, Answers, Guesses, LogIn

if TYPE_CHECKING:
    from jairouter.auth.tokens import Tokens

TAG: Final = "Tokens"
READ: Final = "security:read"

_PATH: Final = "/api/auth/jwt"
_OFF: Final = ("JWT_DISABLED",)
_LOGIN: Final = (*_OFF, "LOGIN_FAILED", "TOO_MANY_REQUESTS", "GATEWAY_BUSY", "STORE_UNAVAILABLE")
_REFRESH: Final = (*_OFF, "TOKEN_REFRESH_FAILED", "TOO_MANY_REQUESTS", "STORE_UNAVAILABLE")
_REVOKE: Final = (*_OFF, "NOT_POSSIBLE", "STORE_UNAVAILABLE")
_KEPT: Final = (
    "A token that was revoked is refused from that moment on. Where that cannot be kept (503), it is refused "
    "all the same, by this process."
)


def endpoints(
    tokens: Callable[[], Tokens | None],
    log_in: LogIn,
    today: Callable[[], float],
    guesses: Guesses | None = None,
) -> tuple[Endpoint, ...]:
    """Everything about tokens.

    Args:
        tokens: What knows tokens now; None while they are not accepted: then all of these answer with 409.
        log_in: Checks a user's name and password.
        today: Seconds since the epoch.
        guesses: Keeps count of who shows what is no token.
    """
    answers = Answers(tokens, log_in, guesses or Guesses(), today)
    return (*_giving(answers), *_taking(answers), *_looking(answers))


def _post(path: str, name: str, summary: str, answer: Any, description: str = "", **other: Any) -> Endpoint:
    return Endpoint("POST", _PATH + path, name, TAG, summary, answer, description, **other)


def _get(path: str, name: str, summary: str, answer: Any, **other: Any) -> Endpoint:
    return Endpoint("GET", _PATH + path, name, TAG, summary, answer, permission=READ, **other)


def _giving(answers: Answers) -> tuple[Endpoint, ...]:
    return (
        _post(
            "/login",
            "login",
            "Log in with a user's name and password",
            answers.login,
            body=bodies.CREDENTIALS,
            data=bodies.ISSUED,
            refusals=_LOGIN,
            permission=PUBLIC,
        ),
        _post(
            "/refresh",
            "refreshToken",
            "Get new tokens for a refresh token, which is good for nothing from then on",
            answers.refresh,
            "A refresh token that is shown a second time was stolen: all that comes of its login is revoked.",
            body=bodies.RENEWAL,
            data=bodies.ISSUED,
            refusals=_REFRESH,
            permission=PUBLIC,
        ),
        _post(
            "/validate",
            "validateToken",
            "Find out whether a token would be let in",
            answers.validate,
            body=bodies.mapping("Shown", ("token",), token=bodies.TOKEN),
            data=bodies.VALIDITY,
            refusals=(*_OFF, "TOO_MANY_REQUESTS"),
            permission=PUBLIC,
        ),
    )


def _taking(answers: Answers) -> tuple[Endpoint, ...]:
    one = bodies.mapping(
        "Revocation", ("token",), token=bodies.TOKEN, userId=bodies.USERNAME, reason=bodies.REASON
    )
    tokens = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": bodies.MOST_AT_ONCE}
    return (
        _post(
            "/revoke",
            "revokeToken",
            "Revoke a token; a refresh token with all that comes of its login",
            answers.revoke,
            f"One's own, or with `{WRITE}` that of a user who may no more than the caller. {_KEPT}",
            body=one,
            data=bodies.REVOKED,
            refusals=(*_REVOKE, "TOKEN_REVOKE_FAILED", "INSUFFICIENT_PERMISSIONS"),
            permission=KNOWN,
        ),
        _post(
            "/revoke/batch",
            "revokeTokens",
            "Revoke many tokens",
            answers.revoke_batch,
            _KEPT,
            body=bodies.mapping("Revocations", ("tokens",), tokens=tokens, reason=bodies.REASON),
            data=bodies.REVOKED,
            refusals=(*_REVOKE, "BATCH_TOKEN_REVOKE_FAILED", "INSUFFICIENT_PERMISSIONS"),
            permission=WRITE,
        ),
        _post(
            "/revoke-all",
            "revokeAllTokens",
            "Revoke all tokens of a user that were issued up to now",
            answers.revoke_all,
            f"Of oneself, or with `{WRITE}` of a user who may no more than the caller. {_KEPT}",
            body=bodies.mapping("User", (), username=bodies.USERNAME, reason=bodies.REASON),
            body_required=False,
            refusals=(*_REVOKE, "INSUFFICIENT_PERMISSIONS"),
            permission=KNOWN,
        ),
        _post(
            "/logout",
            "logout",
            "Revoke the token that is shown in the header, with all that comes of its login",
            answers.logout,
            _KEPT,
            refusals=_REVOKE,
            permission=KNOWN,
        ),
        _post(
            "/cleanup",
            "cleanUpTokens",
            "Forget what has expired, which is done at each login too",
            answers.cleanup,
            data=bodies.CLEANED,
            refusals=(*_OFF, "STORE_UNAVAILABLE"),
            permission=WRITE,
        ),
    )


def _looking(answers: Answers) -> tuple[Endpoint, ...]:
    return (
        _get(
            "/tokens",
            "listTokens",
            "Logins that have not expired, the newest first; no tokens",
            answers.list,
            parameters=bodies.PAGING,
            data=bodies.LOGINS,
            refusals=_OFF,
        ),
        _get(
            "/tokens/{tokenId}",
            "getToken",
            "One login",
            answers.get,
            data=bodies.LOGIN,
            refusals=(*_OFF, "NOT_FOUND"),
        ),
        _get(
            "/cleanup/stats",
            "getTokenCleanup",
            "What was forgotten when it was last asked for",
            answers.cleanup_stats,
            data=bodies.CLEANING,
            refusals=_OFF,
        ),
        _get(
            "/blacklist/stats",
            "getTokenBlacklist",
            "How much is remembered",
            answers.blacklist_stats,
            data=bodies.BLACKLIST,
            refusals=_OFF,
        ),
    )
