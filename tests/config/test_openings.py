"""Tests of `jairouter.config.openings`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.openings import is_open, useless


class OpenTests(SynchronousTestCase):
    """Which routes are open."""

    def test_fits(self) -> None:
        for pattern in (
            "/v1/embeddings",
            "/api/v1/embeddings",
            "/v1/*",
            "/v1/**",
            "/api/v1/**",
            "/api/**",
            "/**",
            "*/embeddings",
        ):
            self.assertTrue(is_open(("/x", pattern), "/v1/embeddings"), pattern)
            self.assertEqual(useless((pattern,)), [])

    def test_fits_not(self) -> None:
        for pattern in (
            "/v1/embedding",
            "/V1/embeddings",
            "/v1/embeddings/",
            "v1/embeddings",
            "/api/v1/chat/**",
        ):
            self.assertFalse(is_open((pattern,), "/v1/embeddings"), pattern)
        self.assertFalse(is_open((), "/v1/embeddings"))

    def test_useless(self) -> None:
        given = (
            "/actuator/health",
            "/swagger-ui/**",
            "/api/config/**",
            "/api/auth/*",
            "/v1",
            "v1/*",
            "/v1/x",
        )
        self.assertEqual(useless(given), [*given[:6]])
