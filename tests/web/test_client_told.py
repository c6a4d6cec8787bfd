"""Who the client is, through a whole gateway: in the access log and at the backend."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.world import CONFIGURATION, World, post

FORGED = b"X-Forwarded-For: 203.0.113.9"
TRUE = b"X-Forwarded-For: 192.0.2.1"


class GatewayTests(SynchronousTestCase):
    """A client, or a proxy, at 127.0.0.1."""

    def ask(self, server: str, *headers: bytes, first: bytes = b"") -> tuple[str, list[bytes]]:
        """Send one request. Returns the address in the log, and what the backend hears of anybody's."""
        configuration = CONFIGURATION.replace("server: {", f"server: {{{server}, ").replace(
            "access: {enabled: false}", "access: {enabled: true}"
        )
        world = World(configuration)
        client = world.client()
        request = post({"model": "m"})
        lines = b"".join(b"\r\n" + each for each in headers)
        client.send(first + request.replace(b"\r\nHost: gateway", b"\r\nHost: gateway" + lines))
        with capturedLogs() as events:
            world.run()
            world.backend.last.answer(b"{}")
            world.run(1)
            self.assertIn(b"200 OK", client.received)
            self.assertEqual(world.close(), [])
        [line] = [text for text in map(formatEvent, events) if text is not None and " POST " in text]
        head = bytes(world.backend.last.received).partition(b"\r\n\r\n")[0].split(b"\r\n")
        told = [each for each in head if b"orward" in each.lower() or b"-ip:" in each.lower()]
        return line.split()[0], told

    def test_nobody_is_trusted(self) -> None:
        """By default: the other end is the client, and what it says of itself reaches nobody."""
        headers = (FORGED, b"Forwarded: for=203.0.113.9", b"x-real-ip: 203.0.113.9", b"X_Forwarded_For: 1")
        self.assertEqual(self.ask("max-headers: 99", *headers), ("127.0.0.1", []))

    def test_other_proxies_are_trusted(self) -> None:
        server = "forward-headers: {trusted-proxies: [10.0.0.0/8, 127.0.0.2], to-backends: client}"
        self.assertEqual(self.ask(server, FORGED), ("127.0.0.1", [b"X-Forwarded-For: 127.0.0.1"]))

    def test_several_lines(self) -> None:
        """In the order in which they came: the proxy's is the last."""
        server = "forward-headers.trusted-proxies: 127.0.0.1"
        self.assertEqual(
            self.ask(server, FORGED, b"X-Other: 1", b"x-forwarded-for:192.0.2.1 "), ("192.0.2.1", [])
        )

    def test_connection_does_not_hide_it(self) -> None:
        """The header is for us, as what `Connection` names is."""
        server = "forward-headers.trusted-proxies: 127.0.0.1"
        self.assertEqual(self.ask(server, TRUE, b"Connection: X-Forwarded-For")[0], "192.0.2.1")

    def test_told(self) -> None:
        server = "forward-headers: {trusted-proxies: [127.0.0.1], to-backends: chain}"
        found = self.ask(server, FORGED, TRUE, b"Forwarded: for=203.0.113.9", b"X-Forwarded-Host: evil")
        self.assertEqual(found, ("192.0.2.1", [b"X-Forwarded-For: 192.0.2.1, 127.0.0.1"]))

    def test_strategy(self) -> None:
        self.assertEqual(self.ask("forward-headers-strategy: native", FORGED, TRUE), ("192.0.2.1", []))

    def test_not_an_address(self) -> None:
        """Nothing else gets into the log."""
        server = "forward-headers.trusted-proxies: 127.0.0.1"
        for value in (b"unknown", b"::1%0 POST /v1/x 200", b"\xff", b"evil", b""):
            self.assertEqual(self.ask(server, b"X-Forwarded-For: 192.0.2.1, " + value)[0], "127.0.0.1", value)

    def test_proxy_protocol(self) -> None:
        """The address it names is no proxy's, whose headers would be believed."""
        server = (
            "forward-headers: {trusted-proxies: [127.0.0.1], to-backends: chain}, proxy-protocol: required"
        )
        found = self.ask(server, FORGED, first=b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n")
        self.assertEqual(found, ("2001:db8::1", [b"X-Forwarded-For: 2001:db8::1"]))

    def test_proxy_protocol_and_headers(self) -> None:
        """A proxy's proxy."""
        server = "forward-headers: {trusted-proxies: [127.0.0.1, 10.0.0.1]}, proxy-protocol: required"
        found = self.ask(server, FORGED, TRUE, first=b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")
        self.assertEqual(found, ("192.0.2.1", []))

    def test_proxy_protocol_for_nobody(self) -> None:
        server = "forward-headers.trusted-proxies: 127.0.0.1, proxy-protocol: required"
        self.assertEqual(self.ask(server, TRUE, first=b"PROXY UNKNOWN\r\n"), ("127.0.0.1", []))
