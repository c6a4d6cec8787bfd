"""Tests for `jairouter.web.proxied_channel`: connections on which a proxy speaks first."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.proxy_protocol import SIGNATURE
from jairouter.web.client_address import Client as Who
from jairouter.web.client_address import TrustedProxies
from jairouter.web.proxied_channel import NOTICE
from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.web.serving import GET, Later, Serving, answers

LINE = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
UNKNOWN = b"PROXY UNKNOWN 192.0.2.1\r\n"


class Case(SynchronousTestCase):
    """A site that wants PROXY headers."""

    def serve(self, *trusted: str, limits: ConnectionLimits | None = None) -> Serving:
        proxies = TrustedProxies([ip_network(each) for each in trusted], proxy_protocol=True)
        self.pages = Later()
        self.serving = Serving(self.pages, limits, proxies)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))
        return self.serving

    def who(self) -> Who | None:
        """Whose request the oldest one is, as far as the connection says."""
        client: Who | None = self.pages.requests[0].channel.client
        return client

    def received(self, client: Client) -> list[tuple[int, bytes]]:
        return [(each.status, each.body) for each in answers(client.received)]


class HeaderTests(Case):
    """The header, and what is behind it."""

    def test_names_the_client(self) -> None:
        for pieces in ([LINE + GET], [LINE, GET], [LINE[:9], LINE[9:] + GET[:5], GET[5:]]):
            client = self.serve("127.0.0.1").ask(*pieces)
            self.assertEqual(self.who(), Who("192.0.2.1"))
            self.pages.answer(b"done")
            self.serving.run()
            self.assertEqual(self.received(client), [(200, b"done")])

    def test_once_for_all_requests(self) -> None:
        """A second one is no part of HTTP."""
        client = self.serve("127.0.0.1").ask(LINE + GET)
        self.pages.answer(b"1")
        client.send(GET)
        self.serving.run()
        self.assertEqual(self.who(), Who("192.0.2.1"))
        self.pages.answer(b"2")
        client.send(LINE + GET)
        self.serving.run()
        self.assertEqual([status for status, _ in self.received(client)], [200, 200, 400])

    def test_names_a_proxy(self) -> None:
        """Whose headers are believed in turn."""
        self.serve("127.0.0.1", "192.0.2.0/24").ask(LINE + GET)
        self.assertIsNone(self.who())
        self.assertEqual(self.pages.requests[0].channel.client_ip, "192.0.2.1")

    def test_names_nobody(self) -> None:
        """Nobody knows who wrote the request, so its headers are not believed, although a proxy sent it."""
        for header in (LOCAL, UNKNOWN):
            self.serve("127.0.0.1").ask(header + GET)
            self.assertEqual(self.who(), Who("127.0.0.1"))

    def test_nothing_is_parsed_before_it_is_complete(self) -> None:
        client = self.serve("127.0.0.1").ask(LINE[:-1])
        self.assertEqual((self.pages.requests, client.closed, client.received), ([], None, b""))


class ClosedTests(Case):
    """Connections that are not let in."""

    def closed(self, *pieces: bytes) -> tuple[Client, list[str]]:
        """A client whose connection is closed without a word, and what is logged of it."""
        with capturedLogs() as events:
            client = self.serving.ask(*pieces)
        self.assertIsNotNone(client.closed)
        self.assertEqual((client.received, self.pages.requests, self.serving.counted), (b"", [], []))
        self.assertEqual(self.serving.site.channels, {})
        return client, [formatEvent(event) for event in events]

    def test_malformed(self) -> None:
        self.serve("127.0.0.1")
        for pieces in ([GET], [b"\x16\x03\x01"], [LINE[:-2] + b"\n" + GET], [LINE[:20], b"\r\n" + GET]):
            _, logged = self.closed(*pieces)
            self.assertEqual(len(logged), 1, logged)
            self.assertIn("a connection from 127.0.0.1 is closed: its PROXY header is malformed (", logged[0])
            self.serving.run(NOTICE + 1)

    def test_nothing_behind_it_is_read(self) -> None:
        """Not even if the transport still brings something."""
        self.serve("127.0.0.1")
        client = self.serving.client()
        channel: Any = self.serving.server_end(client).protocol
        for data in (b"G", GET, LINE + GET):
            channel.dataReceived(data)
        self.serving.run()
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.pages.requests, [])

    def test_not_trusted(self) -> None:
        """It may not even speak, and nobody gives way to it."""
        self.serve("10.0.0.0/8", limits=ConnectionLimits(max_connections=0))
        _, logged = self.closed(LINE + GET)
        self.assertEqual(len(logged), 1, logged)
        self.assertIn("from 127.0.0.1 is closed: it is none of the trusted proxies", logged[0])

    def test_logged_once_a_minute(self) -> None:
        self.serve("127.0.0.1")
        self.assertEqual(len(self.closed(GET)[1]), 1)
        self.assertEqual(self.closed(GET)[1], [])
        self.serving.run(NOTICE + 1)
        self.assertEqual(len(self.closed(GET)[1]), 1)

    def test_late(self) -> None:
        """It has as long as the head of a request, from the beginning of the connection."""
        for pieces in ([], [LINE[:-1]], [SIGNATURE]):
            client = self.serve("127.0.0.1", limits=ConnectionLimits(header_timeout=3.0)).ask(*pieces)
            self.serving.run(2.0)
            self.assertIsNone(client.closed)
            self.serving.run(1.5)
            self.assertIsNotNone(client.closed)
            self.assertEqual(client.received, b"")

    def test_drained(self) -> None:
        """Waiting for a header is no request under way."""
        client = self.serve("127.0.0.1").ask(LINE[:-1])
        self.serving.site.drain()
        self.serving.run()
        self.assertIsNotNone(client.closed)

    def test_no_room(self) -> None:
        client = self.serve("127.0.0.1", limits=ConnectionLimits(max_connections=0)).ask(LINE + GET)
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.pages.requests, [])


class OffTests(SynchronousTestCase):
    """When it is off."""

    def test_not_spoken(self) -> None:
        """Not even by a trusted proxy: it is no HTTP."""
        pages = Later()
        serving = Serving(pages, None, TrustedProxies([ip_network("127.0.0.1")]))
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        client = serving.ask(LINE + GET)
        self.assertEqual([each.status for each in answers(client.received)], [400])
        self.assertEqual(pages.requests, [])
