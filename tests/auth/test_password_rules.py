"""Tests for `jairouter.auth.password_rules`."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.password_rules import faults_of
from jairouter.config.settings.accounts import PasswordSettings


def wrong(password: str, name: str = "alice", **rules: Any) -> list[str]:
    """What is wrong with a password."""
    return faults_of(password, name, PasswordSettings.model_validate(rules))


class RulesTests(SynchronousTestCase):
    """What may be a password."""

    def test_good_ones(self) -> None:
        for password in (
            "correct horse battery staple",
            "trombone-lake-47",
            "ünïcödë🎺trombone",
            "Xk2#fP9qLm4!",
        ):
            self.assertEqual(wrong(password), [], password)

    def test_length(self) -> None:
        self.assertEqual(wrong("trombone-47"), ["it has to have at least 12 characters"])
        self.assertEqual(wrong("trombone-47", min_length=11), [])

    def test_what_bcrypt_does_not_take(self) -> None:
        for password in (
            "trombone" * 9 + "x",
            "trombone-lake\0-47",
            "ä" * 37,
            "trombone-lake-\ud800",
            "a" * 100_000,
        ):
            self.assertIn("72 bytes", wrong(password)[0])

    def test_the_name(self) -> None:
        for name in ("alice", "ALICE", "Al1ce-Trombone-Lake"):
            self.assertIn("user name", "".join(wrong("my-alice-al1ce-trombone-lake", name)), name)
        self.assertIn("user name", "".join(wrong("trombone-lake", "trombone-lake-orchestra")))
        self.assertEqual(wrong("a-trombone-lake", "a"), [])

    def test_common_ones(self) -> None:
        for password in (
            "passwordpassword",
            "Password12345",
            "2024administrator!",
            "qwerty123456",
            "iloveyousomuch",
        ):
            self.assertIn("everybody tries", "".join(wrong(password)), password)

    def test_repetition_and_runs(self) -> None:
        for password in (
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123412341234!",
            "abcdefghijklm",
            "210987654321",
            "qwertyuiopas",
        ):
            self.assertIn("again and again", "".join(wrong(password)), password)

    def test_kinds_of_characters_only_where_asked_for(self) -> None:
        self.assertEqual(wrong("trombonelakes"), [])
        self.assertEqual(len(wrong("trombonelakes", required_classes=2)), 1)
        self.assertEqual(wrong("Trombone lake 4", required_classes=4), [])
        self.assertEqual(len(wrong("TROMBONE LAKE", required_classes=3)), 1)

    @settings(max_examples=30, deadline=None)
    @given(st.text("aA1 é\0\ud800passwordqwerty", max_size=80))
    def test_anything(self, password: str) -> None:
        """It never fails, never takes long, and never shows the password."""
        for fault in wrong(password):
            self.assertFalse(len(password) > 11 and password in fault)
