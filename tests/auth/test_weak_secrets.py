"""Secrets that can be guessed, and those that cannot."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.weak_secrets import why_weak

EXAMPLES = (
    "your-very-secure-jwt-secret-key-here",
    "your-very-secure-jwt-secret-key-at-least-32-characters-long",
    "your-jwt-secret-key-here-change-in-production",
    "ThisIsADefaultSecretKeyForDevOnly12345678",
    "dev-jwt-secret-key-for-development-only",
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
    "0123456789abcdef0123456789abcdef",
    "12345678901234567890123456789012",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
)


class WeakTests(SynchronousTestCase):
    """What everybody tries first."""

    def test_examples(self) -> None:
        self.assertEqual([each for each in EXAMPLES if not why_weak(each)], [])

    def test_nothing(self) -> None:
        for text in ("", "a", "ab"):
            self.assertTrue(why_weak(text))


class GoodTests(SynchronousTestCase):
    """What is drawn is never refused."""

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 2**64))
    def test_drawn(self, seed: int) -> None:
        random = Random(seed)
        for size in (24, 32, 48):
            data = random.randbytes(size)
            written = [b64encode(data).decode(), urlsafe_b64encode(data).decode()]
            written += [data.hex()] if size > 24 else []
            self.assertEqual([why_weak(each) for each in written], [""] * len(written))
