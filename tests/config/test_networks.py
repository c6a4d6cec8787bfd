"""Tests of addresses and networks in the configuration, and of what must be said together with them."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.dump import dump
from tests.config.reading import faults_of, read


def networks(*texts: str) -> list[str]:
    """What is read, and how it would be written."""
    given = ", ".join(f'"{text}"' for text in texts)
    settings = read(f"server: {{forward-headers: {{trusted-proxies: [{given}]}}}}").settings
    return [str(each) for each in settings.server.trusted_proxies]


class NetworkTests(SynchronousTestCase):
    """One address, or a network."""

    def test_forms(self) -> None:
        for text, network in (
            ("10.0.0.5", "10.0.0.5/32"),
            ("10.0.0.0/24", "10.0.0.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::1", "::1/128"),
            ("FD00::/8", "fd00::/8"),
            ("::ffff:10.0.0.5", "10.0.0.5/32"),
            ("::ffff:10.0.0.0/120", "10.0.0.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ):
            self.assertEqual(networks(text), [network], text)

    def test_refused(self) -> None:
        """Host bits may be meant as one machine or as a whole network."""
        for text in (
            "10.0.0.5/8",
            "10.0.0.0/33",
            "10.0.0",
            "proxy",
            "fe80::1%eth0",
            "10.0.0.5:80",
            "[::1]",
            " ",
        ):
            (fault,) = faults_of(f'server.forward-headers.trusted-proxies: ["{text}"]')
            self.assertIn("expected an IP address or a network without host bits", fault)

    def test_written_again(self) -> None:
        text = "server.forward-headers.trusted-proxies: 10.0.0.5, ::1, 10.0.0.0/24"
        written = dump(read(text).settings)
        self.assertIn("10.0.0.5", str(written))
        self.assertNotIn("10.0.0.5/32", str(written))
        self.assertIn("10.0.0.0/24", str(written))

    def test_from_the_environment(self) -> None:
        environ = {"SERVER_FORWARDHEADERS_TRUSTEDPROXIES": "10.0.0.5,fd00::/8"}
        settings = read("", environ=environ).settings
        self.assertEqual([str(each) for each in settings.server.trusted_proxies], ["10.0.0.5/32", "fd00::/8"])


class TogetherTests(SynchronousTestCase):
    """Keys that depend on others."""

    def test_proxy_protocol_of_nobody(self) -> None:
        """Nobody could connect."""
        for text in ("{proxy-protocol: required}", "{proxy-protocol: required, forward-headers.headers: []}"):
            (fault,) = faults_of(f"server: {text}")
            self.assertIn("server.proxy-protocol", fault)
            self.assertIn("needs forward-headers.trusted-proxies", fault)

    def test_proxy_protocol_by_strategy(self) -> None:
        server = read("server: {proxy-protocol: required, forward-headers-strategy: native}").settings.server
        self.assertEqual(server.proxy_protocol, "required")

    def test_strategy_is_written_again(self) -> None:
        """With all defaults beside it, as a stored version may have them."""
        settings = read("server.forward-headers-strategy: native").settings
        again = read(json.dumps(dump(settings, reveal=True))).settings
        self.assertTrue(again.server.trusted_proxies)
        self.assertEqual(again.server.trusted_proxies, settings.server.trusted_proxies)

    def test_other_words(self) -> None:
        (fault,) = faults_of("server.proxy-protocol: accept")
        self.assertIn("one of off, required", fault)
        (fault,) = faults_of("server.forward-headers.headers: X-Client-IP")
        self.assertIn("one of X-Forwarded-For, Forwarded, X-Real-IP", fault)

    def test_no_notice(self) -> None:
        """The older key does something."""
        self.assertEqual(read("server.forward-headers-strategy: framework").notices, ())
