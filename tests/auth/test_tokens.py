"""Tokens that are issued here: who calls with them, and how they are renewed."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from jairouter.auditing import DENIED
from jairouter.auth import jws
from jairouter.auth.permissions import ALL, granted_to_roles
from jairouter.caller import Kind
from jairouter.errors import Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator
from jairouter.refusals import NotPossible, StoreUnavailable
from tests.auth.tokens_rig import OTHER, SECRET, TODAY, LifeCase, ec_key, pem, public_pem


class CallingTests(LifeCase):
    """Who calls with a token, and what they may."""

    def test_interface(self) -> None:
        verifyObject(IAuthenticator, self.tokens)

    def test_caller(self) -> None:
        caller = self.caller(self.login().access)
        self.assertEqual((caller.name, caller.kind), ("alice", Kind.TOKEN))
        self.assertEqual(caller.permissions, granted_to_roles(["USER"]))

    def test_one_caller_for_all_tokens_of_a_user(self) -> None:
        """Limits and caches go by it."""
        first, second = self.login(), self.login()
        self.assertIs(self.caller(first.access), self.caller(second.access))

    def test_the_account_decides_what_it_may(self) -> None:
        """Not what the token says: a demotion holds at once, also for what is remembered."""
        token = self.login("root", None, "ADMIN").access
        self.assertEqual(self.caller(token).permissions, ALL)
        self.accounts["root"] = granted_to_roles(["USER"])
        self.assertEqual(self.caller(token).permissions, granted_to_roles(["USER"]))

    def test_account_that_is_gone(self) -> None:
        token = self.login().access
        self.caller(token)
        del self.accounts["alice"]
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)
        self.tokens.forget()
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)

    def test_expires(self) -> None:
        """At the second that it says, and as late as clocks may differ."""
        token = self.login().access
        self.caller(token)
        self.now = TODAY + 3600 + 29.9
        self.caller(token)
        self.now = TODAY + 3600 + 30
        self.assertIs(self.reason(token), Reason.EXPIRED_TOKEN)

    def test_refresh_token_is_not_for_calling(self) -> None:
        self.assertIs(self.reason(self.login().refresh), Reason.UNKNOWN_TOKEN)

    def test_remembered_tokens_are_bounded(self) -> None:
        tokens = self.make(cache_size=2)
        for _ in range(5):
            self.caller(self.login(tokens=tokens).access, tokens)
        self.assertEqual(len(tokens._remembered), 2)

    def test_remembered_longest_that_was_used_last(self) -> None:
        tokens = self.make(cache_size=2)
        first, second, third = (self.login(tokens=tokens).access for _ in range(3))
        for token in (first, second, first, third):
            self.caller(token, tokens)
        before = dict(tokens._remembered)
        self.caller(first, tokens)
        self.assertEqual(dict(tokens._remembered), before)
        self.caller(second, tokens)
        self.assertNotEqual(dict(tokens._remembered), before)

    def test_no_token_is_remembered(self) -> None:
        """Only what it can be known by."""
        token = self.login().access
        self.caller(token)
        self.assertNotIn(token.rpartition(".")[2], repr(vars(self.tokens)))

    def test_keys_are_changed_without_logging_everybody_out(self) -> None:
        token = self.login().access
        rotated = self.make(secret=OTHER, previous_secrets=[SECRET])
        self.assertEqual(self.caller(token, rotated).name, "alice")
        self.assertNotEqual(
            jws.read(self.login(tokens=rotated).access.encode()).kid, jws.read(token.encode()).kid
        )
        self.assertIs(self.reason(token, self.make(secret=OTHER)), Reason.UNKNOWN_TOKEN)

    def test_reload_with_another_key(self) -> None:
        """What is remembered was checked with a key that does not count any more."""
        token = self.login().access
        self.caller(token)
        self.tokens.configure(self.make(secret=OTHER)._signing)
        self.assertIs(self.reason(token), Reason.UNKNOWN_TOKEN)

    def test_algorithms(self) -> None:
        keys = {"ES256": ec_key(), "ES384": ec_key("p384")}
        for algorithm, key in keys.items():
            tokens = self.make(algorithm=algorithm, private_key=pem(key))
            issued = self.login(tokens=tokens)
            self.assertEqual(self.caller(issued.access, tokens).name, "alice")
            self.assertEqual(jws.read(issued.access.encode()).algorithm, algorithm)

    def test_audience(self) -> None:
        tokens = self.make(audience=["gateway", "other"])
        token = self.login(tokens=tokens).access
        self.assertEqual(self.caller(token, tokens).name, "alice")
        self.assertIs(self.reason(token), Reason.UNKNOWN_TOKEN)
        self.assertIs(self.reason(self.login().access, tokens), Reason.UNKNOWN_TOKEN)


class IssuedTests(LifeCase):
    """What a login is given."""

    def test_what_it_says(self) -> None:
        issued = self.login("root", None, "ROLE_ADMIN", "user")
        said = jws.parse(jws.read(issued.access.encode()).payload)
        self.assertEqual(said.pop("jti"), issued.id)
        family = said.pop("fam")
        self.assertEqual(
            said,
            {
                "iss": "jairouter",
                "sub": "root",
                "iat": int(TODAY),
                "nbf": int(TODAY),
                "exp": int(TODAY) + 3600,
                "typ": "access",
                "roles": ["ADMIN", "USER"],
            },
        )
        renewal = jws.parse(jws.read(issued.refresh.encode()).payload)
        self.assertEqual((renewal["typ"], renewal["fam"]), ("refresh", family))
        self.assertEqual(renewal["exp"], int(TODAY) + 7 * 86400)
        self.assertEqual((issued.expires_in, issued.refresh_expires_in), (3600, 7 * 86400))

    def test_no_token_is_shown_or_kept_or_recorded(self) -> None:
        issued = self.login()
        told = f"{issued!r} {self.file.value!r} {self.audit.events!r}"
        for token in (issued.access, issued.refresh):
            for part in token.split("."):
                self.assertNotIn(part, told)

    def test_recorded(self) -> None:
        issued = self.login()
        (event,) = self.audit.events
        self.assertEqual((event.kind, event.user, event.ip), ("JWT_TOKEN_ISSUED", "alice", "192.0.2.7"))
        self.assertEqual(event.details["jti"], issued.id)

    def test_nothing_is_issued_that_cannot_be_kept(self) -> None:
        self.disk.full = True
        self.failureResultOf(self.tokens.issue("alice", ["USER"], ""), StoreUnavailable)
        self.assertEqual(self.audit.events, [])

    def test_somebody_else_issues_tokens(self) -> None:
        tokens = self.make(algorithm="ES256", public_key=public_pem(ec_key()))
        self.assertFalse(tokens.issues)
        self.failureResultOf(tokens.issue("alice", ["USER"], ""), NotPossible)


class RenewalTests(LifeCase):
    """A refresh token is good once."""

    def test_renewed(self) -> None:
        first = self.login()
        self.now += 1000
        second = self.renewed(first.refresh)
        self.assertEqual(self.caller(second.access).name, "alice")
        self.assertEqual(self.caller(first.access).name, "alice")
        self.assertEqual(self.kinds(), ["JWT_TOKEN_ISSUED", "JWT_TOKEN_REFRESHED"])
        (login,) = self.tokens.logins()
        self.assertEqual((login.issued, login.used, login.address), (TODAY, TODAY + 1000, "192.0.2.8"))
        self.assertEqual(login.expires, TODAY + 1000 + 7 * 86400)

    def test_roles_stay(self) -> None:
        renewed = self.renewed(self.login("alice", None, "USER", "chat:read").refresh)
        self.assertEqual(jws.parse(jws.read(renewed.access.encode()).payload)["roles"], ["USER", "CHAT:READ"])

    def test_a_second_time_ends_the_login(self) -> None:
        """One of the two is a thief, and nobody knows which."""
        first = self.login()
        second = self.renewed(first.refresh)
        self.assertIs(self.not_renewed(first.refresh), Reason.REVOKED_TOKEN)
        for token in (first.access, second.access):
            self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(second.refresh), Reason.REVOKED_TOKEN)
        reused = self.audit.events[2]
        self.assertEqual((reused.kind, reused.user, reused.result), ("JWT_TOKEN_REUSED", "alice", DENIED))
        self.assertEqual(len(self.audit.events), 3)

    def test_a_second_time_ends_no_other_login(self) -> None:
        other = self.login()
        first = self.login()
        self.renewed(first.refresh)
        self.not_renewed(first.refresh)
        self.assertEqual(self.caller(other.access).name, "alice")
        self.renewed(other.refresh)

    def test_twice_at_once(self) -> None:
        """The second loses, and with it the login: nobody can say whether it was the same client."""
        first = self.login()
        self.disk.slow = True
        one, two = (self.tokens.refresh(first.refresh.encode()) for _ in range(2))
        self.disk.turn()
        issued = self.successResultOf(one)
        self.assertNoResult(two)
        self.disk.turn()
        self.failureResultOf(two, Unauthenticated)
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)

    def test_twice_at_two_gateways(self) -> None:
        """What was renewed at one, is known to have been at the other, though it has not looked yet."""
        first = self.login()
        other = self.make(seed=1)
        self.renewed(first.refresh)
        failure = self.failureResultOf(other.refresh(first.refresh.encode()), Unauthenticated)
        self.assertIs(failure.value.reason, Reason.REVOKED_TOKEN)

    def test_expired(self) -> None:
        token = self.login().refresh
        self.now += 7 * 86400 + 30
        self.assertIs(self.not_renewed(token), Reason.EXPIRED_TOKEN)

    def test_access_token(self) -> None:
        self.assertIs(self.not_renewed(self.login().access), Reason.UNKNOWN_TOKEN)

    def test_account_that_is_gone(self) -> None:
        token = self.login().refresh
        del self.accounts["alice"]
        self.assertIs(self.not_renewed(token), Reason.REVOKED_TOKEN)

    def test_not_kept(self) -> None:
        """The old one stays good: its owner has got nothing for it."""
        token = self.login().refresh
        self.disk.full = True
        self.failureResultOf(self.tokens.refresh(token.encode()), StoreUnavailable)
        self.disk.full = False
        self.renewed(token)

    def test_document_that_was_lost(self) -> None:
        token = self.login().refresh
        self.file.value = {}
        self.assertIs(self.not_renewed(token), Reason.REVOKED_TOKEN)
