"""Tests for `jairouter.auth.keys`."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from jairouter.auth.keys import KeyRing
from jairouter.caller import Caller, Kind
from jairouter.errors import RateLimited, Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator
from tests.auth.keyed import DAY, FRONTEND, PEPPER, TODAY, KeyCase, settings

VALUE = FRONTEND.encode()


class RingCase(KeyCase):
    """A ring, and what it says."""

    def reason(self, value: bytes) -> Reason:
        error = self.assertRaises(Unauthenticated, self.ring.authenticate, value)
        assert isinstance(error, Unauthenticated)
        self.assertNotIn(value.decode("latin-1") or "\0", str(error))
        return error.reason

    def configure(self, **one: Any) -> Caller | None:
        """A configuration of one key; its caller, if it may call."""
        given = ", ".join(f"{name.replace('_', '-')}: {value}" for name, value in one.items())
        self.ring.configure(settings(f"keys: [{{name: frontend, value: {FRONTEND}, {given}}}]"))
        try:
            return self.ring.authenticate(VALUE)
        except Unauthenticated:
            return None


class KnownTests(RingCase):
    """Who is known, and who is not."""

    def test_interface(self) -> None:
        verifyObject(IAuthenticator, self.ring)

    def test_known(self) -> None:
        caller = self.ring.authenticate(VALUE)
        self.assertEqual((caller.name, caller.kind), ("frontend", Kind.KEY))
        self.assertEqual((caller.permissions, caller.networks, caller.allowance), ({"chat:read"}, (), None))

    def test_unknown(self) -> None:
        """Also what is nearly one, or could not be one."""
        for value in (b"", b"sk", VALUE[:-1], VALUE + b" ", VALUE.upper(), b"\xff", VALUE + b"\xc3\xa4"):
            self.assertIs(self.reason(value), Reason.UNKNOWN_KEY)

    def test_too_long(self) -> None:
        """Refused before it is hashed."""
        self.patch(self.ring, "_keyed", None)
        self.assertIs(self.reason(b"x" * 513), Reason.UNKNOWN_KEY)
        self.assertIs(self.reason(b"\xff" * 10), Reason.UNKNOWN_KEY)

    def test_longest(self) -> None:
        value = "x" * 512
        self.ring.configure(settings(f"keys: [{{name: long, value: {value}}}]"))
        self.assertEqual(self.ring.authenticate(value.encode()).name, "long")

    def test_disabled(self) -> None:
        """Is as if there were none."""
        self.configure(enabled="false")
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)

    def test_expired(self) -> None:
        self.assertIsNotNone(self.configure(expires_at="2026-01-01T00:00:10"))
        self.clock.advance(9.9)
        self.ring.authenticate(VALUE)
        self.clock.advance(0.1)
        self.assertIs(self.reason(VALUE), Reason.EXPIRED_KEY)

    def test_expired_and_disabled(self) -> None:
        """Nobody is told that it was one."""
        self.configure(expires_at="2025-01-01", enabled="false")
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)

    def test_only_its_hash_is_configured(self) -> None:
        """As `sha256sum` makes it, in capital letters too."""
        digest = sha256(VALUE).hexdigest().upper()
        self.ring.configure(settings(f"keys: [{{name: frontend, value-hash: 'sha256:{digest}'}}]"))
        self.assertEqual(self.ring.authenticate(VALUE).name, "frontend")

    def test_hash_is_no_key(self) -> None:
        digest = sha256(VALUE).hexdigest()
        for value in (digest, f"sha256:{digest}", self.ring.digest(sha256(VALUE).digest()).hex()):
            self.assertIs(self.reason(value.encode()), Reason.UNKNOWN_KEY)

    def test_pepper_counts(self) -> None:
        """What one gateway keeps says nothing to another."""
        other = KeyRing(b"q" * 32, self.today)
        self.assertNotEqual(self.ring.digest(bytes(32)), other.digest(bytes(32)))
        self.assertEqual(self.ring.digest(bytes(32)), KeyRing(PEPPER, self.today).digest(bytes(32)))

    def test_networks(self) -> None:
        caller = self.configure(allow_from="[10.0.0.0/8, 192.0.2.1]")
        assert caller is not None
        self.assertEqual(list(map(str, caller.networks)), ["10.0.0.0/8", "192.0.2.1/32"])


class ChangeTests(RingCase):
    """What goes on when keys change."""

    def test_same_caller(self) -> None:
        """None is made for a request, nor for a key that stays as it is."""
        caller = self.ring.authenticate(VALUE)
        self.assertIs(self.ring.authenticate(VALUE), caller)
        self.ring.configure(settings())
        self.assertIs(self.ring.authenticate(VALUE), caller)

    def test_other_permissions(self) -> None:
        before = self.ring.authenticate(VALUE)
        after = self.configure(permissions="[embedding:read]")
        assert after is not None
        self.assertEqual((before.permissions, after.permissions), ({"chat:read"}, {"embedding:read"}))
        self.assertEqual(before.digest, after.digest)

    def test_allowance_goes_on(self) -> None:
        """Across a reload and an update, and while there are no limits."""
        first = self.configure(max_concurrent=1)
        assert first is not None and first.allowance is not None
        first.allowance.take("m", 0.0)
        without = self.configure()
        assert without is not None
        self.assertIsNone(without.allowance)
        again = self.configure(max_concurrent=2)
        assert again is not None
        self.assertIs(again.allowance, first.allowance)

    def test_other_limits(self) -> None:
        """They count at once, also for those who hold the caller from before."""
        caller = self.configure(requests_per_day=9)
        assert caller is not None and caller.allowance is not None
        caller.allowance.take("m", 0.0)
        self.assertIs(self.configure(requests_per_day=1), caller)
        self.assertRaises(RateLimited, caller.allowance.take, "m", 0.0)

    def test_allowance_of_a_key_that_goes(self) -> None:
        first = self.configure(max_concurrent=1)
        self.ring.configure(settings("keys: []"))
        second = self.configure(max_concurrent=1)
        assert first is not None and second is not None
        self.assertIsNot(first.allowance, second.allowance)

    def test_key_that_goes(self) -> None:
        self.ring.configure(settings("keys: []"))
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)


class DocumentTests(RingCase):
    """Keys of the document."""

    def entry(self, value: bytes = b"sk-of-the-document", **more: Any) -> dict[str, Any]:
        digest = self.ring.digest(sha256(value).digest()).hex()
        return {
            "values": [{"digest": digest, "hint": "ment"}],
            "terms": {"permissions": ["chat:read"]},
            **more,
        }

    def test_known(self) -> None:
        self.ring.made({"keys": {"a": self.entry()}})
        self.assertEqual(self.ring.authenticate(b"sk-of-the-document").name, "a")

    def test_name_of_the_configuration(self) -> None:
        """The configuration's counts; that is said once."""
        with capturedLogs() as said:
            for _ in range(3):
                self.ring.made({"keys": {"frontend": self.entry()}})
        self.assertIs(self.reason(b"sk-of-the-document"), Reason.UNKNOWN_KEY)
        self.assertEqual(self.ring.authenticate(VALUE).name, "frontend")
        self.assertEqual(self.ring.keys["frontend"].source, "configuration")
        (event,) = said
        self.assertIn("frontend was made through the API, too", formatEvent(event))

    def test_value_of_the_configuration(self) -> None:
        with capturedLogs() as said:
            self.ring.made({"keys": {"a": self.entry(VALUE)}})
        self.assertEqual(self.ring.authenticate(VALUE).name, "frontend")
        (event,) = said
        self.assertIn("a has the same value as frontend", formatEvent(event))
        self.assertNotIn(FRONTEND, formatEvent(event))

    def test_damaged_ones(self) -> None:
        """One that is not as it should be is refused and said once; the others are known."""
        damaged: list[Any] = [
            None,
            5,
            [],
            {},
            self.entry(terms=None),
            self.entry(terms={"permissions": ["nonsense"]}),
            self.entry(terms={"permissions": "chat:read", "unheard": 1}),
            self.entry(values=None),
            self.entry(values=[{"digest": 5}]),
            self.entry(values=[{"digest": "zz"}]),
            self.entry(createdAt=1e300),
            self.entry(values=[{**self.entry()["values"][0], "until": float("nan")}]),
        ]
        written = {f"bad{index}": each for index, each in enumerate(damaged)}
        with capturedLogs() as said:
            self.ring.made({"keys": written})
            self.ring.made({"keys": {**written, "good": self.entry(b"sk-good")}})
        self.assertEqual(self.ring.authenticate(b"sk-good").name, "good")
        self.assertIs(self.reason(b"sk-of-the-document"), Reason.UNKNOWN_KEY)
        self.assertEqual(len(said), len(damaged))

    def test_damaged_document(self) -> None:
        for value in ({}, {"keys": 5}, {"keys": [], "overrides": "x"}):
            self.ring.made(value)
            self.assertEqual(set(self.ring.keys), {"frontend", "root"})

    def test_damaged_override(self) -> None:
        """It was written to stop a key, most likely."""
        self.ring.made({"overrides": {"frontend": 5, "unheard": {"enabled": True}}})
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)

    def test_override(self) -> None:
        self.ring.made({"overrides": {"frontend": {"enabled": False}}})
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)
        self.ring.configure(settings())
        self.assertIs(self.reason(VALUE), Reason.UNKNOWN_KEY)
        self.ring.made({})
        self.ring.authenticate(VALUE)

    def test_two_values(self) -> None:
        """The old one does until its time is over, and its holder learns why it does not any more."""
        old, new = self.entry(b"sk-old")["values"][0], self.entry(b"sk-new")["values"][0]
        written = self.entry(values=[new, {**old, "until": TODAY + DAY}])
        self.ring.made({"keys": {"a": written}})
        self.assertIs(self.ring.authenticate(b"sk-old"), self.ring.authenticate(b"sk-new"))
        self.clock.advance(DAY)
        self.assertIs(self.reason(b"sk-old"), Reason.EXPIRED_KEY)
        self.ring.authenticate(b"sk-new")
