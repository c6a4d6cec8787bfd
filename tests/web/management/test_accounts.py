"""Tests for `jairouter.web.management.accounts`."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from jairouter.auth.permissions import granted
from jairouter.caller import Caller, Kind
from jairouter.errors import GatewayError, Unauthenticated
from jairouter.refusals import InsufficientPermissions, InvalidRequest, NotFound, NotPossible, Refusal
from jairouter.web.management.accounts import endpoints
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import KNOWN, Call, Reply
from jairouter.web.management.paths import Paths
from tests.auth.users import HASH, PASSWORD, AccountsCase

NEW = "harmonica-pond-48"
BOB = {"username": "bob", "password": PASSWORD, "roles": ["USER"]}


def caller(*permissions: str, name: str = "key", kind: Kind = Kind.KEY) -> Caller:
    """Somebody."""
    return Caller(name, kind, granted(permissions))


class AskingAccounts(AccountsCase):
    """Asks the endpoints."""

    def setUp(self) -> None:
        super().setUp()
        self.make("bob")
        self.endpoints = {each.name: each for each in endpoints(self.changes)}

    def start(self, name: str, *path: str, body: Any = None, who: Caller | None = None) -> Deferred[Reply]:
        endpoint = self.endpoints[name]
        if body is not None:
            assert endpoint.body is not None
            self.assertEqual([], list(map(str, check(body, endpoint.body))))
        names = [each.name for each in endpoint.in_path]
        called = "local" if who is None else who.name
        call = Call(dict(zip(names, path, strict=True)), {}, body, None, called, who, "192.0.2.9", "req-1")

        async def answering() -> Reply:
            reply = endpoint.answer(call)
            return reply if isinstance(reply, Reply) else await reply

        return ensureDeferred(answering())

    def ask(self, name: str, *path: str, body: Any = None, who: Caller | None = None) -> Any:
        reply = self.successResultOf(self.start(name, *path, body=body, who=who))
        endpoint = self.endpoints[name]
        self.assertEqual(
            ([], endpoint.status), (list(map(str, check(reply.data, endpoint.data))), reply.status)
        )
        self.assertNotIn("$2", json.dumps(reply.data))
        return reply.data

    def refusal(self, name: str, *path: str, body: Any = None, who: Caller | None = None) -> Any:
        """How an endpoint refuses, as it says that it does."""
        error = self.failureResultOf(self.start(name, *path, body=body, who=who)).value
        if isinstance(error, Refusal):
            self.assertIn(error.code, ("INVALID_REQUEST", *self.endpoints[name].refusals))
        else:
            self.assertIsInstance(error, GatewayError)
        return error


class EndpointsTests(AskingAccounts):
    """What they do."""

    def test_all(self) -> None:
        listed = self.ask("listAccounts")
        self.assertEqual([each["username"] for each in listed], ["admin", "alice", "bob"])
        self.assertEqual([each["source"] for each in listed], ["configuration", "configuration", "api"])

    def test_one(self) -> None:
        self.assertEqual(
            self.ask("getAccount", "bob"),
            {
                "username": "bob",
                "roles": ["USER"],
                "permissions": sorted(granted(["read"])),
                "enabled": True,
                "source": "api",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "updatedAt": "2026-01-01T00:00:00.000Z",
                "createdBy": "admin",
            },
        )
        self.assertIsInstance(self.refusal("getAccount", "nobody"), NotFound)

    def test_create(self) -> None:
        self.ask("deleteAccount", "bob")
        made = self.ask("createAccount", body={**BOB, "enabled": False})
        self.assertEqual((made["createdBy"], made["enabled"]), ("local", False))
        self.assertEqual(self.refusal("createAccount", body=BOB).code, "ALREADY_EXISTS")
        event = self.audit.events[-1]
        self.assertEqual(
            (event.kind, event.resource, event.request_id), ("ACCOUNT_CREATED", "account bob", "req-1")
        )

    def test_create_with_a_password_that_will_not_do(self) -> None:
        error = self.refusal("createAccount", body={"username": "eve", "password": "short"})
        self.assertEqual([each.path for each in error.faults], ["password"])

    def test_a_hash_is_no_password(self) -> None:
        """It is hashed as any other text is."""
        self.ask("createAccount", body={"username": "eve", "password": HASH})
        self.assertIsInstance(self.login("eve", PASSWORD), Unauthenticated)

    def test_change(self) -> None:
        self.assertEqual(
            self.ask("updateAccount", "bob", body={"roles": ["chat:read"]})["roles"], ["chat:read"]
        )
        replaced = self.ask("replaceAccount", "bob", body={"roles": ["USER"], "enabled": False})
        self.assertEqual((replaced["roles"], replaced["enabled"]), (["USER"], False))
        self.assertIsInstance(self.refusal("updateAccount", "bob", body={}), InvalidRequest)

    def test_switch(self) -> None:
        for name in ("bob", "alice"):
            self.assertFalse(self.ask("disableAccount", name)["enabled"])
            self.assertTrue(self.ask("enableAccount", name)["enabled"])
        self.assertEqual(self.refusal("disableAccount", "admin").code, "NOT_POSSIBLE")

    def test_delete(self) -> None:
        self.assertIsNone(self.ask("deleteAccount", "bob"))
        self.assertIsInstance(self.refusal("deleteAccount", "bob"), NotFound)
        self.assertIsInstance(self.refusal("deleteAccount", "alice"), NotPossible)

    def test_schemas(self) -> None:
        """What is misspelt is not passed over."""
        for name, body in (("createAccount", {**BOB, "role": "x"}), ("replaceAccount", {"roles": []})):
            schema = self.endpoints[name].body
            assert schema is not None
            self.assertEqual(len(check(body, schema)), 1)

    def test_a_client_who_leaves(self) -> None:
        """What has begun is brought to its end, and recorded."""
        written: list[Deferred[Any]] = []
        change = self.document.change

        def later(edit: Any) -> Deferred[Any]:
            written.append(Deferred())
            return written[0].addCallback(lambda _: change(edit))

        self.patch(self.document, "change", later)
        asking = self.start("deleteAccount", "bob")
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        written[0].callback(None)
        self.assertIn("ACCOUNT_DELETED", self.audit.kinds())


class WhoMayTests(AskingAccounts):
    """And who may do it."""

    def test_permissions(self) -> None:
        needed = {name: each.permission for name, each in self.endpoints.items()}
        reads = {name for name, each in needed.items() if each == "security:read"}
        self.assertEqual(reads, {"listAccounts", "getAccount"})
        self.assertEqual(needed["deleteAccount"], "security:delete")
        self.assertEqual([name for name, each in needed.items() if each == KNOWN], ["setAccountPassword"])

    def test_paths(self) -> None:
        found = Paths(self.endpoints.values()).find(
            [b"api", b"security", b"jwt", b"accounts", b"a/b", b"password"]
        )
        assert found is not None
        self.assertEqual((set(found.methods), found.values), ({"PUT"}, (b"a/b",)))

    def test_nobody_gives_what_they_do_not_have(self) -> None:
        who = caller("security:write", "security:delete", "read")
        body = {"username": "eve", "password": NEW, "roles": ["ADMIN"]}
        self.assertIsInstance(self.refusal("createAccount", body=body, who=who), InsufficientPermissions)
        for name, path in (("disableAccount", "admin"), ("deleteAccount", "admin")):
            self.assertIsInstance(self.refusal(name, path, who=who), InsufficientPermissions)
        given = self.refusal("updateAccount", "bob", body={"roles": ["ADMIN"]}, who=who)
        self.assertIsInstance(given, InsufficientPermissions)
        self.ask("createAccount", body={**body, "roles": ["USER"]}, who=who)

    def test_ones_own_password(self) -> None:
        bob = caller("read", name="bob", kind=Kind.TOKEN)
        body = {"newPassword": NEW}
        self.assertIsInstance(self.refusal("setAccountPassword", "bob", body=body, who=bob), InvalidRequest)
        self.assertIsNone(
            self.ask("setAccountPassword", "bob", body={**body, "oldPassword": PASSWORD}, who=bob)
        )
        self.assertEqual(self.login("bob", NEW).name, "bob")

    def test_the_password_of_another(self) -> None:
        body = {"newPassword": NEW, "oldPassword": PASSWORD}
        for who in (caller("read", name="alice", kind=Kind.TOKEN), caller("read", name="bob", kind=Kind.KEY)):
            self.assertIsInstance(
                self.refusal("setAccountPassword", "bob", body=body, who=who), InsufficientPermissions
            )
        self.ask("setAccountPassword", "bob", body=body, who=caller("security:write", "read"))
        self.assertEqual(self.login("bob", NEW).name, "bob")
