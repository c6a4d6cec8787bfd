"""What the endpoints for tokens do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from jairouter.auth.acting import By
from jairouter.auth.verifying import ACCESS
from jairouter.dates import date_of
from jairouter.errors import PermissionDenied, RateLimited, Reason, Unauthenticated
from jairouter.refusals import InvalidRequest, NotFound
from jairouter.web.management import token_bodies as bodies
from jairouter.web.management.changing import undisturbed
from jairouter.web.management.endpoint import Call, Reply

if TYPE_CHECKING:
    from jairouter.auth.tokens import Tokens
    from jairouter.auth.verifying import Bearer

WRITE: Final = "security:write"

_DISABLED: Final = "tokens are not accepted: security.jwt.enabled is false"


class User(Protocol):
    """Who has logged in."""

    @property
    def name(self) -> str:
        """As tokens name them."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Theirs."""


@dataclass(frozen=True)
class Guesses:
    """Keeps count of who shows what is no token, as of who guesses passwords.

    Attributes:
        wait: Seconds for which nobody at an address is told of one more; 0 if they are.
        failed: Somebody at an address has shown one.
    """

    wait: Callable[[str], float] = lambda address: 0.0
    failed: Callable[[str], object] = lambda address: None


LogIn = Callable[[str, str, str], "Awaitable[User]"]
"""Checks a user's name and password, for an address. Fails with `Unauthenticated` or `RateLimited`."""


class Answers:
    """The answers of the endpoints.

    Args:
        tokens: What knows tokens now; None while they are not accepted.
        log_in: See there.
        guesses: See there.
        today: Seconds since the epoch.
    """

    def __init__(
        self,
        tokens: Callable[[], Tokens | None],
        log_in: LogIn,
        guesses: Guesses,
        today: Callable[[], float],
    ) -> None:
        self._find = tokens
        self._log_in = log_in
        self._guesses = guesses
        self._today = today

    @property
    def _tokens(self) -> Tokens:
        tokens = self._find()
        if tokens is None:
            raise bodies.JwtDisabled(_DISABLED)
        return tokens

    async def login(self, call: Call) -> Reply:
        """Check a password, and issue tokens."""
        tokens = self._tokens
        if not tokens.issues:
            raise bodies.JwtDisabled("tokens are not issued here, but by who publishes the keys for them")
        user = await self._log_in(call.member("username"), call.member("password"), call.address)
        # (To its end: a login that nobody waits for any more would be one that nobody can end)
        by = By(user.name, call.address, call.request_id)
        issued = await undisturbed(tokens.issue(user.name, user.roles, by))
        return Reply(bodies.issued_view(issued, "Logged in", self._today()), "Logged in")

    async def refresh(self, call: Call) -> Reply:
        """Issue tokens for a refresh token."""
        shown = call.member("refreshToken") or call.member("token")
        tokens = self._tokens
        if not shown:
            raise InvalidRequest("refreshToken is required")
        by = By("", call.address, call.request_id)
        try:
            issued = await undisturbed(tokens.refresh(_data(shown), by))
        except Unauthenticated as error:
            self._count(call, error)
            raise bodies.TokenRefreshFailed(error.message) from None
        return Reply(bodies.issued_view(issued, "Renewed", self._today()), "Renewed")

    async def revoke(self, call: Call) -> Reply:
        """Revoke one token."""
        try:
            bearer = await self._tokens.examine(_data(call.member("token")))
        except Unauthenticated as error:
            if error.reason is Reason.EXPIRED_TOKEN:
                return self._revoked(0, "The token has expired already")
            raise bodies.TokenRevokeFailed(error.message) from None
        user = call.member("userId")
        self._check_may_revoke(call, bearer.user, bearer)
        if user not in (None, bearer.user):
            raise bodies.TokenRevokeFailed("the token is not one of that user")
        await undisturbed(self._tokens.revoke([bearer], self._by(call)))
        return self._revoked(1, "The token is revoked")

    async def revoke_batch(self, call: Call) -> Reply:
        """Revoke many tokens."""
        tokens, found, failed = self._tokens, [], 0
        for each in call.member("tokens"):
            try:
                found.append(await tokens.examine(_data(each)))
            except Unauthenticated:
                failed += 1
        if not found:
            raise bodies.BatchTokenRevokeFailed("none of these is a good token")
        for bearer in found:
            self._check_may_revoke(call, bearer.user, bearer)
        await undisturbed(tokens.revoke(found, self._by(call)))
        return self._revoked(len(found), "The tokens are revoked", failed)

    async def revoke_all(self, call: Call) -> Reply:
        """Revoke all tokens of a user."""
        user = call.member("username") or call.by().user
        if user is None:
            raise InvalidRequest("username is required where the caller is no user")
        self._check_may_revoke(call, user)
        await undisturbed(self._tokens.revoke_all(user, self._by(call)))
        return Reply(None, "All tokens of the user are revoked that were issued up to now")

    async def logout(self, call: Call) -> Reply:
        """Revoke what comes of the login that the caller's own token comes from."""
        tokens = self._tokens
        for shown in self._shown(call, tokens):
            try:
                bearer = await tokens.examine(shown)
            except Unauthenticated:
                continue
            if call.by().user == bearer.user:
                await undisturbed(tokens.logout(bearer, self._by(call)))
                return Reply(None, "Logged out")
        raise InvalidRequest("there is no token to log out with: show the one that was given at the login")

    async def validate(self, call: Call) -> Reply:
        """Say whether a token would be let in."""
        tokens = self._tokens
        try:
            bearer = await tokens.examine(_data(call.member("token")))
            tokens.check_standing(bearer)
        except Unauthenticated as error:
            self._count(call, error)
            return self._validity(error.message)
        if bearer.kind != ACCESS:
            return self._validity("the token is one to get new ones with")
        return self._validity("the token is valid", bearer)

    def list(self, call: Call) -> Reply:
        """Logins, page by page."""
        page, size = call.query["page"], call.query["size"]
        found = self._tokens.logins(call.query["userId"])
        shown = found[page * size : (page + 1) * size]
        data = {
            "tokens": [bodies.login_view(each) for each in shown],
            "page": page,
            "size": size,
            "totalElements": len(found),
            "totalPages": -(-len(found) // size),
        }
        return Reply(data)

    def get(self, call: Call) -> Reply:
        """One login."""
        for each in self._tokens.logins():
            if each.id == call.path["tokenId"]:
                return Reply(bodies.login_view(each))
        raise NotFound("there is no such login, or not any more")

    async def cleanup(self, call: Call) -> Reply:
        """Forget what has expired."""
        removed = await undisturbed(self._tokens.cleanup())
        return Reply({"removed": removed, "timestamp": date_of(self._today())}, "Cleaned up")

    def cleanup_stats(self, call: Call) -> Reply:
        """What was forgotten last."""
        return Reply(bodies.cleaning_view(self._tokens.stats()))

    def blacklist_stats(self, call: Call) -> Reply:
        """How much is remembered."""
        tokens = self._tokens
        settings = tokens.settings
        most = settings.blacklist_cache.max_size
        return Reply(bodies.blacklist_view(tokens.stats(), settings.blacklist_enabled, most))

    def _revoked(self, count: int, message: str, failed: int | None = None) -> Reply:
        data: dict[str, Any] = {"success": True, "revoked": count, "message": message}
        if failed is not None:
            data["failed"] = failed
        return Reply({**data, "timestamp": date_of(self._today())}, message)

    def _validity(self, message: str, bearer: Bearer | None = None) -> Reply:
        data = {"valid": bearer is not None, "message": message, "timestamp": date_of(self._today())}
        if bearer is not None:
            data |= {"userId": bearer.user, "expiresAt": date_of(bearer.expires)}
        return Reply(data)

    def _count(self, call: Call, error: Unauthenticated) -> None:
        """Count what is no token.

        Whoever has a good one is let in however many others there were: nobody guesses one, and else anybody
        behind the same address could keep all others there from renewing theirs.
        """
        if error.reason is not Reason.UNKNOWN_TOKEN:  # the others were good once
            return
        wait = self._guesses.wait(call.address)
        if wait > 0:
            raise RateLimited("too many tokens were shown that are none", retry_after=wait)
        self._guesses.failed(call.address)

    @staticmethod
    def _by(call: Call) -> By:
        return call.by(call.member("reason") or "")

    def _check_may_revoke(self, call: Call, user: str, bearer: Bearer | None = None) -> None:
        """Whether the tokens are the caller's own, or those of somebody who may no more."""
        by = self._by(call)
        if by.user == user:
            return
        if not by.may(frozenset((WRITE,))):
            raise PermissionDenied(f"to revoke the tokens of others takes {WRITE}")
        self._tokens.check_may_revoke(by, user, bearer)

    @staticmethod
    def _shown(call: Call, tokens: Tokens) -> Iterator[bytes]:
        names = (tokens.settings.jwt_header.lower().encode("ascii"), b"authorization", b"jairouter_token")
        for name in dict.fromkeys(names):
            value = call.fields.get(name, b"").strip()
            word, space, rest = value.partition(b" ")
            if value:
                yield rest.strip() if space and word.lower() == b"bearer" else value


def _data(text: str) -> bytes:
    return text.encode("utf-8", "replace")
