"""Tests for `jairouter.auth.key_edits`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from jairouter.auth.acting import By
from jairouter.auth.key_edits import MOST_VALUES
from jairouter.auth.last_administrator import Left
from jairouter.auth.permissions import granted
from jairouter.caller import Caller, Kind
from jairouter.errors import Reason
from jairouter.refusals import (
    AlreadyExists,
    InsufficientPermissions,
    InvalidRequest,
    NotPossible,
)
from tests.auth.keyed import CONFIGURED, DAY, FRONTEND, TODAY, StoreCase, settings

MAY = granted(["chat:read", "security:write"])
LESSER = By("lesser", caller=Caller("lesser", Kind.KEY, MAY))


class RotateTests(StoreCase):
    """Another value."""

    def test_both_for_a_while(self) -> None:
        old = self.make()
        new = self.value(self.keys.rotate(self.by, "made"))
        self.assertIs(self.ring.authenticate(old), self.ring.authenticate(new))
        hints = self.keys.get("made")["values"]
        self.assertEqual([each.get("until") for each in hints], [None, "2026-01-02T00:00:00.000Z"])
        self.clock.advance(DAY)
        self.assertIs(self.reason(old), Reason.EXPIRED_KEY)
        self.ring.authenticate(new)
        self.assertEqual(len(self.keys.get("made")["values"]), 1)

    def test_cut_off(self) -> None:
        """With no overlap, all older values are."""
        first = self.make()
        second = self.value(self.keys.rotate(self.by, "made"))
        third = self.value(self.keys.rotate(self.by, "made", 0.0))
        for value in (first, second):
            self.assertIs(self.reason(value), Reason.UNKNOWN_KEY)
        self.ring.authenticate(third)
        self.assertEqual(len(self.document.value["keys"]["made"]["values"]), 1)

    def test_overlap_is_never_made_longer(self) -> None:
        first = self.make()
        self.value(self.keys.rotate(self.by, "made", 10.0))
        self.value(self.keys.rotate(self.by, "made", 1000.0))
        self.clock.advance(10.0)
        self.assertIs(self.reason(first), Reason.EXPIRED_KEY)

    def test_not_too_many(self) -> None:
        for value in [self.make(), *(self.value(self.keys.rotate(self.by, "made")) for _ in range(9))]:
            last = value
        self.ring.authenticate(last)
        self.assertEqual(len(self.document.value["keys"]["made"]["values"]), MOST_VALUES)

    def test_expired(self) -> None:
        """A new value would not do either."""
        self.make(expiresAt="2026-01-02")
        self.clock.advance(DAY)
        self.refused(self.keys.rotate(self.by, "made"), NotPossible)

    def test_disabled(self) -> None:
        """Stays so."""
        self.make(enabled=False)
        self.assertIs(self.reason(self.value(self.keys.rotate(self.by, "made"))), Reason.UNKNOWN_KEY)


class ConfiguredTests(StoreCase):
    """Keys of the configuration."""

    def test_listed(self) -> None:
        self.assertEqual([each["source"] for each in self.keys.list()], ["configuration"] * 2)
        self.assertEqual(self.keys.get("frontend")["values"], [])

    def test_stopped_at_once(self) -> None:
        """And it stays so, whatever is configured, until somebody enables it."""
        self.assertFalse(self.done(self.keys.disable(self.by, "frontend"))["enabled"])
        self.ring.configure(settings())
        self.assertIs(self.reason(FRONTEND.encode()), Reason.UNKNOWN_KEY)
        self.done(self.keys.enable(self.by, "frontend"))
        self.ring.authenticate(FRONTEND.encode())
        self.assertEqual(self.document.value["overrides"], {})

    def test_one_that_is_configured_off(self) -> None:
        self.ring.configure(settings(CONFIGURED.replace("permissions: [chat:read]", "enabled: false")))
        self.done(self.keys.enable(self.by, "frontend"))
        self.ring.authenticate(FRONTEND.encode())
        self.done(self.keys.disable(self.by, "frontend"))
        self.assertIs(self.reason(FRONTEND.encode()), Reason.UNKNOWN_KEY)

    def test_changed_elsewhere(self) -> None:
        keys = self.keys
        works: list[Deferred[Any]] = [
            keys.update(self.by, "frontend", {"description": "x"}),
            keys.rotate(self.by, "frontend"),
            keys.delete(self.by, "frontend"),
        ]
        for work in works:
            self.refused(work, NotPossible)


class PermissionTests(StoreCase):
    """Nobody gives what they do not have."""

    def denied(self, work: Deferred[Any]) -> None:
        self.refused(work, InsufficientPermissions)
        event = self.audit.events.pop()
        self.assertEqual((event.result, event.user), ("denied", "lesser"))
        self.assertEqual(event.reason, "INSUFFICIENT_PERMISSIONS")

    def test_create(self) -> None:
        for word in ("admin", "*:*", "*:read", "config:read", "write", "chat:*", "security:admin"):
            self.denied(self.keys.create(LESSER, {"permissions": ["chat:read", word]}, "a"))
        self.done(self.keys.create(LESSER, {"permissions": ["chat:read", "security:delete"]}, "a"))

    def test_stronger_key(self) -> None:
        """It can be neither used by way of a new value, nor changed, nor stopped: as with accounts."""
        value = self.make("strong", permissions=["admin"])
        self.denied(self.keys.rotate(LESSER, "strong"))
        self.denied(self.keys.rotate(LESSER, "strong", 0.0))
        self.denied(self.keys.update(LESSER, "strong", {"allowFrom": []}))
        self.denied(self.keys.update(LESSER, "strong", {"enabled": True}))
        self.denied(self.keys.update(LESSER, "strong", {"permissions": ["chat:read"]}))
        self.denied(self.keys.disable(LESSER, "strong"))
        self.denied(self.keys.delete(LESSER, "strong"))
        self.ring.authenticate(value)
        self.done(self.keys.disable(self.by, "strong"))
        self.denied(self.keys.enable(LESSER, "strong"))

    def test_stronger_key_and_an_import(self) -> None:
        """It is not taken over by weakening it and giving it another value, nor deleted by leaving it out."""
        value = self.make("strong", permissions=["admin"])
        mine = {"keyId": "strong", "keyValue": "sk-of-somebody-else-0123456789", "permissions": ["chat:read"]}
        self.denied(self.keys.take_in(LESSER, [mine]))
        self.denied(self.keys.take_in(LESSER, [{"keyId": "strong", "permissions": ["admin"]}]))
        self.denied(self.keys.take_in(LESSER, [{"keyId": "a", "permissions": ["chat:read"]}], replace=True))
        self.ring.authenticate(value)

    def test_key_of_the_configuration(self) -> None:
        """Whoever could stop an administrator's could leave nobody who lets it be used again."""
        self.denied(self.keys.disable(LESSER, "root"))
        self.done(self.keys.disable(self.by, "root"))
        self.denied(self.keys.enable(LESSER, "root"))
        self.done(self.keys.enable(self.by, "root"))

    def test_import(self) -> None:
        """Not even in part."""
        entries: list[dict[str, Any]] = [{"keyId": "a"}, {"keyId": "b", "permissions": ["admin"]}]
        self.denied(self.keys.take_in(LESSER, entries))
        self.assertEqual(set(self.ring.keys), {"frontend", "root"})


class LimitTests(StoreCase):
    """Nobody makes a key that is less limited than their own, nor takes one over."""

    def setUp(self) -> None:
        super().setUp()
        self.limits: dict[str, Any] = {
            "permissions": ["admin"],
            "allowFrom": ["10.0.0.0/8"],
            "models": ["a*"],
            "expiresAt": TODAY + 100 * DAY,
            "requestsPerDay": 5,
        }
        value = self.make("mine", **self.limits)
        self.mine = By("mine", caller=self.ring.authenticate(value))

    def denied(self, work: Deferred[Any], limit: str) -> None:
        refusal = self.refused(work, InsufficientPermissions)
        self.assertIn(f"of which {limit} is limited", refusal.message)
        self.assertEqual(self.audit.events.pop().result, "denied")

    def test_create(self) -> None:
        for name, more in (("allowFrom", []), ("models", ["*"]), ("expiresAt", None), ("requestsPerDay", 6)):
            self.denied(self.keys.create(self.mine, {**self.limits, name: more}, "a"), name)
        del self.limits["expiresAt"]
        made = self.done(self.keys.create(self.mine, self.limits, "a"))
        self.assertEqual(made["expiresAt"], self.keys.get("mine")["expiresAt"])

    def test_own_key(self) -> None:
        """It can be changed and given a new value, and stays as limited as it is."""
        self.denied(self.keys.update(self.mine, "mine", {"requestsPerDay": None}), "requestsPerDay")
        self.done(self.keys.update(self.mine, "mine", {"requestsPerDay": 4}))
        self.denied(self.keys.update(self.mine, "mine", {"requestsPerDay": 5}), "requestsPerDay")
        self.done(self.keys.rotate(self.mine, "mine"))

    def test_less_limited_key(self) -> None:
        """It is not used by way of a new value; but it is stopped, if it has to be."""
        self.make("free", permissions=["admin"], expiresAt=None)
        self.denied(self.keys.rotate(self.mine, "free"), "allowFrom")
        self.denied(self.keys.update(self.mine, "free", self.limits), "allowFrom")
        self.denied(self.keys.take_in(self.mine, [{"keyId": "free", **self.limits}]), "allowFrom")
        self.denied(self.keys.take_in(self.mine, [{"keyId": "new", "permissions": ["admin"]}]), "allowFrom")
        self.done(self.keys.disable(self.mine, "free"))
        self.denied(self.keys.enable(self.mine, "free"), "allowFrom")
        self.done(self.keys.disable(self.mine, "root"))
        self.denied(self.keys.enable(self.mine, "root"), "allowFrom")
        self.successResultOf(self.keys.delete(self.mine, "free"))


class LastTests(StoreCase):
    """Somebody is left who can change keys and accounts."""

    def setUp(self) -> None:
        super().setUp()
        self.keys.others_may = lambda: Left.NOBODY

    def test_last_key(self) -> None:
        self.refused(self.keys.disable(self.by, "root"), NotPossible)
        self.make("other", permissions=["security:write"], expiresAt=None)
        self.done(self.keys.disable(self.by, "root"))
        for work in (
            lambda: self.keys.disable(self.by, "other"),
            lambda: self.keys.delete(self.by, "other"),
            lambda: self.keys.update(self.by, "other", {"permissions": ["chat:read"]}),
            lambda: self.keys.update(self.by, "other", {"expiresAt": TODAY - 1}),
            lambda: self.keys.take_in(self.by, [], replace=True),
            lambda: self.keys.take_in(self.by, [{"keyId": "other", "permissions": ["chat:read"]}]),
        ):
            self.refused(work(), NotPossible)
        self.done(self.keys.enable(self.by, "root"))
        self.successResultOf(self.keys.delete(self.by, "other"))

    def test_a_user_can(self) -> None:
        self.keys.others_may = lambda: Left.FOR_GOOD
        self.done(self.keys.disable(self.by, "root"))


class ImportTests(StoreCase):
    """Keys that come from elsewhere."""

    def test_export_and_import(self) -> None:
        """The same keys with other values; those that do not expire, still do not."""
        limits = {"models": ["a*"], "allowFrom": ["10.0.0.0/8"], "requestsPerDay": 5, "metadata": {"a": "b"}}
        self.make("a", permissions=["chat:read"], expiresAt=None, **limits)
        self.make("b", enabled=False, description="text")
        exported = [dict(each) for each in self.keys.export()]
        self.assertEqual([each["keyId"] for each in exported], ["a", "b"])
        before = [self.ring.keys[name].terms for name in ("a", "b")]
        self.successResultOf(self.keys.delete(self.by, "a"))
        self.successResultOf(self.keys.delete(self.by, "b"))
        done = self.successResultOf(self.keys.take_in(self.by, exported))
        self.assertEqual((done.created, done.updated, done.deleted), (["a", "b"], [], []))
        self.assertEqual([self.ring.keys[name].terms for name in ("a", "b")], before)
        self.assertEqual(self.ring.authenticate(done.values["a"].reveal().encode()).name, "a")

    def test_merge(self) -> None:
        """Keys that there are keep their value, and are given what is imported."""
        value, other = self.make("a", description="old", requestsPerDay=3), self.make("b")
        done = self.successResultOf(
            self.keys.take_in(self.by, [{"keyId": "a", "permissions": ["chat:read"]}])
        )
        self.assertEqual((done.created, done.updated, done.deleted, done.values), ([], ["a"], [], {}))
        self.assertEqual(self.ring.authenticate(value).permissions, {"chat:read"})
        self.assertEqual(self.keys.get("a")["description"], "")
        self.ring.authenticate(other)

    def test_replace(self) -> None:
        value, other = self.make("a"), self.make("b")
        done = self.successResultOf(self.keys.take_in(self.by, [{"keyId": "a"}], replace=True))
        self.assertEqual((done.updated, done.deleted), (["a"], ["b"]))
        self.ring.authenticate(value)
        self.reason(other)
        self.assertEqual(set(self.ring.keys), {"a", "frontend", "root"})

    def test_own_value(self) -> None:
        old = self.make("a")
        given = [{"keyId": each, "keyValue": f"sk-from-elsewhere-{each}"} for each in ("a", "b")]
        done = self.successResultOf(self.keys.take_in(self.by, given))
        self.assertEqual(done.values, {})
        for each in ("a", "b"):
            self.assertEqual(self.ring.authenticate(f"sk-from-elsewhere-{each}".encode()).name, each)
        self.reason(old)

    def test_value_of_another_key(self) -> None:
        """Else it would stand for two."""
        value = self.make("a").decode()
        for taken in (value, FRONTEND):
            work = self.keys.take_in(self.by, [{"keyId": "b", "keyValue": taken}])
            self.assertNotIn(taken, self.refused(work, AlreadyExists).message)
        twice = [{"keyId": each, "keyValue": "sk-0123456789abcdef"} for each in ("b", "c")]
        self.refused(self.keys.take_in(self.by, twice), AlreadyExists)

    def test_value_that_cannot_be(self) -> None:
        for value in ("", "short", "sk-with a space in it", "sk-ä0123456789abcdef", "x" * 513):
            work = self.keys.take_in(self.by, [{"keyId": "b", "keyValue": value}])
            self.assertNotIn(value or "\0", self.refused(work, InvalidRequest).message)

    def test_name_of_the_configuration(self) -> None:
        self.refused(self.keys.take_in(self.by, [{"keyId": "frontend"}]), AlreadyExists)

    def test_twice(self) -> None:
        self.refused(self.keys.take_in(self.by, [{"keyId": "a"}, {"keyId": "a"}]), InvalidRequest)

    def test_audit(self) -> None:
        self.make("a")
        self.make("b")
        self.successResultOf(
            self.keys.take_in(self.by, [{"keyId": "a"}, {"keyId": "c"}], replace=True),
        )
        told = [(event.kind, event.resource) for event in self.audit.events[2:]]
        expected = [("API_KEY_CREATED", "c"), ("API_KEY_UPDATED", "a"), ("API_KEY_DELETED", "b")]
        self.assertEqual(told, expected)
