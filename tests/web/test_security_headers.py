"""Tests for `jairouter.web.security_headers`: what pages for operators tell browsers."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from jairouter.web.client_address import TrustedProxies
from jairouter.web.resources import Branch
from jairouter.web.security_headers import ALWAYS, SecurityHeaders
from tests.web.serving import Received, Serving, answers
from tests.web.whole import ASK, CHAT, WholeCase

NAMES = [name.decode().lower() for name, _ in ALWAYS]
ALL = {name.decode().lower(): value.decode() for name, value in ALWAYS}


class PageTests(WholeCase):
    """Through a whole gateway."""

    def assert_careful(self, answer: Received, path: str) -> None:
        self.assertEqual({name: answer.headers.get(name) for name in NAMES}, ALL, path)

    def test_pages_and_refusals(self) -> None:
        self.start()
        for method, path, status in (
            ("GET", "/actuator/health", 200),
            ("GET", "/actuator/prometheus", 200),
            ("GET", "/actuator/nothing", 404),
            ("GET", "/health", 200),
            ("POST", "/health", 405),
            ("OPTIONS", "/health", 204),
            ("GET", "/api/models", 200),
            ("GET", "/api/nothing", 404),
            ("DELETE", "/api/models", 405),
            ("POST", "/api/config/instance/add/chat", 400),
            ("GET", "/v3/api-docs", 200),
            ("GET", "/", 404),
            ("GET", "/v1", 404),
            ("GET", "/v1x/models", 404),
            ("GET", "/v1/nothing", 404),
            ("GET", "/api/v1/nothing", 404),
            ("GET", "/api/v1/routing-monitor", 200),
            ("GET", "/api/v1/circuit-breaker-monitor", 200),
        ):
            answer = self.ask(method, path)
            self.assertEqual(answer.status, status, path)
            self.assert_careful(answer, path)
            self.assertNotIn("strict-transport-security", answer.headers)

    def test_what_may_not_be_seen(self) -> None:
        self.start("management: {api: {allow-from: []}}")
        for path in ("/api/models", "/v3/api-docs", "/swagger-ui"):
            answer = self.ask("GET", path)
            self.assertEqual(answer.status, 403)
            self.assert_careful(answer, path)

    def test_the_page_for_people(self) -> None:
        """It has a policy of its own, and only that one."""
        self.start()
        answer = self.ask("GET", "/swagger-ui")
        self.assertIn("script-src 'sha256-", answer.headers["content-security-policy"])
        self.assertEqual(
            {name: answer.headers[name] for name in NAMES if "policy" not in name},
            {name: value for name, value in ALL.items() if "policy" not in name},
        )

    def test_model_routes_have_none(self) -> None:
        self.start()
        client = self.send("POST", CHAT, ASK)
        self.backend.last.answer(b"{}")
        self.network.run()
        for answer in (
            answers(client.received)[0],
            self.ask("POST", CHAT, b"{"),
            self.ask("GET", "/v1/models"),
            self.ask("GET", "/api/v1/models"),
        ):
            self.assertEqual(sorted(answer.headers.keys() & NAMES), [])

    def test_no_server_is_named(self) -> None:
        """Nor its version."""
        self.start()
        for path in ("/v1/models", "/actuator/health", "/api/models", "/nothing"):
            headers = self.ask("GET", path).headers
            self.assertFalse({"server", "x-powered-by"} & headers.keys(), path)

    def test_switched_off(self) -> None:
        self.start("security.headers.enabled: false")
        self.assertEqual(sorted(self.ask("GET", "/actuator/health").headers.keys() & NAMES), [])

    def test_at_reload(self) -> None:
        self.start()
        settings = self.plane.configuration.loaded.settings
        headers = settings.security.headers.model_copy(update={"enabled": False})
        security = settings.security.model_copy(update={"headers": headers})
        self.gateway.reload(settings.model_copy(update={"security": security}))
        self.assertNotIn("x-frame-options", self.ask("GET", "/actuator/health").headers)


class SecureTests(SynchronousTestCase):
    """``Strict-Transport-Security``."""

    def ask(
        self, *lines: str, hsts: float = 600.0, proxies: TrustedProxies | None = None, tls: bool = False
    ) -> str | None:
        serving = Serving(Branch(), proxies=proxies)
        serving.site.security_headers = SecurityHeaders(hsts)
        client = serving.client()
        if tls:
            transport: Any = serving.server_end(client)
            directlyProvides(transport, ISSLTransport)
        client.send("\r\n".join(["GET / HTTP/1.1", "Host: x", *lines, "\r\n"]).encode())
        serving.run()
        value = answers(client.received)[0].headers.get("strict-transport-security")
        self.assertEqual(serving.close(), [])
        return value

    def test_over_tls(self) -> None:
        self.assertEqual(self.ask(tls=True), "max-age=600")

    def test_not_over_tls(self) -> None:
        """Over HTTP anybody may have written it, and browsers ignore it (RFC 6797, section 7.2)."""
        self.assertIsNone(self.ask())
        self.assertIsNone(self.ask("X-Forwarded-Proto: https"))

    def test_what_a_trusted_proxy_says(self) -> None:
        here = TrustedProxies([ip_network("127.0.0.1")])
        self.assertEqual(self.ask("X-Forwarded-Proto: HTTPS", proxies=here), "max-age=600")
        self.assertEqual(self.ask("X-Forwarded-Proto: http, https", proxies=here), "max-age=600")
        for lines in (
            [],
            ["X-Forwarded-Proto: http"],
            ["X-Forwarded-Proto: https, http"],
            ["X-Forwarded-Proto:"],
        ):
            self.assertIsNone(self.ask(*lines, proxies=here), lines)

    def test_what_others_say(self) -> None:
        elsewhere = TrustedProxies([ip_network("10.0.0.0/8")])
        self.assertIsNone(self.ask("X-Forwarded-Proto: https", proxies=elsewhere))

    def test_switched_off(self) -> None:
        self.assertIsNone(self.ask(hsts=0, tls=True))
