"""Tests for `jairouter.auth.key_store`."""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.internet.defer import Deferred, fail

from jairouter.auditing import Event
from jairouter.auth import key_edits
from jairouter.errors import Reason
from jairouter.refusals import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
    NotPossible,
    StoreUnavailable,
)
from tests.auth.keyed import FRONTEND, TODAY, StoreCase, settings


class CreateTests(StoreCase):
    """A new key."""

    def test_value(self) -> None:
        """Is random, and known at once; only its hash and its end are kept."""
        value = self.make()
        self.assertRegex(value.decode(), r"\Ask-[A-Za-z0-9]{32}\Z")
        self.assertEqual(self.ring.authenticate(value).name, "made")
        kept = self.document.value["keys"]["made"]["values"][0]
        self.assertEqual((kept["hint"], kept["until"]), (value[-4:].decode(), None))
        self.assertNotEqual(value, self.make("other"))

    def test_shown(self) -> None:
        made = self.done(
            self.keys.create(self.by, {"permissions": ["chat:read"], "expiresAt": "2027-01-01"}, "a")
        )
        self.assertRegex(made.pop("values")[0]["hint"], r"\A\w{4}\Z")
        expected = {
            "keyId": "a",
            "source": "api",
            "permissions": ["chat:read"],
            "enabled": True,
            "expired": False,
            "description": "",
            "expiresAt": "2027-01-01T00:00:00.000Z",
            "models": [],
            "allowFrom": [],
            "metadata": {},
            "createdAt": "2026-01-01T00:00:00.000Z",
            "createdBy": "admin",
            "usage": {"total": 0, "succeeded": 0, "failed": 0, "today": 0, "lastUsedAt": None},
        }
        self.assertEqual(made, expected)

    def test_no_name(self) -> None:
        first, second = (self.done(self.keys.create(self.by, {}))["keyId"] for _ in range(2))
        self.assertRegex(first, r"\Akey-[0-9a-f]{12}\Z")
        self.assertNotEqual(first, second)

    def test_when_it_expires(self) -> None:
        """As is said; when it is not, as is configured; with null, never."""
        self.ring.configure(settings("default-expiration-days: 30"))
        self.make("a", expiresAt="2026-01-02T00:00:00+01:00")
        self.make("b")
        self.make("c", expiresAt=None)
        told = [each.get("expiresAt") for each in self.keys.list()]
        self.assertEqual(told, ["2026-01-01T23:00:00.000Z", "2026-01-31T00:00:00.000Z", None])

    def test_limits(self) -> None:
        given: dict[str, Any] = {
            "requestsPerMinute": 5,
            "burst": 2,
            "maxConcurrent": 3,
            "requestsPerDay": 9,
            "models": ["a*"],
            "allowFrom": ["10.0.0.0/8", "::1"],
            "metadata": {"team": "x"},
        }
        value = self.make(**given)
        shown = self.keys.get("made")
        self.assertEqual({name: shown[name] for name in given}, given)
        caller = self.ring.authenticate(value)
        self.assertEqual(len(caller.networks), 2)
        assert caller.allowance is not None
        self.assertTrue(caller.allowance.lends)

    def test_other_spellings(self) -> None:
        given: dict[str, Any] = {"max-concurrent": 3, "Requests_Per_Day": 4}
        self.make(**given)
        shown = self.keys.get("made")
        self.assertEqual((shown["maxConcurrent"], shown["requestsPerDay"]), (3, 4))

    def test_what_is_wrong(self) -> None:
        """All of it is said, with its place."""
        given = {
            "permissions": ["chat:raed"],
            "expiresAt": "tomorrow",
            "allowFrom": ["10.0.0.1/8"],
            "burst": 0,
        }
        refusal = self.refused(self.keys.create(self.by, given, "a"), InvalidRequest)
        self.assertEqual({fault.path for fault in refusal.faults}, {"expiresAt", "allowFrom[0]", "burst"})
        refusal = self.refused(self.keys.create(self.by, {"permissions": ["chat:raed"]}, "a"), InvalidRequest)
        (fault,) = refusal.faults
        self.assertEqual(fault.path, "permissions[0]")
        self.assertIn("did you mean chat:read", fault.text)
        self.refused(self.keys.create(self.by, {"burst": 3}, "a"), InvalidRequest)
        self.refused(self.keys.create(self.by, {"unheard": 3}, "a"), InvalidRequest)
        self.refused(self.keys.create(self.by, {"keyId": "b"}, "a"), InvalidRequest)

    def test_name_that_cannot_be(self) -> None:
        for name in ("export", "import", "a/b", "-a", "a b", "ä", "a" * 65, "a\n"):
            self.refused(self.keys.create(self.by, {}, name), InvalidRequest)

    def test_there_already(self) -> None:
        """Made or configured."""
        self.make()
        self.refused(self.keys.create(self.by, {}, "made"), AlreadyExists)
        self.refused(self.keys.create(self.by, {}, "frontend"), AlreadyExists)

    def test_too_many(self) -> None:
        self.patch(key_edits, "MOST_KEYS", 2)
        self.make("a")
        self.make("b")
        self.refused(self.keys.create(self.by, {}, "c"), NotPossible)

    def test_survives(self) -> None:
        """Another gateway on the same document knows it."""
        value = self.make(permissions=["chat:read"])
        written = json.loads(json.dumps(self.document.value))
        self.ring.made({})
        self.reason(value)
        self.ring.made(written)
        self.assertEqual(self.ring.authenticate(value).permissions, {"chat:read"})

    def test_store_that_fails(self) -> None:
        self.patch(self.document, "change", lambda edit: fail(StoreUnavailable("no disk")))
        self.refused(self.keys.create(self.by, {}, "a"), StoreUnavailable)
        self.assertEqual((self.kinds(), len(self.ring.keys)), ([], 2))


class ChangeTests(StoreCase):
    """What becomes of a key."""

    def test_update(self) -> None:
        """What is not named stays; null takes back."""
        value = self.make(permissions=["chat:read"], description="old", requestsPerDay=5, maxConcurrent=2)
        caller = self.ring.authenticate(value)
        shown = self.done(self.keys.update(self.by, "made", {"description": "new", "requestsPerDay": None}))
        self.assertEqual((shown["description"], shown["permissions"]), ("new", ["chat:read"]))
        self.assertEqual((shown["maxConcurrent"], "requestsPerDay" in shown), (2, False))
        self.assertEqual((shown["createdBy"], shown["updatedBy"]), ("admin", "admin"))
        self.assertIs(self.ring.authenticate(value).allowance, caller.allowance)
        self.assertEqual(self.ring.authenticate(value), caller)

    def test_never_expires(self) -> None:
        self.make()
        shown = self.done(self.keys.update(self.by, "made", {"expiresAt": None}))
        self.assertNotIn("expiresAt", shown)

    def test_update_that_is_wrong(self) -> None:
        self.make(requestsPerMinute=5, burst=2)
        for given in ({"burst": -1}, {"permissions": ["x"]}, {"unheard": 1}, {"requestsPerMinute": None}):
            self.refused(self.keys.update(self.by, "made", given), InvalidRequest)

    def test_disable_and_enable(self) -> None:
        value = self.make()
        self.assertFalse(self.done(self.keys.disable(self.by, "made"))["enabled"])
        self.assertIs(self.reason(value), Reason.UNKNOWN_KEY)
        self.assertTrue(self.done(self.keys.enable(self.by, "made"))["enabled"])
        self.ring.authenticate(value)

    def test_delete(self) -> None:
        value = self.make()
        self.usage_document.value = {"usage": {"made": {"succeeded": 5}}}
        self.successResultOf(self.keys.delete(self.by, "made"))
        self.assertIs(self.reason(value), Reason.UNKNOWN_KEY)
        self.assertEqual(self.usage_document.value, {"usage": {}})
        self.assertRaises(NotFound, self.keys.get, "made")

    def test_not_there(self) -> None:
        keys = self.keys
        works: list[Deferred[Any]] = [
            keys.update(self.by, "x", {}),
            keys.enable(self.by, "x"),
            keys.disable(self.by, "x"),
            keys.rotate(self.by, "x"),
            keys.delete(self.by, "x"),
        ]
        for work in works:
            self.refused(work, NotFound)

    def test_audit(self) -> None:
        """Each change once, with who and from where; nothing secret."""
        self.make(permissions=["chat:read"])
        self.done(self.keys.update(self.by, "made", {"description": "new"}))
        self.done(self.keys.disable(self.by, "made"))
        self.done(self.keys.enable(self.by, "made"))
        self.done(self.keys.rotate(self.by, "made"))
        self.successResultOf(self.keys.delete(self.by, "made"))
        verbs = ("CREATED", "UPDATED", "DISABLED", "ENABLED", "ROTATED", "DELETED")
        self.assertEqual(self.kinds(), [f"API_KEY_{verb}" for verb in verbs])
        event = self.audit.events[1]
        expected = Event(
            "API_KEY_UPDATED", "admin", "192.0.2.7", "made", action="updated", request_id="req_1"
        )
        self.assertEqual(event._replace(details={}), expected)
        self.assertEqual(event.details["after"]["description"], "new")


class SecretTests(StoreCase):
    """No value, nor what is kept of one, is anywhere but where it has to be."""

    def test_nowhere(self) -> None:
        values = [self.make("a", permissions=["chat:read"], requestsPerDay=5)]
        values.append(self.value(self.keys.rotate(self.by, "a")))
        values.append(self.value(self.keys.rotate(self.by, "a", 0.0)))
        planted = "sk-planted-0123456789"
        made = self.successResultOf(
            self.keys.take_in(self.by, [{"keyId": "b", "keyValue": planted}, {"keyId": "c"}])
        )
        values += [planted.encode(), made.values["c"].reveal().encode(), FRONTEND.encode()]
        kept = json.dumps(self.document.value)
        digests = re.findall("[0-9a-f]{64}", kept)
        self.assertEqual(len(digests), 3)
        shown = [
            json.dumps(self.keys.list()),
            json.dumps(list(self.keys.export())),
            repr(self.audit.events),
            repr((made, self.ring, self.keys, *self.ring.keys.values())),
            str([self.ring.authenticate(value) for value in values[2:]]),
            repr(self.successResultOf(self.keys.rotate(self.by, "c"))),
            repr(self.ring.settings),
        ]
        for value in values:
            for text in (kept, *shown):
                self.assertNotIn(value.decode(), text)
                self.assertNotIn(value.decode()[3:-4], text)
        for digest in digests:
            for text in shown:
                self.assertNotIn(digest, text)


class DocumentTests(StoreCase):
    """What somebody else writes."""

    def test_another_gateway(self) -> None:
        value = self.make()
        written = dict(self.document.value["keys"]["made"])
        self.successResultOf(self.document.change(lambda document: document["keys"].pop("made")))
        self.reason(value)
        self.successResultOf(self.document.change(lambda document: document["keys"].update(back=written)))
        self.assertEqual(self.ring.authenticate(value).name, "back")

    def test_damaged(self) -> None:
        """Nothing is made of it, and one can still list what there is."""
        self.document.value = {"keys": 5}
        self.refused(self.keys.create(self.by, {}, "a"), NotPossible)
        self.assertEqual(len(self.keys.list()), 2)

    def test_dates(self) -> None:
        self.clock.advance(TODAY)
        self.make()
        self.assertEqual(self.keys.get("made")["createdAt"][:4], "2082")
