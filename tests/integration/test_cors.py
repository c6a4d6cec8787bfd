"""Cross-origin resource sharing as a real browser understands it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import Browser
from tests.integration.processes import Pair, Process, Shared

_SERVING = re.compile(r"port (\d+)")
FETCH = """
const [url, method, body, headers, credentials] = arguments;
return fetch(url, {method, body, headers, credentials}).then(async (answer) => ({
    status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers)
}), (error) => ({status: 0, text: String(error), headers: {}}));
"""
SEND_ALL_THE_SAME = """
const [url, body] = arguments;
return fetch(url, {method: "POST", body, mode: "no-cors"}).then((answer) => answer.type);
"""
ASK = '{"model": "org/chat", "messages": [{"role": "user", "content": "hello"}]}'
STREAM = '{"model": "org/chat", "stream": true, "messages": [{"role": "user", "content": "hello"}]}'
ADD = '{"name": "another", "baseUrl": "http://127.0.0.1:9"}'
JSON = {"Content-Type": "application/json", "Authorization": "Bearer sk-of-the-page"}


class Pages:
    """A site with one empty page, a browser, and a gateway that the site's pages may call.

    Under the name ``localhost`` the same site is another origin.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="jairouter-test-"))
        (self._folder / "index.html").write_text("<!doctype html><title>a page</title>")
        command = (
            sys.executable,
            "-m",
            "http.server",
            "--bind",
            "127.0.0.1",
            "--directory",
            self._folder,
            "0",
        )
        self._site = Process(command)
        self.port = int(self._site.wait_for(_SERVING)[1])
        cors = {
            "allowed-origins": [f"http://127.0.0.1:{self.port}"],
            "allowed-methods": ["GET", "POST", "PUT", "DELETE"],
            "allowed-headers": ["Content-Type", "Authorization", "X-API-Key"],
            "allow-credentials": True,
        }
        self.pair = Pair(security={"validation": {"cors": cors, "max-request-size": "10KB"}})
        self.browser = Browser()

    def stop(self) -> None:
        self.browser.stop()
        self.pair.stop()
        self._site.stop()
        shutil.rmtree(self._folder)


PAGES = Shared(Pages, Pages.stop)
CHAT = "/v1/chat/completions"


class CorsTests(SynchronousTestCase):
    """What pages may do."""

    def fetch(
        self, path: str, body: str | None = None, method: str = "", host: str = "127.0.0.1", **more: Any
    ) -> Any:
        """What a page of a host gets; status 0 if the browser keeps it from the page."""
        pages = PAGES.get()
        pages.browser.go(f"http://{host}:{pages.port}/")
        headers = more.get("headers", JSON if body else {})
        method = method or ("POST" if body else "GET")
        credentials = more.get("credentials", "same-origin")
        return pages.browser.run(FETCH, pages.pair.gateway.url + path, method, body, headers, credentials)

    def answered(self) -> float:
        """How often a model was asked so far."""
        return PAGES.get().pair.gateway.metric("jairouter_backend_calls_total")

    def test_answer(self) -> None:
        """Behind a preflight, since it has headers that no form could send."""
        before = self.answered()
        found = self.fetch(CHAT, ASK)
        self.assertEqual(found["status"], 200, found)
        self.assertEqual(self.answered(), before + 1)
        self.assertIn("choices", found["text"])
        self.assertLess({"x-request-id", "x-jairouter-instance", "content-type"}, found["headers"].keys())

    def test_with_credentials(self) -> None:
        self.assertEqual(self.fetch(CHAT, ASK, credentials="include")["status"], 200)

    def test_stream(self) -> None:
        found = self.fetch(CHAT, STREAM)
        self.assertTrue(found["text"].endswith("data: [DONE]\n\n"), found)

    def test_errors(self) -> None:
        for path, body, status in (
            (CHAT, "{", 400),
            (CHAT, ASK.replace("org/chat", "nobody"), 404),
            (CHAT, ASK + " " * 10_240, 413),
            ("/v1/nothing", None, 404),
            ("/actuator/health", None, 200),
        ):
            found = self.fetch(path, body)
            self.assertEqual(found["status"], status, found)

    def test_headers_that_are_not_allowed(self) -> None:
        self.assertEqual(self.fetch(CHAT, ASK, headers={**JSON, "X-Other": "1"})["status"], 0)

    def test_management(self) -> None:
        found = self.fetch("/api/config/instance/add/chat", ADD)
        self.assertEqual(found["status"], 201, found)
        self.assertEqual(self.fetch("/api/models", method="GET")["status"], 200)

    def test_foreign_page(self) -> None:
        """It gets nothing; what no form could send, is not even sent."""
        before = self.answered()
        for path, body in (
            (CHAT, ASK),
            ("/v1/models", None),
            ("/api/models", None),
            ("/actuator/health", None),
        ):
            found = self.fetch(path, body, host="localhost")
            self.assertEqual((found["status"], found["text"]), (0, "TypeError: Failed to fetch"))
        self.assertEqual(self.answered(), before)

    def test_foreign_page_that_wants_no_answer(self) -> None:
        """What a form could send is sent without a question; the management API does not do it."""
        pages = PAGES.get()
        pages.browser.go(f"http://localhost:{pages.port}/")
        gateway = pages.pair.gateway
        before = gateway.get("/api/config/version")[1]
        for path, body in (("/api/config/instance/add/chat", ADD), ("/api/config/rollback/0", "")):
            self.assertEqual(pages.browser.run(SEND_ALL_THE_SAME, gateway.url + path, body), "opaque")
        self.assertEqual(_stable(gateway.get("/api/config/version")[1]), _stable(before))


def _stable(page: bytes) -> bytes:
    """A page of the management API without the time at which it was made."""
    return re.sub(rb'"timestamp":"[^"]*"', b"", page)
