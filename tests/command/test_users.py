"""Tests of `jairouter accounts`, `tokens` and `whoami`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.command.running import CommandTestCase, FakeGateway, Ran, refusal

PATH = "/api/security/jwt/accounts"
PASSWORD = "planted password"


class UsersTests(CommandTestCase):
    """Each action is one question."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway = FakeGateway(self)

    def run_it(self, *arguments: str, **more: Any) -> Ran:
        ran = self.run_command(*arguments, environ={"JAIROUTER_API_KEY": "sk-admin"}, **more)
        self.assertNotIn(PASSWORD, ran.out + ran.err)
        return ran

    def answer(self, question: str, answer: Any) -> None:
        self.gateway.answers[question] = answer

    def typing(self, *answers: str) -> Callable[[str], str]:
        given = list(answers)
        return lambda question: given.pop(0)

    def test_a_table(self) -> None:
        anna = {"username": "anna", "enabled": True, "roles": ["USER"], "source": "configuration"}
        self.answer(f"GET {PATH}", [anna])
        out = self.run_it("accounts", "list").out.splitlines()
        self.assertEqual([line.split() for line in out][1], ["anna", "yes", "USER", "configuration"])
        self.assertEqual(self.run_it("accounts", "list", "--json").json, [anna])

    def test_a_new_user(self) -> None:
        self.answer(f"POST {PATH}", {})
        add = ("accounts", "add", "anna", "--roles", "USER, config:read")
        ran = self.run_it(*add, terminal=True, hidden=self.typing(PASSWORD, PASSWORD))
        self.assertEqual((ran.status, ran.out), (0, "anna can log in\n"))
        body = {"username": "anna", "password": PASSWORD, "roles": ["USER", "config:read"]}
        self.assertEqual(self.gateway.asked[0].json, body)

    def test_two_different_passwords(self) -> None:
        typed = self.typing(PASSWORD, "other")
        ran = self.run_it("accounts", "add", "anna", terminal=True, hidden=typed)
        self.assertEqual((ran.status, self.gateway.asked), (1, []))

    def test_a_password_that_is_piped_or_in_a_file(self) -> None:
        self.answer(f"PUT {PATH}/anna/password", None)
        set_it = ("accounts", "password", "anna")
        self.run_it(*set_it, stdin=f"{PASSWORD}\n".encode())
        file = self.write("password", PASSWORD)
        file.chmod(0o600)
        self.run_it(*set_it, "--new-password-file", str(file))
        self.assertEqual([each.json for each in self.gateway.asked], [{"newPassword": PASSWORD}] * 2)
        self.assertEqual(self.run_it(*set_it).status, 1)

    def test_ones_own_password_needs_the_old_one(self) -> None:
        """It was typed to log in, and is not asked for again."""
        self.answer("POST /api/auth/jwt/login", {"token": "a.b.c"})
        self.answer("POST /api/auth/jwt/logout", None)
        self.answer(f"PUT {PATH}/anna/password", None)
        typed = self.typing("old one", PASSWORD, PASSWORD)
        ran = self.run_it("accounts", "password", "anna", "--username", "anna", terminal=True, hidden=typed)
        self.assertEqual(ran.status, 0, ran.err)
        self.assertEqual(self.gateway.asked[1].json, {"newPassword": PASSWORD, "oldPassword": "old one"})

    def test_switching(self) -> None:
        for verb in ("enable", "disable"):
            self.answer(f"POST {PATH}/a%2Fb/{verb}", {})
            self.assertEqual(self.run_it("accounts", verb, "a/b").out, f"a/b is {verb}d\n")

    def test_revoking_all_tokens(self) -> None:
        self.answer("POST /api/auth/jwt/revoke-all", {"revoked": 3})
        ran = self.run_it("tokens", "revoke-all", "anna")
        self.assertEqual((ran.status, ran.out), (0, "the tokens of anna are revoked\n"))
        self.assertEqual(self.gateway.asked[0].json, {"username": "anna"})

    def test_who_asks(self) -> None:
        data = {"name": "front", "kind": "api-key", "permissions": ["chat:read", "tts:read"]}
        self.answer("GET /api/auth/me", data)
        self.assertEqual(self.run_it("whoami").out, "front (api-key)\nchat:read, tts:read\n")
        self.assertEqual(self.run_it("whoami", "--json").json, data)

    def test_nobody_that_is_known(self) -> None:
        self.answer("GET /api/auth/me", refusal(401, "INVALID_API_KEY", "no such key"))
        self.assertEqual(self.run_it("whoami").status, 4)
