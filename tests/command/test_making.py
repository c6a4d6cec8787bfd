"""Tests of `jairouter hash-password`, `new-key` and `new-secret`."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import bcrypt
import yaml

from jairouter.config.weak import weakness
from tests.command.running import CommandTestCase, Ran

PASSWORD = "tr0mbone glacier"


class HashPasswordTests(CommandTestCase):
    """`jairouter hash-password`; the cheapest hashes that there are, since each is checked again."""

    def setUp(self) -> None:
        super().setUp()
        self.calls: list[tuple[bytes, bytes]] = []
        real = bcrypt.hashpw

        def cheap(password: bytes, salt: bytes) -> bytes:
            self.calls.append((password, salt))
            return real(password, b"$2b$04$" + salt[7:])

        self.patch(bcrypt, "hashpw", cheap)

    def piped(self, password: bytes, *more: str) -> Ran:
        return self.run_command("hash-password", *more, stdin=password)

    def typed(self, *answers: str) -> Ran:
        given = list(answers)
        return self.run_command("hash-password", hidden=lambda question: given.pop(0), terminal=True)

    def test_the_hash_is_of_the_password(self) -> None:
        ran = self.piped(PASSWORD.encode() + b"\n")
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertTrue(bcrypt.checkpw(PASSWORD.encode(), ran.out.strip().encode()))

    def test_the_cost(self) -> None:
        self.piped(b"x" * 9)
        self.piped(b"x" * 9, "--cost", "14")
        self.assertEqual([salt[:7] for _, salt in self.calls], [b"$2b$12$", b"$2b$14$"])
        for cost in ("9", "15", "x"):
            self.assertEqual(self.piped(b"x", "--cost", cost).status, 2)

    def test_no_two_salts_are_alike(self) -> None:
        """And each is one that bcrypt takes as it is."""
        hashes = {self.piped(PASSWORD.encode()).out for _ in range(3)}
        self.assertEqual(len(hashes), 3)
        self.assertEqual({len(salt) for _, salt in self.calls}, {29})

    def test_72_bytes_and_no_more(self) -> None:
        self.assertEqual(self.piped(b"0123456789ab" * 6).status, 0)
        ran = self.piped("ä".encode() * 37)
        self.assertEqual((ran.status, ran.out), (1, ""))
        self.assertIn("has 74 bytes, of which bcrypt would check the first 72 only", ran.err)

    def test_no_password(self) -> None:
        for content in (b"", b"\n", b"a\0b\n"):
            self.assertEqual(self.piped(content).status, 1)

    def test_it_is_typed_twice(self) -> None:
        ran = self.typed(PASSWORD, PASSWORD)
        self.assertEqual(ran.status, 0, ran.err)
        self.assertEqual(self.calls[0][0], PASSWORD.encode())
        self.assertEqual(self.typed(PASSWORD, "other one").status, 1)

    def test_a_weak_one_is_warned_of_and_not_shown(self) -> None:
        ran = self.piped(b"changeme")
        self.assertEqual(ran.status, 0)
        self.assertIn("warning: the password is weak", ran.err)
        self.assertNotIn("changeme", ran.err)


class NewKeyTests(CommandTestCase):
    """`jairouter new-key`."""

    def test_the_entry_has_the_hash_and_not_the_key(self) -> None:
        out = self.run_command("new-key", "--id", "front", "--permissions", "chat:read, embedding:*").out
        value, _, rest = out.partition("\n")
        self.assertNotIn(value, rest)
        expected = {
            "name": "front",
            "value-hash": f"sha256:{sha256(value.encode()).hexdigest()}",
            "permissions": ["chat:read", "embedding:*"],
        }
        self.assertEqual(yaml.safe_load(rest), [expected])

    def test_the_entry_alone(self) -> None:
        ran = self.run_command("new-key", "--yaml")
        [entry] = yaml.safe_load(ran.out)
        self.assertEqual(entry["value-hash"], f"sha256:{sha256(ran.err.strip().encode()).hexdigest()}")

    def test_for_scripts(self) -> None:
        made = json.loads(self.run_command("new-key", "--json").out)
        self.assertTrue(made["value"].startswith("sk-"))
        self.assertIsNone(weakness(made["value"], 40))

    def test_a_permission_that_is_none(self) -> None:
        ran = self.run_command("new-key", "--permissions", "chat:raed")
        self.assertEqual((ran.status, ran.out), (1, ""))
        self.assertIn("did you mean chat:read?", ran.err)


class NewSecretTests(CommandTestCase):
    """`jairouter new-secret`."""

    def test_64_bytes(self) -> None:
        first, second = (self.run_command("new-secret").out.strip() for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertEqual(len(base64.urlsafe_b64decode(first + "==")), 64)
        self.assertIsNone(weakness(first, 64))
