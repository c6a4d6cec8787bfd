"""Tests of what makes a secret weak."""

from __future__ import annotations

import string
from base64 import b64encode
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.weak import SHORTEST, weakness

EXAMPLES = (
    "sk-frontend-key-here",
    "sk-backend-key-here",
    "your-very-secure-jwt-secret-key-here",
    "your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "change-this-secret-in-production-please",
    "mySecretKeyForJWTTokenGeneration2024",
    "dev-jwt-secret-key-for-development-only",
    "my_super_secret_key_12",
    "P@ssw0rdP@ssw0rd2024",
    "ThisIsASecretKeyForJwtAuthentication1234",
)
RUNS = (
    "qwertyuiopasdfghjklzxcvbnm",
    "0123456789abcdef0123456789abcdef",
    "zyxwvutsrqponmlkjihgfedcba",
    "1qaz2wsx3edc4rfv",
)
BOTH = (
    "dev-admin-12345-abcde-67890-fghij",
    "supersecretkey1234567890",
)
SIGNING = (
    "your-very-secure-jwt-secret-key-at-least-32-characters-long",
    "your-jwt-secret-key-here-change-in-production",
    "ThisIsADefaultSecretKeyForDevOnly12345678",
    "dev-jwt-secret-key-for-testing-only-12345678901234567890123456789012",
    "change-me-change-me-change-me-change-me",
    "please-change-this-secret-key-in-production",
    "mysupersecretjwtkeythatisverylong1234",
    "MY_SUPER_SECRET_JWT_SIGNING_KEY_PLEASE_CHANGE",
    "jairouter-production-secret-2024-please-rotate",
    "test-secret-0123456789abcdef0123456789abcdef",
    "changemechangemechangemechangeme",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababababababababab",
    "12345678901234567890123456789012",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
)
"""What stands for the secret of tokens in documentation and in files of others."""
CHANCE = (
    "sk-Vr9cXf3LhT0wQZ8mN2kYbJ6uGd4EsPaR",
    "9f86d081884c7d659a2feaa0c55ad015",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "kBv9_wU-2nQzE7rXh4Lc1sTfY0oJmPdA6iG8yVtK3eR",
)


class WeaknessTests(SynchronousTestCase):
    """`weakness`."""

    def assert_weak(self, secret: str, reason: str, least: int = SHORTEST) -> None:
        found = weakness(secret, least)
        assert found is not None, secret
        self.assertIn(reason, found, secret)

    def test_examples_of_documentation(self) -> None:
        for secret in EXAMPLES:
            self.assert_weak(secret, "words of examples")
            self.assert_weak(secret.upper(), "words of examples")

    def test_secrets_of_tokens(self) -> None:
        self.assertEqual([each for each in SIGNING if weakness(each, 32) is None], [])

    def test_what_everybody_tries_first(self) -> None:
        for secret in ("admin", "password", "changeme", "letmein", "secret", "sk-key"):
            self.assert_weak(secret, "words of examples")

    def test_too_short(self) -> None:
        self.assert_weak("x7Kq9bWz3Lm5Rt2", "fewer than 16 characters")
        self.assertIsNone(weakness("x7Kq9bWz3Lm5Rt2v"))
        self.assert_weak("", "fewer than 16")

    def test_white_space_around_it_adds_nothing(self) -> None:
        self.assert_weak("  x7Kq9bWz3Lm5Rt2\n", "fewer than 16 characters")

    def test_signatures_ask_for_more(self) -> None:
        self.assert_weak("x7Kq9bWz3Lm5Rt2vx8Hq", "fewer than 32 characters", least=32)

    def test_few_different_characters(self) -> None:
        self.assert_weak("a" * 64, "only 1 different")
        self.assert_weak("xkcdxkkdccxdkxcdxkkc", "only 4 different")

    def test_the_same_again_and_again(self) -> None:
        self.assert_weak("Vr9cXf3LVr9cXf3LVr9c", "repeats 8 characters")

    def test_a_long_secret_that_is_written_twice_is_as_good_as_once(self) -> None:
        self.assertIsNone(weakness(CHANCE[1] * 2))

    def test_runs(self) -> None:
        for secret in RUNS:
            self.assert_weak(secret, "keyboard or the alphabet")

    def test_words_and_runs(self) -> None:
        for secret in BOTH:
            self.assert_weak(secret, "usual words and")

    def test_what_chance_has_made(self) -> None:
        for secret in CHANCE:
            self.assertIsNone(weakness(secret, 32), secret)

    def test_words_that_are_no_example(self) -> None:
        """A phrase of five or more words that nobody prints is fine."""
        self.assertIsNone(weakness("walrus trombone glacier pepper ninety"))

    @settings(max_examples=40, deadline=None)
    @given(st.binary(min_size=32, max_size=32))
    def test_the_reason_does_not_show_the_secret(self, noise: bytes) -> None:
        """Nor does any text raise."""
        text = noise.decode("latin-1")
        self.assertNotIn(text, weakness(text) or "")

    @settings(max_examples=40, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_keys_as_they_are_made_are_not_weak(self, random: Random) -> None:
        letters = string.ascii_letters + string.digits
        made = "sk-" + "".join(random.choices(letters, k=32))
        data = random.randbytes(32)
        for written in (b64encode(data).decode(), data.hex()):
            if len(set(data)) > 20:
                self.assertIsNone(weakness(written), written)
        # Hypothesis may choose what chance would not in all time: one letter again and again
        if len(set(made)) > 20:
            self.assertIsNone(weakness(made), made)
