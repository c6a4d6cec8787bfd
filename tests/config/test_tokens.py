"""Tests for `jairouter.config.settings.tokens`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.tokens import JwtSettings
from tests.config.reading import faults_of, read


def jwt(text: str) -> JwtSettings:
    """Settings of tokens."""
    return read(f"security.jwt: {{{text}}}").settings.security.jwt


def fault(text: str) -> str:
    """What is wrong with them."""
    (told,) = faults_of(f"security.jwt: {{{text}}}")
    return told


class TokensTests(SynchronousTestCase):
    """What can be said about tokens."""

    def test_algorithms(self) -> None:
        for name in ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384"):
            self.assertEqual(jwt(f"algorithm: {name.lower()}").algorithm, name)
        for name in ("none", "ES512", "PS256", "HS1"):
            self.assertIn("algorithm: expected one of HS256", fault(f"algorithm: {name}"))

    def test_leeway(self) -> None:
        self.assertEqual(jwt("").leeway, 30)
        self.assertEqual(jwt("leeway: 0").leeway, 0)
        self.assertEqual(jwt("leeway: 5m").leeway, 300)
        self.assertIn("expected a duration of at most 300s", fault("leeway: 301"))

    def test_former_secrets_are_not_shown(self) -> None:
        loaded = jwt("previous-secrets: [planted-secret]")
        self.assertNotIn("planted-secret", repr(loaded))

    def test_where_keys_are_published(self) -> None:
        for url in (
            "https://login.example.com/realms/x/protocol/openid-connect/certs",
            "https://login.example.com:8443/keys?p=b2c_1",
            "http://localhost:8080/keys",
            "http://127.0.0.1/keys",
            "http://[::1]:9/keys",
            "HTTPS://login.example.com/keys",
        ):
            self.assertEqual(jwt(f'jwks-url: "{url}"').jwks_url, url)
        for url in (
            "http://login.example.com/keys",
            "http://localhost.example.com/keys",
            "http://127.0.0.1.example.com/keys",
            "http://127.0.0.1@example.com/keys",
            "https://user:planted@login.example.com/keys",
            "https://login.example.com/keys#x",
            "https://login.example.com/keys?a=b c",
            "https://login.example.com\\\\@127.0.0.1/keys",
            "file:///etc/passwd",
            "ftp://127.0.0.1/keys",
            "login.example.com",
            "https://",
            "",
        ):
            told = fault(f'jwks-url: "{url}"')
            self.assertIn("expected an https:// address", told)
            self.assertNotIn("planted", told)

    def test_old_lifetimes(self) -> None:
        self.assertIn(
            "refresh-expiration-days: expected an integer from 1 to 3650", fault("refresh-expiration-days: 0")
        )
        self.assertIn("jwks-cache-ttl: expected a duration of at least 1s", fault("jwks-cache-ttl: 0"))
