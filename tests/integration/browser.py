"""A real browser, driven by chromedriver over the WebDriver protocol (W3C), which is JSON over HTTP."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from typing import Any

from tests.integration.processes import Process

_STARTED = re.compile(r"started successfully on port (\d+)")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""How the protocol names the member that refers to an element (section 12.2)."""

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # root may not use it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
)


class Browser:
    """Debian's Chromium with one window.

    Args:
        width: Of the window, in pixels.
        height: Likewise.
    """

    def __init__(self, width: int = 1100, height: int = 900) -> None:
        driver = shutil.which("chromedriver")
        assert driver is not None, "chromedriver is not installed: tools/debian-test-packages"
        self._driver = Process([driver, "--port=0", "--allowed-ips=127.0.0.1"])
        try:
            self._port = int(self._driver.wait_for(_STARTED)[1])
            arguments = [*_ARGUMENTS, f"--window-size={width},{height}"]
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._session = f"/session/{answer['sessionId']}"
        except BaseException:
            self._driver.stop()
            raise

    def stop(self) -> None:
        """Close it."""
        try:
            self._ask("DELETE", self._session)
        finally:
            self._driver.stop()

    def go(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns on the page."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into what a CSS selector finds, and type."""
        self._ask("POST", f"{self._element(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click on what a CSS selector finds."""
        self._ask("POST", f"{self._element(selector)}/click", {})

    def complaints(self) -> list[str]:
        """What the browser has said about the page since it was asked last."""
        return [each["message"] for each in self._ask("POST", f"{self._session}/se/log", {"type": "browser"})]

    def _element(self, selector: str) -> str:
        found = self._ask("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        return f"{self._session}/element/{found[_ELEMENT]}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            client.request(method, path, None if body is None else json.dumps(body))
            response = client.getresponse()
            value = json.loads(response.read())["value"]
            if response.status != 200:
                raise AssertionError(f"{method} {path}: {value}\n{self._driver}")
            return value
        finally:
            client.close()
