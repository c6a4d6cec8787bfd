"""Tests for `jairouter.web.management.api_keys`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from jairouter.auth.permissions import granted
from jairouter.caller import Caller, Kind
from jairouter.errors import Unauthenticated
from jairouter.refusals import Refusal
from jairouter.web.management.api_keys import endpoints
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import Call, Endpoint, Reply, made
from jairouter.web.management.paths import Paths
from tests.auth.keyed import FRONTEND, KeyCase

ADMIN = Caller("boss", Kind.TOKEN, granted(["admin"]))
LESSER = Caller("lesser", Kind.KEY, granted(["security:write"]))
_PATH = "/api/auth/api-keys"


class AskingForKeys(KeyCase):
    """Asks the endpoints for keys, and checks that each says what it promises to."""

    def setUp(self) -> None:
        super().setUp()
        self.endpoints = {each.name: each for each in endpoints(self.keys)}

    def ask(self, name: str, *path: str, body: Any = None, caller: Caller | None = ADMIN) -> Any:
        endpoint = self.endpoints[name]
        reply: Reply = self.successResultOf(self._answer(endpoint, path, body, caller))
        self.assertEqual([], list(map(str, check(reply.data, endpoint.data))))
        self.assertEqual(endpoint.status, reply.status)
        return reply.data

    def refusal(self, name: str, *path: str, body: Any = None, caller: Caller | None = ADMIN) -> Refusal:
        endpoint = self.endpoints[name]
        refusal = self.failureResultOf(self._answer(endpoint, path, body, caller), Refusal).value
        assert isinstance(refusal, Refusal)
        self.assertIn(refusal.code, ("INVALID_REQUEST", *endpoint.refusals))
        return refusal

    def faults(self, name: str, body: Any) -> list[str]:
        schema = self.endpoints[name].body
        assert schema is not None
        return [fault.path for fault in check(body, schema)]

    def _answer(
        self, endpoint: Endpoint, path: tuple[str, ...], body: Any, caller: Caller | None
    ) -> Deferred[Reply]:
        if body is not None:
            assert endpoint.body is not None
            self.assertEqual([], list(map(str, check(body, endpoint.body))))
        names = [each.name for each in endpoint.in_path]
        who = caller.name if caller else ""
        call = Call(dict(zip(names, path, strict=True)), {}, body, None, who, caller, "192.0.2.7", "req_1")

        async def answering() -> Reply:
            reply = endpoint.answer(call)
            return made(reply if isinstance(reply, Reply) else await reply)

        return ensureDeferred(answering())

    def named(self, value: str) -> str | None:
        """Whose value this is."""
        try:
            return self.ring.authenticate(value.encode()).name
        except Unauthenticated:
            return None


class LifeTests(AskingForKeys):
    """From its making to its end."""

    def test_create(self) -> None:
        body = {"keyId": "a", "description": "d", "permissions": ["chat:read"], "expiresAt": "2027-01-01"}
        told = self.ask("createApiKey", body=body)
        self.assertEqual(self.named(told["keyValue"]), "a")
        self.assertEqual((told["keyId"], told["description"], told["createdBy"]), ("a", "d", "boss"))
        (event,) = self.audit.events
        self.assertEqual((event.user, event.ip, event.request_id), ("boss", "192.0.2.7", "req_1"))

    def test_value_is_shown_once(self) -> None:
        value = self.ask("createApiKey", body={"keyId": "a"})["keyValue"]
        for name, path, body in (
            ("getApiKey", ["a"], None),
            ("getApiKeys", [], None),
            ("exportApiKeys", [], None),
            ("updateApiKey", ["a"], {"description": "x"}),
            ("disableApiKey", ["a"], None),
            ("enableApiKey", ["a"], None),
        ):
            told = str(self.ask(name, *path, body=body))
            self.assertNotIn(value, told)
            self.assertNotIn("keyValue", told)

    def test_looking(self) -> None:
        self.ask("createApiKey", body={"keyId": "a"})
        self.assertEqual([each["keyId"] for each in self.ask("getApiKeys")], ["a", "frontend", "root"])
        self.assertEqual(self.ask("getApiKey", "frontend")["source"], "configuration")
        self.assertEqual(self.refusal("getApiKey", "b").status, 404)

    def test_change(self) -> None:
        """By both methods alike."""
        self.ask("createApiKey", body={"key-id": "a", "permissions": ["chat:read"]})
        self.ask("updateApiKey", "a", body={"requests-per-day": 4})
        told = self.ask("patchApiKey", "a", body={"maxConcurrent": 2})
        self.assertEqual((told["requestsPerDay"], told["maxConcurrent"]), (4, 2))
        self.assertEqual(told["permissions"], ["chat:read"])

    def test_switch(self) -> None:
        value = self.ask("createApiKey", body={"keyId": "a"})["keyValue"]
        for method in ("disableApiKey", "patchDisableApiKey"):
            self.assertFalse(self.ask(method, "a")["enabled"])
            self.assertIsNone(self.named(value))
            self.assertTrue(
                self.ask("patchEnableApiKey" if "patch" in method else "enableApiKey", "a")["enabled"]
            )
            self.assertEqual(self.named(value), "a")

    def test_rotate(self) -> None:
        """With the body that is not there, too."""
        old = self.ask("createApiKey", body={"keyId": "a"})["keyValue"]
        new = self.ask("rotateApiKey", "a")["keyValue"]
        self.assertEqual((self.named(old), self.named(new)), ("a", "a"))
        self.ask("rotateApiKey", "a", body={"overlapSeconds": 0})
        self.assertEqual((self.named(old), self.named(new)), (None, None))

    def test_reset(self) -> None:
        old = self.ask("createApiKey", body={"keyId": "a"})["keyValue"]
        new = self.ask("resetApiKey", "a")["keyValue"]
        self.assertEqual((self.named(old), self.named(new)), (None, "a"))

    def test_delete(self) -> None:
        self.ask("createApiKey", body={"keyId": "a"})
        self.ask("deleteApiKey", "a")
        self.assertEqual(self.refusal("deleteApiKey", "a").status, 404)
        self.assertEqual(self.refusal("deleteApiKey", "frontend").status, 409)

    def test_export_and_import(self) -> None:
        self.ask("createApiKey", body={"keyId": "a", "permissions": ["chat:read"], "maxConcurrent": 3})
        exported = self.ask("exportApiKeys")
        self.ask("deleteApiKey", "a")
        told = self.ask("importApiKeys", body=exported)
        self.assertEqual((told["created"], told["updated"]), (["a"], []))
        (one,) = told["keys"]
        self.assertEqual(self.named(one["keyValue"]), "a")
        self.assertEqual(self.ask("exportApiKeys"), exported)

    def test_import_in_place(self) -> None:
        self.ask("createApiKey", body={"keyId": "a"})
        told = self.ask("importApiKeys", body={"mode": "REPLACE", "keys": [{"key-id": "b"}]})
        self.assertEqual((told["created"], told["deleted"]), (["b"], ["a"]))


class RefusalTests(AskingForKeys):
    """What is refused, and how."""

    def test_there_already(self) -> None:
        self.assertEqual(self.refusal("createApiKey", body={"keyId": "frontend"}).status, 409)

    def test_more_than_one_may(self) -> None:
        refusal = self.refusal("createApiKey", body={"permissions": ["config:read"]}, caller=LESSER)
        self.assertEqual((refusal.status, refusal.code), (403, "INSUFFICIENT_PERMISSIONS"))
        self.assertEqual(self.refusal("enableApiKey", "root", caller=LESSER).status, 403)
        self.ask("createApiKey", body={"permissions": ["security:read"]}, caller=LESSER)

    def test_nobody_has_to_say_who_they_are(self) -> None:
        """Then nothing is held against them."""
        self.ask("createApiKey", body={"permissions": ["admin"]}, caller=None)

    def test_body(self) -> None:
        self.assertEqual(self.faults("createApiKey", {"permisions": []}), ["permisions"])
        self.assertEqual(self.faults("createApiKey", {"keyValue": "sk-mine"}), ["keyValue"])
        self.assertEqual(self.faults("updateApiKey", {"keyId": "b"}), ["keyId"])
        self.assertEqual(self.faults("updateApiKey", {"enabled": None}), ["enabled"])
        self.assertEqual(self.faults("updateApiKey", {"permissions": None}), ["permissions"])
        self.assertEqual(
            self.faults("createApiKey", {"burst": 0, "maxConcurrent": "5"}), ["burst", "maxConcurrent"]
        )
        self.assertEqual(self.faults("rotateApiKey", {"overlapSeconds": -1}), ["overlapSeconds"])
        self.assertEqual(self.faults("importApiKeys", {"keys": [{}], "mode": "x"}), ["keys[0].keyId", "mode"])

    def test_body_that_only_its_words_say(self) -> None:
        refusal = self.refusal("createApiKey", body={"permissions": ["chat:raed"]})
        self.assertEqual(refusal.faults[0].path, "permissions[0]")

    def test_client_that_leaves(self) -> None:
        """What it has begun is done all the same."""
        waiting: Deferred[None] = Deferred()
        real = self.document.change
        self.patch(self.document, "change", lambda edit: waiting.addCallback(lambda _: real(edit)))
        work = self._answer(self.endpoints["disableApiKey"], ("frontend",), None, ADMIN)
        work.addErrback(lambda failure: None)
        work.cancel()
        waiting.callback(None)
        self.assertIsNone(self.named(FRONTEND))
        self.assertEqual(len(self.audit.events), 1)


class TableTests(AskingForKeys):
    """What there is."""

    def test_permissions(self) -> None:
        for each in self.endpoints.values():
            action = {"GET": "read", "DELETE": "delete"}.get(each.method, "write")
            self.assertEqual(each.permission, f"security:{action}", each.name)

    def test_paths(self) -> None:
        """`export` is no key's name."""
        found = Paths(self.endpoints.values()).find(b"api/auth/api-keys/export".split(b"/"))
        assert found is not None
        self.assertEqual(found.methods["GET"].name, "exportApiKeys")

    def test_methods(self) -> None:
        expected = {
            "": {"GET", "POST"},
            "/export": {"GET"},
            "/import": {"POST"},
            "/{keyId}": {"GET", "PUT", "PATCH", "DELETE"},
            "/{keyId}/enable": {"POST", "PATCH"},
            "/{keyId}/disable": {"POST", "PATCH"},
            "/{keyId}/rotate": {"POST"},
            "/{keyId}/reset": {"POST"},
        }
        found: dict[str, set[str]] = {}
        for each in endpoints(self.keys):
            found.setdefault(each.path.removeprefix(_PATH), set()).add(each.method)
        self.assertEqual(found, expected)

    def test_written_once(self) -> None:
        every: Iterable[Endpoint] = endpoints(self.keys)
        names = [each.name for each in every]
        self.assertEqual(len(names), len(set(names)))
