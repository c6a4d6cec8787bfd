"""The readable page of the management API in a real browser."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import Browser
from tests.integration.processes import Gateway, Shared, configuration, wait_until

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


class AskingTests(SynchronousTestCase):
    """Asking from the page, as somebody: what is sent, by a browser that makes up the answers."""

    def setUp(self) -> None:
        self.browser = Browser()
        self.addCleanup(self.browser.stop)
        self.browser.go(f"{GATEWAY.get().url}/swagger-ui")

    def test_nobody_has_to_say_who_they_are(self) -> None:
        """As the gateway that is asked here has it."""
        self.assertEqual(self.said(), "Nobody has to say who they are here: security is off.")
        self.assertFalse(self.seen("#with-key"))
        self.assertEqual(self.browser.complaints(), [])

    def test_an_endpoint_is_asked(self) -> None:
        self.send("getCurrentVersion")
        shown = self.wait("document.querySelector('#getCurrentVersion .send pre').textContent")
        status, _, envelope = shown.partition("\n")
        self.assertEqual((status, json.loads(envelope)["data"]), ("200", 0))
        self.assertEqual(self.browser.complaints(), [])

    def test_what_has_a_gap_is_not_sent(self) -> None:
        self.pretend()
        self.send("getVersion")
        text = self.browser.run("return document.querySelector('#getVersion .send pre').textContent")
        self.assertEqual(text, "Put something in the place of {version}")
        self.assertEqual(self.sent(), [])

    def test_a_key_is_sent_with_each_call_and_kept_nowhere(self) -> None:
        self.pretend()
        self.refuse_once()
        self.browser.type("#key", "sk-planted-key")
        self.browser.click("#with-key button")
        told = self.wait("document.getElementById('who').textContent.startsWith('Asking as') && 1")
        self.assertEqual(told, 1)
        self.assertEqual(self.said(), "Asking as front (api-key), who may: chat:read")
        self.assertEqual(self.sent()[-1]["headers"], {"X-API-Key": "sk-planted-key"})
        self.assertEqual(self.browser.run("return document.getElementById('key').value"), "")
        kept = "return [location.href, document.cookie, JSON.stringify(localStorage), "
        kept += "JSON.stringify(sessionStorage), document.documentElement.outerHTML].join()"
        self.assertNotIn("sk-planted-key", self.browser.run(kept))
        self.browser.click("#logout")
        self.wait("window.sent.length >= 3 && 1")
        self.assertEqual(self.sent()[-1]["headers"], {})

    def test_logging_in_and_out(self) -> None:
        self.pretend()
        self.refuse_once()
        self.browser.type("#user", "admin")
        self.browser.type("#password", "planted-password")
        self.browser.click("#login button")
        self.wait("document.getElementById('who').textContent.startsWith('Asking as') && 1")
        login, me = self.sent()[-2:]
        self.assertEqual(json.loads(login["body"]), {"username": "admin", "password": "planted-password"})
        self.assertEqual(me["headers"], {"Authorization": "Bearer planted.token"})
        self.browser.click("#logout")
        self.wait("window.sent.at(-1).path === '/api/auth/me' && window.sent.length >= 5 && 1")
        logout, after = self.sent()[-2:]
        self.assertEqual(logout["path"], "/api/auth/jwt/logout")
        self.assertEqual(logout["headers"], {"Authorization": "Bearer planted.token"})
        self.assertEqual(after["headers"], {})

    def test_a_refusal_asks_for_credentials_and_forgets_those_before(self) -> None:
        self.pretend()
        self.refuse_once()
        self.assertEqual(self.said(), "Say who asks: no such key")
        self.assertTrue(self.seen("#with-key") and self.seen("#login"))

    def test_nobody_else_is_asked(self) -> None:
        """Whatever stands in the field."""
        self.pretend()
        self.send("getCurrentVersion", "//elsewhere.example/api")
        text = self.wait("document.querySelector('#getCurrentVersion .send pre').textContent")
        self.assertEqual(text, "No answer: only this gateway is asked")
        self.assertEqual(self.sent(), [])

    def pretend(self) -> None:
        """Let the browser answer by itself, and write down what is sent."""
        self.wait("document.getElementById('who').textContent")
        self.browser.run(PRETENDED)

    def refuse_once(self) -> None:
        """Have a call refused, as when a key is not valid any more."""
        self.browser.run("window.refusing = true")
        self.send("getCurrentVersion")
        self.wait("document.getElementById('who').textContent.startsWith('Say who') && 1")

    def send(self, name: str, path: str | None = None) -> None:
        """Open an endpoint, and press its button; with another path in the field, perhaps."""
        self.browser.click(f"#{name} summary")
        # What is sent with is made when the browser says that it is open, which it does later
        self.wait(f"document.querySelector('#{name} .send button') && 1")
        if path is not None:
            self.browser.run(f"document.querySelector('#{name} .send input').value = arguments[0]", path)
        self.browser.click(f"#{name} .send button")

    def said(self) -> str:
        text: str = self.wait("document.getElementById('who').textContent")
        return text

    def seen(self, selector: str) -> bool:
        found: bool = self.browser.run(f"return document.querySelector('{selector}').checkVisibility()")
        return found

    def sent(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.browser.run("return window.sent")
        return found

    def wait(self, expression: str) -> Any:
        return wait_until(lambda: self.browser.run(f"return {expression}"), expression)


PRETENDED = """
window.sent = [];
window.refusing = false;
window.fetch = async (url, { method, headers, body }) => {
  window.sent.push({ method, path: url.pathname, headers: { ...headers }, body });
  delete window.sent.at(-1).headers["Content-Type"];
  const answer = (status, said) => new Response(JSON.stringify(said), { status });
  if (window.refusing) {
    window.refusing = false;
    return answer(401, { success: false, message: "no such key", errorCode: "INVALID_API_KEY" });
  }
  const data = {
    "/api/auth/me": { name: "front", kind: "api-key", permissions: ["chat:read"] },
    "/api/auth/jwt/login": { token: "planted.token" },
  }[url.pathname];
  return answer(200, { success: true, message: "OK", data });
};
"""
"""What stands in for the network in a browser."""
