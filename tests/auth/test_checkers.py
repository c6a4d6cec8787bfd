"""Tests for `jairouter.auth.checkers`."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.auth.checkers import (
    ApiKey,
    BearerToken,
    IApiKey,
    IBearerToken,
    ICaller,
    KnownByKey,
    KnownByPassword,
    KnownByToken,
    Realm,
    portal,
)
from jairouter.auth.permissions import ALL
from jairouter.caller import Caller, Kind
from jairouter.errors import Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator
from tests.auth.users import PASSWORD, AccountsCase


@implementer(IAuthenticator)
class Ring:
    """Knows one credential."""

    def __init__(self, credential: bytes, caller: Caller, *, late: bool = False) -> None:
        self._credential = credential
        self._caller = caller
        self._late = late

    def authenticate(self, credential: bytes) -> Caller | Deferred[Caller]:
        if credential != self._credential:
            raise Unauthenticated("no such key", Reason.UNKNOWN_KEY)
        return succeed(self._caller) if self._late else self._caller


class PortalTests(AccountsCase):
    """Whoever is known is a caller."""

    def setUp(self) -> None:
        super().setUp()
        self.key = Caller("frontend", Kind.KEY, frozenset({"chat:read"}))
        self.user = Caller("alice", Kind.TOKEN, frozenset({"chat:read"}))
        self.keys = Ring(b"sk-1", self.key)
        self.tokens = Ring(b"ey.J.x", self.user, late=True)
        self.portal = portal(self.keys, self.tokens, self.accounts)

    def enter(self, credentials: Any) -> Any:
        interface, avatar, leave = self.successResultOf(self.portal.login(credentials, None, ICaller))
        self.assertIs(interface, ICaller)
        verifyObject(ICaller, avatar)
        leave()
        return avatar

    def test_interfaces(self) -> None:
        for checker in (KnownByKey(self.keys), KnownByToken(self.tokens), KnownByPassword(self.accounts)):
            verifyObject(ICredentialsChecker, checker)
        verifyObject(IRealm, Realm(self.accounts.active))
        verifyObject(IApiKey, ApiKey(b""))
        verifyObject(IBearerToken, BearerToken(b""))

    def test_key_and_token(self) -> None:
        self.assertIs(self.enter(ApiKey(b"sk-1")), self.key)
        self.assertIs(self.enter(BearerToken(b"ey.J.x")), self.user)

    def test_password(self) -> None:
        caller = self.enter(UsernamePassword(b"admin", PASSWORD.encode()))
        self.assertEqual((caller.name, caller.kind, caller.permissions), ("admin", Kind.TOKEN, ALL))

    def test_refused(self) -> None:
        for credentials in (ApiKey(b"x"), BearerToken(b"sk-1"), UsernamePassword(b"admin", b"\xff")):
            self.failureResultOf(self.portal.login(credentials, None, ICaller), UnauthorizedLogin)

    def test_guessed_too_often(self) -> None:
        for _ in range(5):
            self.login("admin", "wrong", "")
        credentials = UsernamePassword(b"admin", PASSWORD.encode())
        self.failureResultOf(self.portal.login(credentials, None, ICaller), LoginDenied)

    def test_where_no_keys_are_accepted(self) -> None:
        without = portal(None, None, self.accounts)
        for credentials in (ApiKey(b"sk-1"), BearerToken(b"ey.J.x")):
            self.failureResultOf(without.login(credentials, None, ICaller))

    def test_names_of_other_checkers(self) -> None:
        realm = Realm(self.accounts.active)
        self.assertEqual(realm.requestAvatar(b"admin", None, ICaller)[1].permissions, ALL)
        for avatar in (b"nobody", ()):
            with self.assertRaises(UnauthorizedLogin):
                realm.requestAvatar(avatar, None, ICaller)

    def test_other_avatars(self) -> None:
        with self.assertRaises(NotImplementedError):
            Realm(self.accounts.active).requestAvatar(b"admin", None, IRealm)
