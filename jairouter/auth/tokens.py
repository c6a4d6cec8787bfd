"""The life of tokens that are issued here: login, renewal, revocation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger

from jairouter.auditing import ALLOWED, DENIED, FAILED, Event
from jairouter.auth import families, jws
from jairouter.auth.acting import By
from jairouter.auth.cutoffs import outlived
from jairouter.auth.families import New, Opened, Reused, Revoked, Terms
from jairouter.auth.login_list import Login, Stats, logins_in
from jairouter.auth.minting import Issued, mint
from jairouter.auth.permissions import ALL, NONE
from jairouter.auth.recognition import Publish, Recognition, revoked
from jairouter.auth.revocations import Revocations
from jairouter.auth.verifying import REFRESH, Bearer, refused
from jairouter.dates import DAY
from jairouter.refusals import InsufficientPermissions, NotPossible

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.auditing import IAudit
    from jairouter.auth.signing import Signing
    from jairouter.store.document import Document

MOST_REASON: Final = 200
"""Characters of a reason that are recorded."""

_NOT_REVOKED: Final = "tokens cannot be revoked: security.jwt.blacklist-enabled is false"


class Tokens(Recognition):
    """Knows callers by their tokens; issues tokens, and takes them back.

    Args:
        signing: The keys.
        document: Where logins and revoked tokens are kept.
        today: Seconds since the epoch.
        random: For the names of tokens.
        audit: Is told what happens to tokens.
        permissions_of: What a user may; None for one who is not there, or disabled. Asked at each request.
        roles_of: The roles of a user, for tokens that are renewed; without it they keep those of the login.
        publish: See `Publish`; None where nobody else's keys are fetched.
        standing_of: See `Accounts.standing`; empty where that is not known.
    """

    _log = Logger()

    def __init__(
        self,
        signing: Signing,
        document: Document,
        today: Callable[[], float],
        random: Random,
        audit: IAudit,
        permissions_of: Callable[[str], frozenset[str] | None],
        roles_of: Callable[[str], Sequence[str] | None] | None = None,
        publish: Publish | None = None,
        standing_of: Callable[[str], str | None] = lambda username: "",
    ) -> None:
        super().__init__(signing, Revocations(document), today, permissions_of, publish)
        self._document = document
        self._random = random
        self._audit = audit
        self._roles_of = roles_of
        self._standing_of = standing_of
        self._cleaned: float | None = None
        self._forgotten = 0

    @property
    def issues(self) -> bool:
        """Whether tokens are issued here; else somebody else does."""
        return self._signing.signer is not None

    def issue(self, username: str, roles: Iterable[str], by: By | str) -> Deferred[Issued]:
        """Issue tokens, after a login.

        Args:
            username: Who has logged in.
            roles: Theirs.
            by: From where: the address, or more.

        Returns:
            The tokens. Fails with `NotPossible` where somebody else issues them, and with `StoreUnavailable`.
        """
        by = By(username, by) if isinstance(by, str) else by
        new = New(
            username, self._name(), self._name(), by.address, _plain(roles), self._standing_of(username) or ""
        )
        terms = self._terms()
        giving = self._give(new, terms, lambda value: families.open_family(value, new, terms))
        return giving.addCallback(self._given, "JWT_TOKEN_ISSUED", new, by)

    def refresh(self, token: bytes, by: By | str = "") -> Deferred[Issued]:
        """Issue new tokens for a refresh token, which is dead then. Shown again, it ends the whole login.

        Args:
            token: The refresh token.
            by: From where: the address, or more.

        Returns:
            The tokens. Fails with `Unauthenticated`, and with `StoreUnavailable`.
        """
        return maybeDeferred(self._refresh, token, By("", by) if isinstance(by, str) else by)

    def _refresh(self, token: bytes, by: By) -> Deferred[Issued]:
        old = self._verifier.verify_own(token)
        if old.kind != REFRESH:
            raise refused("the token is not valid: it is none to get new ones with")
        self.check_standing(old)
        roles = self._roles_of(old.user) if self._roles_of is not None else None
        said = None if roles is None else _plain(roles)
        account, terms = self._standing_of(old.user) or "", self._terms()
        new = New(old.user, old.family, self._name(), by.address, said, account)
        giving = self._give(new, terms, lambda value: families.rotate(value, old.id, new, terms))
        return giving.addCallback(self._given, "JWT_TOKEN_REFRESHED", new, by)

    def _give(
        self, new: New, terms: Terms, edit: Callable[[dict[str, Any]], Opened | Reused | None]
    ) -> Deferred[Issued | Reused | None]:
        signer, rules, access = self._signing.signer, self._signing.rules, self._name()
        if signer is None:
            return fail(NotPossible("tokens are not issued here"))

        def both(value: dict[str, Any]) -> Issued | Reused | None:
            opened = edit(value)  # in a thread, where signing may take its time
            if not isinstance(opened, Opened):
                return opened
            return mint(signer, rules, new, opened, access, terms)

        return self._revocations.change(both, terms)

    def _given(self, given: Issued | Reused | None, kind: str, new: New, by: By) -> Issued:
        if isinstance(given, Issued):
            self._record(kind, new.user, by, {"jti": given.id, "login": new.family})
            return given
        if isinstance(given, Reused):
            self._record("JWT_TOKEN_REUSED", new.user, by, {"login": new.family}, DENIED)
        raise revoked()

    # -- revoked --------------------------------------------------------------

    def examine(self, token: bytes) -> Deferred[Bearer]:
        """Find out whose a token is, of either kind, revoked or not. Fails as `authenticate` does."""
        verify = cast("Callable[[bytes], Deferred[Bearer]]", self._verifier.verify)
        return maybeDeferred(verify, token)

    def check_standing(self, bearer: Bearer) -> None:
        """Go on only where a token is not revoked, and its user can still log in.

        Raises:
            Unauthenticated: It is, or they cannot.
        """
        if self._revocations.is_revoked(bearer, self._signing.settings.leeway):
            raise revoked()
        self._caller(bearer)

    def check_may_revoke(self, by: By, user: str, bearer: Bearer | None = None) -> None:
        """Let nobody stop a user who may more than they: see `jairouter.auth.acting`.

        Args:
            by: Who wants it.
            user: Whose tokens.
            bearer: What the token says, where it is about one; else about all of them.

        Raises:
            InsufficientPermissions: The user may more. Of a user who has no account here, that is not known
                where others issue tokens, too: then it takes all permissions.
        """
        if bearer is not None and not bearer.own:
            permissions = bearer.permissions
        else:
            foreign = self._signing.elsewhere is not None or bool(self._signing.foreign)
            nobody = ALL if foreign and bearer is None else NONE
            known = self._permissions_of(user)
            permissions = nobody if known is None else known
        try:
            by.check_may_take(permissions, f"the user {user}")
        except InsufficientPermissions:
            self._record("JWT_TOKEN_REVOKED", user, by, {}, DENIED)
            raise

    def revoke(self, bearers: Iterable[Bearer], by: By) -> Deferred[None]:
        """Accept some tokens no more; a refresh token together with all that came of its login.

        Args:
            bearers: What the tokens say: see `examine`.
            by: Who wants it.

        Returns:
            When that is kept. Fails with `StoreUnavailable`, where it holds for this process alone until it
            can be kept; and with `NotPossible`.
        """
        return self._revoke([(each, each.kind == REFRESH) for each in bearers], by)

    def logout(self, bearer: Bearer, by: By) -> Deferred[None]:
        """Accept no token any more of the login that a token comes from. Fails as `revoke` does."""
        return self._revoke([(bearer, True)], by)

    def _revoke(self, wanted: Sequence[tuple[Bearer, bool]], by: By) -> Deferred[None]:
        if not self._signing.settings.blacklist_enabled:
            return fail(NotPossible(_NOT_REVOKED))
        terms = self._terms()
        over = terms.now + terms.access  # by then the access tokens have expired that are alive
        ids, told = [], []
        for bearer, whole in wanted:
            name = bearer.family if whole else bearer.id
            ids.append(Revoked(name, bearer.user, max(bearer.expires, over if whole else 0.0)))
            told.append((bearer.user, {"login" if whole and bearer.own else "jti": name}))
        return self._told(self._revocations.revoke(ids, terms), told, by)

    def revoke_all(self, username: str, by: By) -> Deferred[None]:
        """Accept no token of a user any more that was issued up to now. Fails as `revoke` does."""
        cutoffs, most = self._revocations.cutoffs, self._terms().most
        if not self._signing.settings.blacklist_enabled:
            return fail(NotPossible(_NOT_REVOKED))
        if len(cutoffs) >= most and username not in cutoffs:
            return fail(NotPossible("the tokens of too many users are revoked already"))
        return self._cut_off(username, by)

    def distrust(self, username: str) -> None:
        """Accept no token of a user any more, whose account is not what it was.

        That cannot fail: where it cannot be kept, it holds for this process, and the log says so.
        """
        working = self._cut_off(username, By(reason="the account was changed, disabled or deleted"))
        working.addErrback(lambda failure: self._log.error("{why}", why=failure.getErrorMessage()))

    def review(self) -> None:
        """Distrust whose account was changed while nobody looked.

        That is: in the files, while the gateway was stopped; or by one that was killed before it could revoke
        tokens.
        """
        for username in outlived(self._document.value, self._standing_of):
            self.distrust(username)

    def _cut_off(self, username: str, by: By) -> Deferred[None]:
        working = self._revocations.revoke_all(username, self._terms(), self._name())
        return self._told(working, [(username, {"all": True})], by)

    def _told(
        self, working: Deferred[None], told: Sequence[tuple[str, dict[str, Any]]], by: By
    ) -> Deferred[None]:
        def tell(result: Failure | None) -> Failure | None:
            for user, details in told:
                self._record("JWT_TOKEN_REVOKED", user, by, details, FAILED if result else ALLOWED)
            return result

        return working.addBoth(tell)

    # -- looked at ------------------------------------------------------------

    def logins(self, user: str | None = None) -> list[Login]:
        """All logins that have not expired, or those of one user, the newest first."""
        return logins_in(self._document.value, self._today(), self._revocations.revoked, user)

    def stats(self) -> Stats:
        """How much is remembered."""
        state = self._revocations
        return Stats(
            len(self.logins()), len(state.revoked), len(state.cutoffs), self._cleaned, self._forgotten
        )

    def cleanup(self) -> Deferred[int]:
        """Forget what has expired; how much that was. It is done at each login, too."""
        terms = self._terms()

        def done(forgotten: int) -> int:
            self._cleaned, self._forgotten = terms.now, forgotten
            return forgotten

        return self._revocations.change(lambda value: families.prune(value, terms.now), terms).addCallback(
            done
        )

    # -- the same for all -----------------------------------------------------

    def _terms(self) -> Terms:
        settings = self._signing.settings
        access, refresh = settings.expiration_minutes * 60.0, settings.refresh_expiration_days * float(DAY)
        return Terms(self._today(), access, refresh, settings.blacklist_cache.max_size)

    def _name(self) -> str:
        return jws.encode(self._random.getrandbits(128).to_bytes(16, "big")).decode("ascii")

    def _record(self, kind: str, user: str, by: By, details: dict[str, Any], result: str = ALLOWED) -> None:
        reason = by.reason[:MOST_REASON]
        details = {"user": user, **details}
        resource = f"tokens of {user}"
        self._audit.record(
            Event(kind, by.who or user, by.address, resource, result, "", reason, by.request_id, details)
        )


def _plain(roles: Iterable[str]) -> tuple[str, ...]:
    return tuple(role.strip().upper().removeprefix("ROLE_") for role in roles)
