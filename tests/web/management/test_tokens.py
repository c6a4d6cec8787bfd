"""Tests for `jairouter.web.management.tokens`."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed

from jairouter.auth.permissions import ALL, granted_to_roles
from jairouter.auth.tokens import Tokens
from jairouter.caller import Caller, Kind
from jairouter.errors import PermissionDenied, RateLimited, Reason, Unauthenticated
from jairouter.refusals import Refusal
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import KNOWN, PUBLIC, Call, Endpoint, Reply
from jairouter.web.management.envelope import refusal_of
from jairouter.web.management.token_answers import Guesses
from jairouter.web.management.tokens import endpoints
from tests.auth.token_attacks import hs
from tests.auth.tokens_rig import BY, TODAY, LifeCase, ec_key, public_pem, rsa_key

WRITE = frozenset(("security:write", *granted_to_roles(["USER"])))


class User(NamedTuple):
    """Who has logged in."""

    name: str
    roles: tuple[str, ...]


class EndpointCase(LifeCase):
    """Asks endpoints, as whoever it is."""

    def setUp(self) -> None:
        super().setUp()
        self.offered: Tokens | None = self.tokens
        self.failed: list[str] = []
        self.wait = 0.0
        guesses = Guesses(lambda address: self.wait, self.failed.append)
        self.endpoints: dict[str, Endpoint] = {
            each.name: each
            for each in endpoints(lambda: self.offered, self.log_in, lambda: self.now, guesses)
        }

    def log_in(self, username: str, password: str, address: str) -> Deferred[Any]:
        self.assertEqual(address, "192.0.2.1")
        if password != "right":
            return fail(Unauthenticated("no such user, or not this password", Reason.LOGIN))
        return succeed(User(username, ("USER",)))

    def call(
        self,
        name: str,
        body: Any = None,
        *,
        who: str | None = None,
        kind: Kind = Kind.TOKEN,
        may: frozenset[str] = frozenset(),
        header: str = "",
        header_name: bytes = b"authorization",
        path: dict[str, str] | None = None,
        **query: Any,
    ) -> Deferred[Reply]:
        endpoint = self.endpoints[name]
        if body is not None:
            assert endpoint.body is not None
            self.assertEqual([], list(map(str, check(body, endpoint.body))))
        caller = None if who is None else Caller(who, kind, may)
        given = {each.name: each.default for each in endpoint.in_query} | query
        fields = {header_name: header.encode()} if header else {}
        said = Call(path or {}, given, body, None, who or "", caller, "192.0.2.1", "r1", fields)

        async def answering() -> Reply:
            reply = endpoint.answer(said)
            return reply if isinstance(reply, Reply) else await reply

        return ensureDeferred(answering())

    def ask(self, name: str, body: Any = None, **options: Any) -> Any:
        reply: Reply = self.successResultOf(self.call(name, body, **options))
        self.assertEqual([], list(map(str, check(reply.data, self.endpoints[name].data))))
        self.assertEqual(self.endpoints[name].status, reply.status)
        return reply.data

    def refusal(self, name: str, body: Any = None, **options: Any) -> Refusal:
        refusal = self.failureResultOf(self.call(name, body, **options), Refusal, PermissionDenied).value
        if isinstance(refusal, PermissionDenied):
            refusal = refusal_of(refusal)
        assert isinstance(refusal, Refusal)
        self.assertIn(refusal.code, ("INVALID_REQUEST", *self.endpoints[name].refusals))
        return refusal

    def told(self, name: str, body: Any = None, **options: Any) -> tuple[int, str]:
        refusal = self.refusal(name, body, **options)
        return refusal.status, refusal.code


class PermissionTests(EndpointCase):
    """Who may ask what."""

    def test_all(self) -> None:
        known = {each.name: each.permission for each in self.endpoints.values()}
        read, write = "security:read", "security:write"
        self.assertEqual(
            known,
            {
                "login": PUBLIC,
                "refreshToken": PUBLIC,
                "validateToken": PUBLIC,
                "revokeToken": KNOWN,
                "revokeTokens": write,
                "revokeAllTokens": KNOWN,
                "logout": KNOWN,
                "cleanUpTokens": write,
                "listTokens": read,
                "getToken": read,
                "getTokenCleanup": read,
                "getTokenBlacklist": read,
            },
        )

    def test_switched_off(self) -> None:
        """All of them say so."""
        self.offered = None
        bodies: dict[str, Any] = {
            "login": {"username": "a", "password": "b"},
            "refreshToken": {"token": "a"},
            "validateToken": {"token": "a"},
            "revokeToken": {"token": "a"},
            "revokeTokens": {"tokens": ["a"]},
            "revokeAllTokens": {"username": "a"},
        }
        for name in self.endpoints:
            told = self.told(name, bodies.get(name), path={"tokenId": "x"})
            self.assertEqual(told, (409, "JWT_DISABLED"), name)


class LoginTests(EndpointCase):
    """Tokens for a password."""

    def test_login(self) -> None:
        data = self.ask("login", {"username": "alice", "password": "right"})
        self.assertEqual(self.caller(data.pop("token")).name, "alice")
        self.renewed(data.pop("refreshToken"))
        self.assertEqual(
            data,
            {
                "tokenType": "Bearer",
                "expiresIn": 3600,
                "refreshExpiresIn": 604800,
                "message": "Logged in",
                "timestamp": "2026-01-01T00:00:00.000Z",
            },
        )
        event = self.audit.events[0]
        self.assertEqual((event.user, event.ip, event.request_id), ("alice", "192.0.2.1", "r1"))

    def test_wrong(self) -> None:
        failing = self.call("login", {"username": "alice", "password": "wrong"})
        error = self.failureResultOf(failing, Unauthenticated).value
        self.assertEqual(error.reason, Reason.LOGIN)
        self.assertEqual(self.audit.events, [])

    def test_somebody_else_issues_tokens(self) -> None:
        self.offered = self.make(algorithm="ES256", public_key=public_pem(ec_key()))
        told = self.told("login", {"username": "alice", "password": "right"})
        self.assertEqual(told, (409, "JWT_DISABLED"))

    def test_not_kept(self) -> None:
        self.disk.full = True
        told = self.told("login", {"username": "alice", "password": "right"})
        self.assertEqual(told, (503, "STORE_UNAVAILABLE"))

    def test_client_that_leaves(self) -> None:
        """The login is kept, and can be ended."""
        self.disk.slow = True
        answering = self.call("login", {"username": "alice", "password": "right"})
        answering.addErrback(lambda failure: None)
        answering.cancel()
        self.disk.turn()
        self.assertEqual(len(self.tokens.logins("alice")), 1)


class RefreshTests(EndpointCase):
    """Tokens for a refresh token."""

    def test_refresh(self) -> None:
        for member in ("refreshToken", "token"):
            data = self.ask("refreshToken", {member: self.login().refresh})
            self.assertEqual(self.caller(data["token"]).name, "alice")

    def test_not_good(self) -> None:
        issued = self.login()
        self.renewed(issued.refresh)
        for token in (issued.refresh, issued.access, "x", "\ud800", "a" * 10_000):
            told = self.told("refreshToken", {"refreshToken": token})
            self.assertEqual(told, (401, "TOKEN_REFRESH_FAILED"))

    def test_nothing(self) -> None:
        self.assertEqual(self.told("refreshToken", {}), (400, "INVALID_REQUEST"))

    def test_guessing(self) -> None:
        """What is no token counts; what was one does not."""
        issued = self.login()
        self.renewed(issued.refresh)
        self.refusal("refreshToken", {"token": "x"})
        self.refusal("refreshToken", {"token": issued.refresh})
        self.assertEqual(self.failed, ["192.0.2.1"])
        self.wait = 7.0
        failing = self.call("refreshToken", {"token": "x"})
        self.assertEqual(self.failureResultOf(failing, RateLimited).value.retry_after, 7.0)

    def test_a_good_one_in_spite_of_many_bad_ones(self) -> None:
        """Or anybody behind the same proxy could end the sessions of all others."""
        issued = self.login()
        self.wait = 7.0
        self.assertTrue(self.ask("validateToken", {"token": issued.access})["valid"])
        self.ask("refreshToken", {"token": issued.refresh})
        self.assertEqual(self.failed, [])


class RevokeTests(EndpointCase):
    """One's own tokens, or those of others."""

    def test_own(self) -> None:
        issued = self.login()
        body = {"token": issued.access, "userId": "alice", "reason": "lost"}
        data = self.ask("revokeToken", body, who="alice")
        self.assertEqual((data["success"], data["revoked"]), (True, 1))
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.assertEqual(self.audit.events[-1].reason, "lost")

    def test_of_others(self) -> None:
        token = self.login().access
        self.assertEqual(
            self.told("revokeToken", {"token": token}, who="root"), (403, "INSUFFICIENT_PERMISSIONS")
        )
        self.caller(token)
        self.ask("revokeToken", {"token": token}, who="root", may=WRITE)
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_key_with_the_name_of_a_user(self) -> None:
        """It is somebody else."""
        token = self.login().access
        for name, body in (("revokeToken", {"token": token}), ("revokeAllTokens", {"username": "alice"})):
            told = self.told(name, body, who="alice", kind=Kind.KEY)
            self.assertEqual(told, (403, "INSUFFICIENT_PERMISSIONS"))

    def test_of_another_user_than_is_said(self) -> None:
        body = {"token": self.login().access, "userId": "root"}
        self.assertEqual(self.told("revokeToken", body, who="alice"), (400, "TOKEN_REVOKE_FAILED"))

    def test_no_token(self) -> None:
        told = self.told("revokeToken", {"token": "x"}, who="alice")
        self.assertEqual(told, (400, "TOKEN_REVOKE_FAILED"))

    def test_expired(self) -> None:
        """There is nothing left to do."""
        token = self.login().access
        self.now += 86400
        self.assertEqual(self.ask("revokeToken", {"token": token}, who="alice")["revoked"], 0)

    def test_not_kept(self) -> None:
        token = self.login().access
        self.disk.full = True
        told = self.told("revokeToken", {"token": token}, who="alice")
        self.assertEqual(told, (503, "STORE_UNAVAILABLE"))
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_many(self) -> None:
        tokens = [self.login().access, "x", self.login("root").access]
        data = self.ask("revokeTokens", {"tokens": tokens}, who="other", may=ALL)
        self.assertEqual((data["revoked"], data["failed"]), (2, 1))
        for token in (tokens[0], tokens[2]):
            self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_of_somebody_who_may_more(self) -> None:
        """Whoever could stop administrators could keep them from stopping whoever that is."""
        token, lesser = self.login("root").access, self.login().access
        asked: dict[str, Any] = {
            "revokeToken": {"token": token},
            "revokeTokens": {"tokens": [lesser, token]},
            "revokeAllTokens": {"username": "root"},
        }
        for name, body in asked.items():
            told = self.told(name, body, who="backend", kind=Kind.KEY, may=WRITE)
            self.assertEqual(told, (403, "INSUFFICIENT_PERMISSIONS"))
            event = self.audit.events[-1]
            self.assertEqual(
                (event.kind, event.result, event.user), ("JWT_TOKEN_REVOKED", "denied", "backend")
            )
        for each in (token, lesser):
            self.caller(each)
        self.ask("revokeAllTokens", {"username": "nobody"}, who="backend", kind=Kind.KEY, may=WRITE)
        self.ask("revokeAllTokens", who="root", may=WRITE)

    def test_of_somebody_whom_others_know(self) -> None:
        """What a user may who has no account here, is not known: it takes all permissions."""
        self.offered = self.make(algorithm="RS256", public_key=public_pem(rsa_key()))
        told = self.told("revokeAllTokens", {"username": "bob@jairouter"}, who="a", may=WRITE)
        self.assertEqual(told, (403, "INSUFFICIENT_PERMISSIONS"))
        self.ask("revokeAllTokens", {"username": "bob@jairouter"}, who="a", may=ALL)

    def test_many_that_are_none(self) -> None:
        told = self.told("revokeTokens", {"tokens": ["x", "y"]}, who="root", may=WRITE)
        self.assertEqual(told, (400, "BATCH_TOKEN_REVOKE_FAILED"))

    def test_all_of_oneself(self) -> None:
        token = self.login().access
        self.ask("revokeAllTokens", who="alice")
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_all_of_others(self) -> None:
        token = self.login().access
        told = self.told("revokeAllTokens", {"username": "alice"}, who="root")
        self.assertEqual(told, (403, "INSUFFICIENT_PERMISSIONS"))
        self.ask("revokeAllTokens", {"username": "alice"}, who="backend", kind=Kind.KEY, may=WRITE)
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_all_of_a_key(self) -> None:
        told = self.told("revokeAllTokens", who="backend", kind=Kind.KEY, may=WRITE)
        self.assertEqual(told, (400, "INVALID_REQUEST"))


class LogoutTests(EndpointCase):
    """With the token that is shown."""

    def test_logout(self) -> None:
        for header in ("Bearer {}", "bearer  {}", "{}"):
            for name in (b"authorization", b"jairouter_token"):
                issued = self.login()
                self.ask("logout", who="alice", header=header.format(issued.access), header_name=name)
                self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
                self.assertIs(self.not_renewed(issued.refresh), Reason.REVOKED_TOKEN)

    def test_other_logins_stay(self) -> None:
        other, issued = self.login(), self.login()
        self.ask("logout", who="alice", header=f"Bearer {issued.access}")
        self.assertEqual(self.caller(other.access).name, "alice")

    def test_token_of_somebody_else(self) -> None:
        token = self.login("root").access
        told = self.told("logout", who="alice", header=f"Bearer {token}")
        self.assertEqual(told, (400, "INVALID_REQUEST"))
        self.assertEqual(self.caller(token).name, "root")

    def test_none(self) -> None:
        for header in ("", "Bearer sk-key", "Bearer "):
            told = self.told("logout", who="alice", kind=Kind.KEY, header=header)
            self.assertEqual(told, (400, "INVALID_REQUEST"))


class ValidateTests(EndpointCase):
    """Whether a token would be let in."""

    def test_valid(self) -> None:
        data = self.ask("validateToken", {"token": self.login().access})
        self.assertEqual((data["valid"], data["userId"]), (True, "alice"))
        self.assertEqual(data["expiresAt"], "2026-01-01T01:00:00.000Z")
        self.assertEqual(self.failed, [])

    def test_not_valid(self) -> None:
        """It says nothing about whom it would be of."""
        issued = self.login()
        revoked, gone = self.login().access, self.login("root").access
        del self.accounts["root"]
        bearer = self.successResultOf(self.tokens.examine(revoked.encode()))
        self.successResultOf(self.tokens.revoke([bearer], BY))
        forged = hs(b"wrong", {"alg": "HS256"}, self.claims()).decode()
        for token in (issued.refresh, revoked, gone, forged, "", "x", "a" * 2**20, "\ud800"):
            data = self.ask("validateToken", {"token": token})
            self.assertEqual((data["valid"], data.keys() & {"userId", "expiresAt"}), (False, set()))
        self.assertEqual(len(self.failed), 5)

    def test_guessing(self) -> None:
        self.wait = 1.5
        failing = self.call("validateToken", {"token": "x"})
        self.assertEqual(self.failureResultOf(failing, RateLimited).value.retry_after, 1.5)


class LookingTests(EndpointCase):
    """What an operator sees."""

    def test_pages(self) -> None:
        for _ in range(5):
            self.now += 1
            self.login()
        self.login("root")
        first = self.ask("listTokens", size=2, userId="alice")
        last = self.ask("listTokens", size=2, page=2, userId="alice")
        self.assertEqual((first["totalElements"], first["totalPages"], len(first["tokens"])), (5, 3, 2))
        self.assertEqual([each["issuedAt"] for each in first["tokens"]], [self.date(5), self.date(4)])
        self.assertEqual([each["issuedAt"] for each in last["tokens"]], [self.date(1)])
        self.assertEqual(self.ask("listTokens", page=9)["tokens"], [])
        self.assertEqual(self.ask("listTokens")["totalElements"], 6)

    def date(self, seconds: int) -> str:
        return f"2026-01-01T00:00:0{seconds}.000Z"

    def test_one(self) -> None:
        issued = self.login()
        (login,) = self.ask("listTokens")["tokens"]
        self.assertEqual(self.ask("getToken", path={"tokenId": login["id"]}), login)
        self.assertFalse(login["revoked"])
        self.ask("logout", who="alice", header=issued.access)
        self.assertTrue(self.ask("getToken", path={"tokenId": login["id"]})["revoked"])
        self.assertEqual(self.told("getToken", path={"tokenId": "x"}), (404, "NOT_FOUND"))

    def test_no_tokens(self) -> None:
        issued = self.login()
        shown = str(self.ask("listTokens"))
        for part in (*issued.access.split("."), *issued.refresh.split(".")):
            self.assertNotIn(part, shown)

    def test_cleanup(self) -> None:
        self.login()
        self.assertIsNone(self.ask("getTokenCleanup")["lastCleanupTime"])
        self.now = TODAY + 30 * 86400
        self.assertEqual(self.ask("cleanUpTokens")["removed"], 1)
        data = self.ask("getTokenCleanup")
        expected = {"lastCleanupTime": "2026-01-31T00:00:00.000Z", "removed": 1, "remembered": 0}
        self.assertEqual(data, expected)

    def test_blacklist(self) -> None:
        self.ask("logout", who="alice", header=self.login().access)
        data = self.ask("getTokenBlacklist")
        self.assertEqual(
            (data["memoryBlacklistSize"], data["blacklistEnabled"], data["maxSize"]), (1, True, 10_000)
        )
