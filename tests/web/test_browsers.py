"""Tests of `jairouter.web.browsers`: what web pages may have a browser send, with security off."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.validation import CorsSettings
from jairouter.errors import PermissionDenied
from jairouter.web.browsers import PASSED_ON, Page, check_use, page_of
from jairouter.web.cors import Cors
from jairouter.web.guard import NoGuard
from tests.web.test_operations import PLAIN, WALKED
from tests.web.test_operations import Case as OperationCase

EVIL = "https://evil.test"


def fields_of(**fields: str) -> dict[bytes, bytes]:
    """Headers, of a request to a gateway on this machine."""
    given = {"host": "localhost:8080", **fields}
    return {name.lower().replace("_", "-").encode(): value.encode() for name, value in given.items()}


def cors_with(*origins: str) -> Cors:
    """What is configured."""
    return Cors(CorsSettings(allowed_origins=origins))


class PageTests(SynchronousTestCase):
    """Whose page it is."""

    def test_none(self) -> None:
        self.assertIsNone(page_of(fields_of()))
        self.assertIsNone(page_of(fields_of(sec_fetch_site="none")))

    def test_own(self) -> None:
        for origin, host in (
            ("http://localhost:8080", "localhost:8080"),
            ("HTTP://LOCALHOST:8080", "localhost:8080"),
            ("http://localhost", "localhost"),
            ("http://localhost:80", "localhost"),
            ("https://localhost", "localhost:443"),
            ("http://[::1]:8080", "[::1]:8080"),
        ):
            page = page_of(fields_of(origin=origin, host=host))
            self.assertEqual(page and page.same, True, (origin, host))

    def test_foreign(self) -> None:
        for origin in (
            EVIL,
            "null",
            "",
            "http://localhost",
            "http://localhost:3000",
            "http://localhost:8080.evil.test",
            "http://localhost:8080@evil.test",
            "http://evil.test#localhost:8080",
            "http://localhost:8080, http://evil.test",
            "file://localhost:8080",
        ):
            self.assertEqual(page_of(fields_of(origin=origin)), Page(same=False), origin)
        told = fields_of(origin="http://localhost:8080", sec_fetch_site="cross-site")
        self.assertEqual(page_of(told), Page(same=False))


class UseTests(SynchronousTestCase):
    """Who may use models."""

    def refused(self, cors: Cors | None = None, address: str = "127.0.0.1", **fields: str) -> bool:
        try:
            check_use(fields_of(**fields), cors, address, proxied=False)
        except PermissionDenied as error:
            self.assertIn("security.validation.cors.allowed-origins", error.message)
            return True
        return False

    def test_what_is_sent_unasked(self) -> None:
        for kind in ("", "text/plain", "TEXT/PLAIN;charset=utf-8", "multipart/form-data; boundary=x"):
            self.assertTrue(self.refused(origin=EVIL, content_type=kind), kind)
            self.assertTrue(self.refused(origin="null", content_type=kind), kind)
            self.assertTrue(self.refused(sec_fetch_site="cross-site", content_type=kind), kind)
        self.assertTrue(self.refused(origin=EVIL))

    def test_what_a_browser_asks_about_first(self) -> None:
        """It is not sent for a page; who sends it is a program with a browser inside."""
        self.assertFalse(self.refused(origin="app://obsidian.md", content_type="application/json"))
        self.assertFalse(self.refused(origin="app://obsidian.md", authorization="Bearer x"))

    def test_programs(self) -> None:
        self.assertFalse(self.refused(content_type="multipart/form-data; boundary=x"))

    def test_pages_that_are_allowed(self) -> None:
        self.assertFalse(self.refused(cors_with(EVIL), origin=EVIL))
        self.assertFalse(self.refused(cors_with("*"), origin="null"))
        self.assertTrue(self.refused(cors_with(EVIL), origin="null"))

    def test_a_name_that_was_made_to_mean_this_machine(self) -> None:
        own: dict[str, Any] = {"origin": "http://evil.test:8080", "host": "evil.test:8080"}
        for kind in ("application/json", "", "text/plain"):
            self.assertTrue(self.refused(**own, content_type=kind), kind)
        self.assertTrue(self.refused(**own, authorization="Bearer x"))
        self.assertTrue(self.refused(address="::1", **own))
        self.assertFalse(self.refused(address="10.0.0.7", **own))
        self.assertFalse(self.refused(cors_with("http://evil.test:8080"), **own))

    def test_a_page_behind_a_proxy_on_this_machine(self) -> None:
        own: dict[str, Any] = {"origin": "https://ai.test", "host": "ai.test"}
        for name in PASSED_ON:
            passed_on: dict[str, Any] = {**own, name.decode(): "x"}
            self.assertFalse(self.refused(**passed_on), name)

    def test_the_gateways_own_page(self) -> None:
        self.assertFalse(self.refused(origin="http://localhost:8080", content_type="text/plain"))
        self.assertFalse(self.refused(origin="http://10.1.2.3:8080", host="10.1.2.3:8080"))


class ServedTests(OperationCase):
    """Through a channel, by whichever spelling of the path."""

    def test_refused(self) -> None:
        for path in (PLAIN, *WALKED):
            received = self.ask(b"POST", path, b"Origin: https://evil.test")
            self.assertEqual(received.status, 403, path)
        self.assertEqual(self.ask(b"POST", PLAIN, b"Sec-Fetch-Site: cross-site").status, 403)

    def test_answered(self) -> None:
        self.assertEqual(self.ask(b"POST", PLAIN).status, 200)
        asked = (b"Origin: https://evil.test", b"Content-Type: application/json")
        self.assertEqual(self.ask(b"POST", PLAIN, *asked).status, 200)

    def test_not_with_security_on(self) -> None:
        """A key cannot be had unasked."""
        self.patch(NoGuard, "gate", object())
        self.assertEqual(self.ask(b"POST", PLAIN, b"Origin: https://evil.test").status, 200)
