"""Keys that somebody else publishes: when they are fetched, and for how long they are used."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent

from jairouter.auth.jwks import KeysUnavailable
from jairouter.auth.permissions import granted
from jairouter.caller import Caller
from jairouter.errors import Reason, Unauthenticated
from tests.auth.published_rig import ES, ISSUER, RS, URL, PublishedCase, jwk
from tests.auth.tokens_rig import rsa_key


class FetchingTests(PublishedCase):
    """When keys are fetched, and what happens meanwhile."""

    def test_first(self) -> None:
        waiting = self.ask(self.foreign())
        self.assertNoResult(waiting)
        self.assertEqual(self.asked, [(URL, None)])
        self.page(jwk(RS))
        self.assertEqual(self.successResultOf(waiting).name, f"bob@{ISSUER}")

    def test_shared(self) -> None:
        """All who wait, wait for the same."""
        waiting = [self.ask(self.foreign(jti=f"j{n}")) for n in range(5)]
        self.assertEqual(len(self.asked), 1)
        self.page(jwk(RS))
        for each in waiting:
            self.successResultOf(each)

    def test_known_at_once(self) -> None:
        self.known(jwk(RS))
        self.assertEqual(self.caller(self.foreign(), self.gateway).name, f"bob@{ISSUER}")
        self.assertEqual(len(self.asked), 1)

    def test_one_who_leaves(self) -> None:
        """The others go on waiting."""
        leaving, staying = self.ask(self.foreign()), self.ask(self.foreign(jti="j2"))
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.page(jwk(RS))
        self.successResultOf(staying)

    def test_one_who_makes_another_leave(self) -> None:
        """As a caller does whose connection ends over it: those behind are told all the same."""
        first, second, third = (self.ask(self.foreign(jti=f"j{n}")) for n in range(3))
        first.addCallback(lambda _: second.cancel())
        self.page(jwk(RS))
        self.failureResultOf(second, CancelledError)
        self.successResultOf(third)
        self.now += 601
        self.gateway.forget()
        self.assertIsInstance(self.gateway.authenticate(self.foreign()), Caller)
        self.assertEqual(len(self.asked), 2)

    def test_meant_for_others(self) -> None:
        """Such a token could not be good with any key, and nobody is asked for one."""
        meant: tuple[tuple[dict[str, Any], str], ...] = (
            ({"iss": "https://backend.example.com"}, "the token is not valid"),
            ({"aud": "backend"}, "the token is not valid: the token is meant for somebody else"),
            ({"sub": None}, "the token is not valid: the token names nobody"),
        )
        for claims, told in meant:
            with self.assertRaises(Unauthenticated) as raised:
                self.gateway.authenticate(self.foreign(**claims))
            error = raised.exception
            self.assertEqual((error.reason, str(error)), (Reason.UNKNOWN_TOKEN, told))
        self.assertEqual(self.asked, [])

    def test_expired(self) -> None:
        """That is told to those only who have had it: the signature is looked at first."""
        past = int(self.now) - 600
        for key, reason in ((RS, Reason.EXPIRED_TOKEN), (rsa_key(number=1), Reason.UNKNOWN_TOKEN)):
            waiting = self.ask(self.foreign(key=key, iat=past, exp=past + 60))
            self.page(jwk(RS))
            self.assertIs(self.failureResultOf(waiting, Unauthenticated).value.reason, reason)
            self.setUp()

    def test_settings_that_change_meanwhile(self) -> None:
        """Those that are in force at the end count, and nothing else is remembered."""
        waiting = self.ask(self.foreign(roles=["ADMIN"], groups=["USER"]))
        given: dict[str, Any] = {
            "jwks_url": URL,
            "jwks_issuer": ISSUER,
            "audience": ["gateway"],
            "roles_claim": "groups",
        }
        self.gateway.configure(self.make(self.publish, **given)._signing)
        self.page(jwk(RS))
        self.assertEqual(self.successResultOf(waiting).permissions, granted(["read"]))

    def test_own_tokens_wait_for_nothing(self) -> None:
        both = self.make(self.publish, secret=None, jwks_url=URL)
        self.assertIs(self.reason(b"a.b.c", both), Reason.UNKNOWN_TOKEN)
        own = self.make(self.publish, jwks_url=URL, secret="qL9v2RkX8sWz4TnB7mHc3YdF6gJp1ZtA5eUo0iKx")
        self.assertEqual(self.caller(self.login(tokens=own).access, own).name, "alice")
        self.assertEqual(self.asked, [])

    def test_never_fetched(self) -> None:
        """Nobody can say whether the token is good, which is not its fault: 503."""
        waiting = self.ask(self.foreign())
        with capturedLogs() as logged:
            self.nothing()
        error = self.failureResultOf(waiting, KeysUnavailable).value
        self.assertEqual((error.status, error.retry_after), (503, 30))
        self.assertIn("https://login.example.com/keys cannot be fetched: status 500", self.told(logged))
        self.now += 10
        with self.assertRaises(KeysUnavailable) as raised:
            self.gateway.authenticate(self.foreign())
        self.assertEqual(raised.exception.retry_after, 20)

    def test_reload_tries_at_once(self) -> None:
        """Somebody may have put right why there were no keys, such as the authorities that are trusted."""
        waiting = self.ask(self.foreign())
        self.nothing()
        self.failureResultOf(waiting, KeysUnavailable)
        self.gateway.configure(self.gateway._signing)
        waiting = self.ask(self.foreign())
        self.page(jwk(RS))
        self.successResultOf(waiting)
        self.gateway.configure(self.gateway._signing)
        self.assertIs(self.reason(self.foreign("made up"), self.gateway), Reason.UNKNOWN_TOKEN)

    def told(self, logged: Any) -> str:
        return "\n".join(formatEvent(each) for each in logged)

    def test_told_once(self) -> None:
        self.addCleanup(self.flushLoggedErrors)
        with capturedLogs() as logged:
            for _ in range(3):
                waiting = self.ask(self.foreign())
                self.nothing()
                self.failureResultOf(waiting, KeysUnavailable)
                self.now += 30
            self.known(jwk(RS))
        told = self.told(logged).splitlines()
        self.assertEqual(
            [line.split(" can")[1][:20] for line in told], ["not be fetched: stat", " be fetched again"]
        )
        self.assertNotIn("tenant=secret", self.told(logged))

    def test_pages_that_are_none(self) -> None:
        for page in (
            b"",
            b"[]",
            b"{}",
            b'{"keys":{}}',
            b'{"keys":[]}',
            b'{"keys":[{}]}',
            b"\xff",
            b"[" * 90_000,
        ):
            waiting = self.ask(self.foreign())
            self.pages.pop(0).callback(page)
            self.failureResultOf(waiting, KeysUnavailable)
            self.now += 30


class OldKeysTests(PublishedCase):
    """Keys that were fetched some time ago."""

    def setUp(self) -> None:
        super().setUp()
        self.known(jwk(RS))

    def call(self, **claims: Any) -> Any:
        """A token that nobody remembers."""
        return self.gateway.authenticate(self.foreign(jti=f"{self.now}", **claims))

    def test_a_little_too_old(self) -> None:
        """Used at once, and fetched meanwhile."""
        self.now += 601
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 2)
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 2)
        self.page(jwk(ES, "k2"))
        with self.assertRaises(Unauthenticated):
            self.call()
        self.assertEqual(len(self.asked), 2)

    def test_much_too_old(self) -> None:
        """Perhaps the key was withdrawn long ago: waited for."""
        self.now += 1201
        waiting = self.call()
        self.assertNoResult(waiting)
        self.page(jwk(ES, "k2"))
        self.failureResultOf(waiting, Unauthenticated)

    def test_while_nothing_can_be_fetched(self) -> None:
        self.now += 600 + 86400
        waiting = self.call()
        self.nothing()
        self.assertIsInstance(self.successResultOf(waiting), Caller)
        self.now += 1
        with self.assertRaises(KeysUnavailable):
            self.call()

    def test_unknown_kid(self) -> None:
        """Asked for at once, but not again and again: anybody can make one up."""
        self.now += 30
        for _ in range(3):
            waiting = self.gateway.authenticate(self.foreign("new"))
            self.page(jwk(RS), jwk(RS, "new"))
            assert isinstance(waiting, Deferred)
            self.successResultOf(waiting)
            for n in range(5):
                self.now += 5
                with self.assertRaises(Unauthenticated):
                    self.gateway.authenticate(self.foreign(f"made up {n}"))
            self.gateway.forget()
            self.now += 5
            waiting = self.gateway.authenticate(self.foreign("newer"))
            self.page(jwk(RS))
            assert isinstance(waiting, Deferred)
            self.failureResultOf(waiting, Unauthenticated)
            self.now += 30

    def test_key_that_was_withdrawn(self) -> None:
        """What was checked with it is not remembered for longer than keys are."""
        token = self.foreign(exp=int(self.now) + 86400)
        self.caller(token, self.gateway)
        self.now += 599
        self.caller(token, self.gateway)
        self.assertEqual(len(self.asked), 1)
        self.now += 700
        waiting = self.gateway.authenticate(token)
        assert isinstance(waiting, Deferred)
        self.page(jwk(ES))
        self.failureResultOf(waiting, Unauthenticated)

    def test_other_keys_make_it_forget(self) -> None:
        token = self.foreign()
        self.caller(token, self.gateway)
        self.now += 30
        waiting = self.ask(self.foreign("new"))
        self.page(jwk(ES))
        self.failureResultOf(waiting, Unauthenticated)
        self.assertIs(self.reason(token, self.gateway), Reason.UNKNOWN_TOKEN)

    def test_reload(self) -> None:
        """The keys stay known, as long as they come from the same place."""
        signing = self.gateway._signing
        self.gateway.configure(signing)
        self.assertIsInstance(self.call(), Caller)
        self.assertEqual(len(self.asked), 1)
        self.gateway.configure(
            self.make(self.publish, jwks_url=ISSUER + "/other", audience=["gateway"])._signing
        )
        self.assertIsInstance(self.gateway.authenticate(self.foreign(iss="jairouter")), Deferred)

    def test_stop(self) -> None:
        """Nobody waits any more."""
        self.now += 30
        waiting = self.gateway.authenticate(self.foreign("new"))
        assert isinstance(waiting, Deferred)
        self.gateway.close()
        self.failureResultOf(waiting, Unauthenticated)
