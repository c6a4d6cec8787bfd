"""The readable page of the management API in a real browser."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import Browser
from tests.integration.processes import Gateway, Shared, configuration

GATEWAY = Shared(lambda: Gateway(configuration("http://127.0.0.1:1")), Gateway.stop)
VISIBLE = "return [...document.querySelectorAll('details')].filter((each) => each.checkVisibility()).length"
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"


class PageTests(SynchronousTestCase):
    """``/swagger-ui``."""

    def browse(self, *size: int) -> Browser:
        """A browser that shows the page."""
        browser = Browser(*size)
        self.addCleanup(browser.stop)
        browser.go(f"{GATEWAY.get().url}/swagger-ui")
        return browser

    def test_shows_all_endpoints_and_finds_some(self) -> None:
        """Its own style and script are let through by its policy, and nothing is missed."""
        browser = self.browse()
        document = json.loads(GATEWAY.get().get("/v3/api-docs")[1])
        operations = sum(len(methods) for methods in document["paths"].values())
        self.assertEqual(browser.run(VISIBLE), operations)
        browser.type("#find", "rollback")
        found = browser.run(VISIBLE)
        self.assertGreater(found, 0)
        self.assertLess(found, 5)
        self.assertEqual(browser.run("return document.getElementById('count').textContent"), f"{found} found")
        self.assertEqual(browser.complaints(), [])

    def test_opens_an_endpoint_on_a_small_screen(self) -> None:
        """It fits, and has a command line to paste."""
        browser = self.browse(500, 800)  # the narrowest window that a browser makes
        browser.click("#patchInstance summary")
        text = browser.run("return document.getElementById('patchInstance').innerText")
        self.assertIn("curl", text)
        self.assertIn(GATEWAY.get().url, text)
        self.assertIn("If-Match", text)
        width, window = browser.run(WIDTHS)
        self.assertLessEqual(width, window)
        self.assertEqual(browser.complaints(), [])
