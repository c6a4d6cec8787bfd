"""Callers that are known by a signed token."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from jairouter.auth.jws import MOST_BYTES
from jairouter.auth.verifying import ACCESS, Bearer, Verifier, refused
from jairouter.caller import Caller, Kind
from jairouter.errors import Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator

if TYPE_CHECKING:
    from jairouter.auth.jwks import PublishedKeys
    from jairouter.auth.revocations import Revocations
    from jairouter.auth.signing import Elsewhere, Signing
    from jairouter.config.settings.tokens import JwtSettings

Publish = Callable[["Elsewhere", Callable[[], None]], "PublishedKeys"]
"""Makes what knows the keys of somebody else; told what to call when they change."""


def revoked() -> Unauthenticated:
    """The error for a token that was good."""
    return refused("the token was revoked", Reason.REVOKED_TOKEN)


class _Remembered:
    """A token that was found to be good."""

    __slots__ = ("bearer", "caller", "family", "id", "until")

    def __init__(self, bearer: Bearer, caller: Caller, until: float) -> None:
        self.bearer = bearer
        self.caller = caller
        self.id = bearer.id
        self.family = bearer.family
        self.until = until


@implementer(IAuthenticator)
class Recognition:
    """Knows callers by their tokens.

    What a token of ours may do, is asked of the account at each request. What others have issued says so
    itself.

    Args:
        signing: The keys.
        revocations: What is not accepted any more.
        today: Seconds since the epoch.
        permissions_of: What a user may; None for one who is not there, or disabled. Asked at each request.
        publish: See `Publish`; None where nobody else's keys are fetched.
    """

    def __init__(
        self,
        signing: Signing,
        revocations: Revocations,
        today: Callable[[], float],
        permissions_of: Callable[[str], frozenset[str] | None],
        publish: Publish | None = None,
    ) -> None:
        self._today = today
        self._permissions_of = permissions_of
        self._publish = publish
        self._published: PublishedKeys | None = None
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._callers: dict[str, Caller] = {}
        self._revocations = revocations
        self.configure(signing)

    @property
    def settings(self) -> JwtSettings:
        """What is in force."""
        return self._signing.settings

    def authenticate(self, credential: bytes) -> Caller | Deferred[Caller]:
        """See `IAuthenticator.authenticate`; fails with `KeysUnavailable` too."""
        if len(credential) > MOST_BYTES:
            raise refused("the token is not valid")
        digest = sha256(credential).digest()
        found = self._remembered.get(digest)
        if found is None or self._today() >= found.until:
            return self._find_out(credential, digest)
        state, bearer, caller = self._revocations, found.bearer, found.caller
        if (
            found.id in state.revoked
            or found.family in state.revoked
            or (state.cutoffs and state.is_revoked(bearer, self._signing.settings.leeway))
        ):
            raise revoked()
        if bearer.own:
            permissions = self._permissions_of(bearer.user)
            if permissions is not caller.permissions:
                caller = found.caller = self._caller(bearer)
        self._remembered.move_to_end(digest)
        return caller

    def _find_out(self, token: bytes, digest: bytes) -> Caller | Deferred[Caller]:
        verifier = self._verifier
        bearer = verifier.verify(token)
        if isinstance(bearer, Deferred):
            return bearer.addCallback(self._admit_later, token, digest, verifier)
        return self._admit(bearer, digest)

    def _admit_later(
        self, bearer: Bearer, token: bytes, digest: bytes, verifier: Verifier
    ) -> Caller | Deferred[Caller]:
        """Admit whoever had to wait for keys; by the settings that are in force now."""
        return self._admit(bearer, digest) if verifier is self._verifier else self._find_out(token, digest)

    def _admit(self, bearer: Bearer, digest: bytes) -> Caller:
        settings = self._signing.settings
        if bearer.kind != ACCESS:
            raise refused("the token is not valid: it is there to get new ones with", ours=True)
        if self._revocations.is_revoked(bearer, settings.leeway):
            raise revoked()
        caller = self._caller(bearer)
        until = bearer.expires + settings.leeway
        if bearer.published:
            until = min(until, self._today() + settings.jwks_cache_ttl)  # the key may be withdrawn
        self._remembered[digest] = _Remembered(bearer, caller, until)
        self._remembered.move_to_end(digest)
        if len(self._remembered) > settings.cache_size:
            self._remembered.popitem(last=False)
        return caller

    def _caller(self, bearer: Bearer) -> Caller:
        """The caller: one for all tokens of a user, as long as they may the same.

        Raises:
            Unauthenticated: There is no such user any more.
        """
        permissions = self._permissions_of(bearer.user) if bearer.own else bearer.permissions
        if permissions is None:
            raise refused("the token's user cannot log in any more", Reason.REVOKED_TOKEN)
        caller = self._callers.get(bearer.user)
        if (
            caller is None
            or caller.permissions != permissions
            or (bearer.own and caller.permissions is not permissions)
        ):
            if len(self._callers) >= self._signing.settings.cache_size:
                self._callers.clear()
            caller = self._callers[bearer.user] = Caller(bearer.user, Kind.TOKEN, permissions)
        return caller

    def forget(self) -> None:
        """Remember no token any more: each is looked at anew. What was revoked stays so."""
        self._remembered.clear()
        self._callers.clear()

    def configure(self, signing: Signing) -> None:
        """Go by other settings from now on."""
        elsewhere, published = signing.elsewhere, self._published
        if elsewhere is None or published is None or published.elsewhere.url != elsewhere.url:
            self.close()
            if elsewhere is not None and self._publish is not None:
                self._published = self._publish(elsewhere, self.forget)
        else:
            published.use(elsewhere)
        self._signing = signing
        self._verifier = Verifier(signing, self._published, self._today)
        self.forget()

    def close(self) -> None:
        """Fetch no keys any more."""
        published, self._published = self._published, None
        if published is not None:
            published.close()
