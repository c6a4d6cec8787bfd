"""What is known about callers, as twisted.cred says it, so that other protocols of Twisted can ask for it.

| credentials | checked by | avatar |
|---|---|---|
| `IApiKey` | `KnownByKey`: keys | the `Caller` of the key |
| `IBearerToken` | `KnownByToken`: tokens | the `Caller` of the token's user |
| `IUsernamePassword` | `KnownByPassword`: accounts | a `Caller` with what the user may |

The gate and the login of the gateway ask the same authenticators and accounts, without a portal between: for
each request a portal would cost more than the authentication itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, classImplements, implementer

from jairouter.caller import Caller, Kind
from jairouter.errors import RateLimited, Unauthenticated

if TYPE_CHECKING:
    from jairouter.auth.account_records import Account
    from jairouter.auth.accounts import Accounts
    from jairouter.interfaces import IAuthenticator


class IApiKey(ICredentials):
    """Somebody shows a key."""

    key: bytes = Attribute("As it came, without the word before it.")


class IBearerToken(ICredentials):
    """Somebody shows a token."""

    token: bytes = Attribute("As it came, without the word before it.")


class ICaller(Interface):
    """What a portal is asked for: `jairouter.caller.Caller`."""

    name: str = Attribute("Of the key or the user.")
    permissions: frozenset[str] = Attribute("All that it may.")


classImplements(Caller, ICaller)


@implementer(IApiKey)
class ApiKey:
    """See `IApiKey`."""

    def __init__(self, key: bytes) -> None:
        self.key = key


@implementer(IBearerToken)
class BearerToken:
    """See `IBearerToken`."""

    def __init__(self, token: bytes) -> None:
        self.token = token


class AvatarId(bytes):
    """The name of somebody who is known, and the caller that they are."""

    caller: Caller

    @classmethod
    def of(cls, caller: Caller) -> AvatarId:
        """The one of a caller."""
        avatar = cls(caller.name.encode("utf-8", "replace"))
        avatar.caller = caller
        return avatar


@implementer(ICredentialsChecker)
class KnownByKey:
    """Knows who shows a key.

    Args:
        keys: Knows keys.
    """

    credentialInterfaces = (IApiKey,)

    def __init__(self, keys: IAuthenticator) -> None:
        self._keys = keys

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """See `ICredentialsChecker.requestAvatarId`."""
        return _avatar(_asked(self._keys, credentials.key))


@implementer(ICredentialsChecker)
class KnownByToken:
    """Knows who shows a token.

    Args:
        tokens: Knows tokens.
    """

    credentialInterfaces = (IBearerToken,)

    def __init__(self, tokens: IAuthenticator) -> None:
        self._tokens = tokens

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """See `ICredentialsChecker.requestAvatarId`."""
        return _avatar(_asked(self._tokens, credentials.token))


@implementer(ICredentialsChecker)
class KnownByPassword:
    """Knows who says a name and a password.

    Credentials may have an `address`, of the client, by which guesses are counted.

    Args:
        accounts: Knows users.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """See `ICredentialsChecker.requestAvatarId`."""
        name = credentials.username.decode("utf-8", "replace")
        password = credentials.password.decode("utf-8", "surrogateescape")  # what is no UTF-8 is no password
        checking = self._accounts.check(name, password, getattr(credentials, "address", ""))
        return _avatar(checking.addCallback(caller_of))


@implementer(IRealm)
class Realm:
    """Where somebody who is known is a `Caller`.

    Args:
        active: The user of a name, for names that another checker has found.
    """

    def __init__(self, active: Callable[[str], Account | None]) -> None:
        self._active = active

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: Any
    ) -> tuple[Any, Caller, Callable[[], None]]:
        """See `IRealm.requestAvatar`.

        Raises:
            NotImplementedError: `ICaller` is not what is asked for.
            UnauthorizedLogin: No such user.
        """
        if ICaller not in interfaces:
            raise NotImplementedError("there are callers here, and nothing else")
        if isinstance(avatarId, AvatarId):
            return ICaller, avatarId.caller, _leave
        account = self._active(avatarId.decode("utf-8", "replace")) if avatarId else None
        if account is None:
            raise UnauthorizedLogin("no such user")
        return ICaller, caller_of(account), _leave


def portal(keys: IAuthenticator | None, tokens: IAuthenticator | None, accounts: Accounts) -> Portal:
    """A portal to the callers of the gateway: `login(credentials, None, ICaller)`.

    Args:
        keys: Knows keys; None where none are accepted.
        tokens: Knows tokens; likewise.
        accounts: Knows users.
    """
    checkers: list[Any] = [KnownByPassword(accounts)]
    if keys is not None:
        checkers.append(KnownByKey(keys))
    if tokens is not None:
        checkers.append(KnownByToken(tokens))
    return Portal(Realm(accounts.active), checkers)


def caller_of(account: Account) -> Caller:
    """What the user of an account is as a caller."""
    return Caller(account.name, Kind.TOKEN, account.permissions)


def _asked(authenticator: IAuthenticator, credential: bytes) -> Deferred[Caller]:
    asking: Deferred[Caller] = maybeDeferred(authenticator.authenticate, credential)  # type: ignore[call-overload]
    return asking  # (either the one or the other, which maybeDeferred has no signature for)


def _avatar(finding: Deferred[Caller]) -> Deferred[bytes | tuple[()]]:
    return finding.addCallbacks(AvatarId.of, _refused)


def _refused(failure: Failure) -> Failure:
    """How twisted.cred says it."""
    error = failure.value
    if isinstance(error, Unauthenticated):
        raise UnauthorizedLogin(error.message) from None
    if isinstance(error, RateLimited):
        raise LoginDenied(error.message) from None
    return failure


def _leave() -> None:
    """A caller leaves nothing behind."""
