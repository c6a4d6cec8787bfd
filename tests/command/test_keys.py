"""Tests of `jairouter keys`."""

from __future__ import annotations

from typing import Any

from tests.command.running import CommandTestCase, FakeGateway, Ran, refusal

PATH = "/api/auth/api-keys"
FRONT = {
    "keyId": "front",
    "enabled": True,
    "permissions": ["chat:read", "embedding:read"],
    "expiresAt": "2030-01-31T12:00:00.000Z",
    "source": "api",
}


class KeysTests(CommandTestCase):
    """Each action is one question."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway = FakeGateway(self)

    def keys(self, *arguments: str) -> Ran:
        return self.run_command("keys", *arguments, environ={"JAIROUTER_API_KEY": "sk-admin"})

    def answer(self, question: str, answer: Any) -> None:
        self.gateway.answers[question] = answer

    def test_a_table(self) -> None:
        self.answer(f"GET {PATH}", [FRONT, {**FRONT, "keyId": "back", "enabled": False}])
        ran = self.keys("list")
        head, front, back = ran.out.splitlines()
        self.assertEqual(head.split(), ["KEY", "ENABLED", "PERMISSIONS", "EXPIRES", "FROM", "DESCRIPTION"])
        self.assertEqual(front.split()[:3], ["front", "yes", "chat:read,embedding:read"])
        self.assertEqual(back.split()[1], "no")
        self.assertEqual(self.gateway.asked[0].headers["X-API-Key"], "sk-admin")

    def test_for_scripts(self) -> None:
        self.answer(f"GET {PATH}", [FRONT])
        self.assertEqual(self.keys("list", "--json").json, [FRONT])

    def test_none(self) -> None:
        self.answer(f"GET {PATH}", [])
        self.assertEqual(self.keys("list").out, "there is no key\n")

    def test_an_answer_of_another_release(self) -> None:
        for odd in ("x", ["x"], {"other": 1}, None):
            self.answer(f"GET {PATH}", odd)
            self.assertEqual(self.keys("list").status, 3)

    def test_a_new_one_is_printed_alone(self) -> None:
        """So that it can be sent to a file."""
        self.answer(f"POST {PATH}", {"keyId": "front", "keyValue": "sk-new"})
        more = ("--description", "why", "--expires", "2030-01-01")
        ran = self.keys("create", "front", "--permissions", "chat:read, tts:read", *more)
        self.assertEqual((ran.status, ran.out), (0, "sk-new\n"))
        self.assertIn("nobody can show it again", ran.err)
        body = {"keyId": "front", "permissions": ["chat:read", "tts:read"], "description": "why"}
        self.assertEqual(self.gateway.asked[0].json, {**body, "expiresAt": "2030-01-01"})

    def test_what_is_not_said_is_left_to_the_gateway(self) -> None:
        self.answer(f"POST {PATH}", {"keyValue": "sk-new"})
        self.keys("create", "front", "--permissions", "chat:read")
        self.assertEqual(self.gateway.asked[0].json, {"keyId": "front", "permissions": ["chat:read"]})

    def test_one_that_does_not_expire(self) -> None:
        self.answer(f"POST {PATH}", {"keyValue": "sk-new"})
        self.keys("create", "front", "--permissions", "chat:read", "--expires", "never")
        body = {"keyId": "front", "permissions": ["chat:read"], "expiresAt": None}
        self.assertEqual(self.gateway.asked[0].json, body)

    def test_another_value(self) -> None:
        self.answer(f"POST {PATH}/front/rotate", {"keyValue": "sk-new"})
        self.assertEqual(self.keys("rotate", "front").out, "sk-new\n")
        self.keys("rotate", "front", "--overlap", "2h")
        self.keys("rotate", "front", "--overlap", "0")
        expected = [{}, {"overlapSeconds": 7200}, {"overlapSeconds": 0}]
        self.assertEqual([each.json for each in self.gateway.asked], expected)
        self.assertEqual(self.keys("rotate", "front", "--overlap", "x").status, 2)

    def test_switching_and_deleting(self) -> None:
        for method, verb in (("PATCH", "enable"), ("PATCH", "disable")):
            self.answer(f"{method} {PATH}/front/{verb}", FRONT)
            self.assertEqual(self.keys(verb, "front").out, f"the key front is {verb}d\n")
        self.answer(f"DELETE {PATH}/front", None)
        self.assertEqual(self.keys("delete", "front").out, "the key front is deleted\n")

    def test_a_name_is_one_step_of_the_path(self) -> None:
        self.answer(f"DELETE {PATH}/..%2F..%2Fconfig%3Fa", None)
        self.assertEqual(self.keys("delete", "../../config?a").status, 0)

    def test_refused(self) -> None:
        self.answer(f"DELETE {PATH}/front", refusal(409, "NOT_POSSIBLE", "front stands in the files"))
        ran = self.keys("delete", "front")
        self.assertEqual((ran.status, ran.err), (1, "jairouter: front stands in the files\n"))

    def test_no_action(self) -> None:
        self.assertEqual(self.keys().status, 2)
