"""Tests of where the gateway and its store are."""

from __future__ import annotations

from jairouter.command.places import Places, places
from tests.command.running import CommandTestCase


class PlacesTests(CommandTestCase):
    """`places`."""

    def find(self, text: str, environ: dict[str, str] | None = None) -> Places:
        return places([str(self.write("application.yml", text))], [], environ or {})

    def test_urls(self) -> None:
        for address, url in (
            ("0.0.0.0", "http://127.0.0.1:81"),
            ("127.0.0.2", "http://127.0.0.2:81"),
            ('"::"', "http://[::1]:81"),
            ('"::1"', "http://[::1]:81"),
            ("gateway", "http://gateway:81"),
        ):
            self.assertEqual(self.find(f"server: {{address: {address}, port: 81}}").url, url)

    def test_faults_are_no_obstacle(self) -> None:
        """Who goes back from a fault must find the gateway."""
        found = self.find("server: {port: 81, prot: 1}\nzzz: ${NOWHERE}\nstore.path: /s\nstore.type: jpa")
        self.assertEqual((found.url, found.store), ("http://127.0.0.1:81", "/s"))

    def test_what_is_no_port_is_the_default(self) -> None:
        self.assertEqual(self.find("server.port: x").port, 8080)
        self.assertEqual(self.find("server: [1").port, 8080)

    def test_the_environment_counts(self) -> None:
        found = self.find("server.port: ${P}\nstore.path: ${HERE:/a}", {"P": "82", "STORE_TYPE": "memory"})
        self.assertEqual((found.port, found.store), (82, None))

    def test_an_audit_log(self) -> None:
        self.assertIsNone(self.find("logging.audit.file: /x").audit)
        self.assertEqual(self.find("logging.audit: {enabled: true, file: /x}").audit, "/x")
        self.assertEqual(self.find("security.audit.enabled: true").audit, "logs/security-audit.log")
