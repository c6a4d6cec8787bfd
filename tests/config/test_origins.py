"""Tests for `jairouter.config.origins`: what is one origin, and what only looks like it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.forms import Unfit
from jairouter.config.origins import Origin, OriginPattern, compiled, take_apart
from tests.config.reading import faults_of, read

CORS = "security.validation.cors"


class OriginTests(SynchronousTestCase):
    """Exact ones."""

    def test_one_spelling(self) -> None:
        for written, same in (
            ("https://a.example.com", "https://a.example.com"),
            ("HTTPS://A.Example.COM:443", "https://a.example.com"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:0443", "http://a.example:443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[0:0:0::1]:3000", "http://[::1]:3000"),
            ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
            ("capacitor://localhost", "capacitor://localhost"),
        ):
            self.assertEqual(str(take_apart(written)), same)

    def test_what_is_none(self) -> None:
        for text in (
            "",
            "null",
            "*",
            "https://",
            "//a.example",
            "a.example",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?",
            "https://a.example#",
            "https://u@a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:443:443",
            "https://a.example\n",
            "https://a.example ",
            " https://a.example",
            "https://a.example, https://b.example",
            "https://a.example https://b.example",
            "https://a..example",
            "https://-a.example",
            "https://m\u00fcller.example",
            "https://a.example\u3002com",
            "https://\u212alvin.example",  # the sign of Kelvin becomes a k in lower case
            "https://[::1",
            "https://[fe80::1%25eth0]",
            "https://[a.example]",
            "https://a.example:8\u0664",  # a digit, though not of ASCII
            "https://" + "a" * 500,
        ):
            self.assertIsNone(take_apart(text), text)

    def test_read(self) -> None:
        self.assertEqual(Origin().parse("https://A.example:443/"), "https://a.example")
        self.assertEqual([Origin().parse(each) for each in ("*", "null")], ["*", "null"])

    def test_refused(self) -> None:
        for text in ("https://a.example//", "https://*.a.example", "", "a.example"):
            self.assertRaises(Unfit, Origin().parse, text)


class PatternTests(SynchronousTestCase):
    """What a pattern matches, and what it must not."""

    def matches(self, pattern: str, *origins: str) -> list[bool]:
        made = compiled(pattern)
        return [made.fullmatch(str(take_apart(each))) is not None for each in origins]

    def test_one_label(self) -> None:
        for good in ("https://a.example.com", "https://a-b_9.example.com:443"):
            self.assertEqual(self.matches("https://*.example.com", good), [True], good)
        for bad in (
            "https://example.com",
            "https://a.b.example.com",
            "https://aexample.com",
            "https://a.example.com.evil.com",
            "https://a.example.comx",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://evil.com",
            "https://a.exampleXcom",
            "https://a.example.com.",
        ):
            self.assertEqual(self.matches("https://*.example.com", bad), [False], bad)

    def test_a_part_of_a_label(self) -> None:
        found = self.matches(
            "https://app-*.x.dev", "https://app-1.x.dev", "https://app-.x.dev", "https://app.x.dev"
        )
        self.assertEqual(found, [True, False, False])

    def test_any_port(self) -> None:
        for pattern in ("http://localhost:*", "http://localhost:[*]"):
            found = self.matches(
                pattern, "http://localhost", "http://localhost:3000", "http://localhost.evil.com:3000"
            )
            self.assertEqual(found, [True, True, False])

    def test_some_ports(self) -> None:
        origins = ("https://a.x.dev", "https://a.x.dev:8080", "https://a.x.dev:8081", "https://a.x.dev:80")
        self.assertEqual(self.matches("https://*.x.dev:[443,8080]", *origins), [True, True, False, False])

    def test_what_is_none(self) -> None:
        for text in (
            "*",
            "https://*",
            "https://a.*",
            "http://192.168.1.*",  # 192.168.1.com is somebody's
            "*://a.example",
            "http*://a.example",
            "https://**.example.com",
            "https://*.example.com/",
            "https://*.example.com/x",
            "https://.example.com",
            "https://*.example.com:*0",
            "https://*.example.com:0",
            "https://*.example.com:[]",
            "https://[*]",
            "https://a|b.example.com",
            "https://(.*)",
        ):
            self.assertRaises(Unfit, compiled, text)
        self.assertRaises(Unfit, OriginPattern().parse, "https://*.\u212alvin.example")

    def test_read(self) -> None:
        self.assertEqual(OriginPattern().parse("HTTPS://*.Example.com/"), "https://*.example.com")


class SettingsTests(SynchronousTestCase):
    """``security.validation.cors``."""

    def test_any_origin_with_credentials_is_a_fault(self) -> None:
        told = faults_of(f"{CORS}: {{allowed-origins: ['https://a.example', '*'], allow-credentials: true}}")
        self.assertEqual(len(told), 1)
        self.assertIn(f"{CORS}.allowed-origins[1]: * cannot be allowed", told[0])

    def test_any_header_shown_with_credentials_is_a_fault(self) -> None:
        given = "{allowed-origins: ['https://a.example'], exposed-headers: ['*'], allow-credentials: true}"
        self.assertIn("exposed-headers[0]", faults_of(f"{CORS}: {given}")[0])

    def test_switched_on_by_an_origin(self) -> None:
        self.assertFalse(read(f"{CORS}.allowed-methods: [GET]").settings.security.validation.cors.on)
        self.assertTrue(read(f"{CORS}.allowed-origins: 'null'").settings.security.validation.cors.on)
        given = f"{CORS}.allowed-origin-patterns: ['http://localhost:*']"
        self.assertTrue(read(given).settings.security.validation.cors.on)

    def test_names_with_line_breaks_are_faults(self) -> None:
        """They would become lines of a head."""
        for key in ("allowed-methods", "allowed-headers", "exposed-headers", "allowed-origins"):
            self.assertEqual(len(faults_of(f'{CORS}.{key}: ["X\\r\\nSet-Cookie: a=b"]')), 1, key)

    def test_switched_off(self) -> None:
        """The limits, not what makes a request understood."""
        given = "security.validation: {enabled: false, max-request-size: 10, max-json-depth: 3}"
        validation = read(given).settings.security.validation
        self.assertGreater(validation.largest, 2**60)
        self.assertEqual(validation.deepest, 0)
