"""Tests for `jairouter.web.answering`: what a client is told, whichever way it is answered."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from jairouter.exchange import HeaderPairs
from jairouter.web.answering import answering
from jairouter.web.request import GatewayRequest
from tests.fakes import Client, Network
from tests.web.serving import GET, Received, Serving, Taker, answers

HEAD = GET.replace(b"GET", b"HEAD")
OLD = GET.replace(b"HTTP/1.1", b"HTTP/1.0")
OLD_KEPT = OLD[:-2] + b"Connection: keep-alive\r\n\r\n"
JSON: HeaderPairs = ((b"Content-Type", b"application/json"),)


def answer(
    request: Any, *pieces: bytes, status: int = 200, headers: HeaderPairs = JSON, length: int | None = None
) -> None:
    """Write a whole answer."""
    out = answering(request)
    out.head(status, headers, length)
    for piece in pieces:
        out.write(piece)
    out.finish()


class Case(SynchronousTestCase):
    """Requests that wait for their answers, under our own channel."""

    def setUp(self) -> None:
        self.root = Taker()
        self.serving = Serving(self.root)
        self.client = self.serving.client()
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def ask(self, data: bytes = GET) -> Any:
        """The request that comes of these bytes."""
        self.client.send(data)
        self.serving.run()
        return self.root.requests.pop(0)

    def received(self) -> bytes:
        """All that the client got."""
        self.serving.run()
        return bytes(self.client.received)

    def one_answer(self) -> Received:
        [received] = answers(self.received())
        return received

    def writes_to(self, request: Any) -> list[bytes]:
        """What is from now on written to the connection, write by write."""
        writes: list[bytes] = []
        write = request.channel.write

        def noted(data: bytes) -> None:
            writes.append(data)
            write(data)

        self.patch(request.channel, "write", noted)
        return writes


class EitherWayTests(Case):
    """What a client is told; below, the same under Twisted's own channel."""

    direct = True

    def test_which_way(self) -> None:
        self.assertIs(isinstance(self.ask(), GatewayRequest), self.direct)

    def test_known_length(self) -> None:
        answer(self.ask(), b"so", b"me", status=201, length=4)
        received = self.one_answer()
        self.assertEqual((received.status, received.body, received.complete), (201, b"some", True))
        self.assertEqual(received.headers["content-length"], "4")
        self.assertNotIn("transfer-encoding", received.headers)

    def test_chunked(self) -> None:
        """Where the length is not known."""
        answer(self.ask(), b"so", b"me!" * 10)
        received = self.one_answer()
        self.assertEqual((received.body, received.complete), (b"so" + b"me!" * 10, True))
        self.assertEqual(received.headers["transfer-encoding"], "chunked")
        self.assertNotIn("content-length", received.headers)
        self.assertIn(b"\r\n1e\r\nme!", self.received())

    def test_no_pieces(self) -> None:
        answer(self.ask(), length=0)
        self.assertEqual((self.one_answer().headers["content-length"], self.one_answer().body), ("0", b""))

    def test_no_pieces_of_unknown_length(self) -> None:
        answer(self.ask())
        self.assertTrue(self.received().endswith(b"\r\n\r\n0\r\n\r\n"))
        self.assertTrue(self.one_answer().complete)

    def test_headers(self) -> None:
        """In their spelling, and as many of one name as there are."""
        answer(self.ask(), headers=((b"X-Two", b"1"), (b"X-Two", b"2"), (b"X-Odd", b"\xe9 ;,")))
        for line in (b"\r\nX-Two: 1\r\n", b"\r\nX-Two: 2\r\n", b"\r\nX-Odd: \xe9 ;,\r\n"):
            self.assertEqual(self.received().count(line), 1, line)

    def test_lines(self) -> None:
        """Headers that come as they are written stand behind the others."""
        out = answering(self.ask())
        out.head(200, JSON, 0, b"X-Two: 1\r\nX-Two: a: \xe9\r\n")
        out.finish()
        self.assertIn(b"X-Two: 1\r\nX-Two: a: \xe9\r\n", self.received())

    def test_status_line(self) -> None:
        """With the usual words, if there are any for it."""
        for status, line in ((404, b"HTTP/1.1 404 Not Found\r\n"), (299, b"HTTP/1.1 299 Unknown Status\r\n")):
            self.client.received.clear()
            answer(self.ask(), status=status, length=0)
            self.assertTrue(self.received().startswith(line), self.received())

    def test_head(self) -> None:
        """The headers of GET, and not a byte of the body."""
        answer(self.ask(HEAD), b"some", length=4)
        self.assertIn(b"\r\nContent-Length: 4\r\n", self.received())
        self.assertTrue(self.received().endswith(b"\r\n\r\n"))

    def test_head_of_unknown_length(self) -> None:
        answer(self.ask(HEAD), b"some")
        self.assertNotIn(b"Transfer-Encoding", self.received())
        self.assertNotIn(b"Content-Length", self.received())
        self.assertTrue(self.received().endswith(b"\r\n\r\n"))

    def test_without_content(self) -> None:
        """204 and 304 have no body, and say nothing of its length (RFC 9110, section 8.6)."""
        for status in (204, 304):
            for length in (None, 4):
                self.client.received.clear()
                answer(self.ask(), b"some", status=status, length=length)
                self.assertNotIn(b"Transfer-Encoding", self.received())
                self.assertNotIn(b"Content-Length", self.received())
                self.assertTrue(self.received().endswith(b"\r\n\r\n"))

    def test_old_client(self) -> None:
        """HTTP/1.0 knows no chunks: the end of the connection is the end of the answer."""
        answer(self.ask(OLD_KEPT), b"so", b"me")
        self.assertTrue(self.received().startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertNotIn(b"Transfer-Encoding", self.received())
        self.assertTrue(self.received().endswith(b"\r\n\r\nsome"))
        self.assert_closed()

    def test_next_request(self) -> None:
        """An answer that ends by itself leaves the connection to the next one."""
        for data in (GET, HEAD, GET):
            answer(self.ask(data), b"some", length=4)
        answer(self.ask(), b"last")
        self.assertIn(b"last", self.received())

    def assert_closed(self) -> None:
        self.assertIsNotNone(self.client.closed)


class TraditionalTests(EitherWayTests):
    """The same through Twisted's API, as under `treq.testing`."""

    direct = False

    def setUp(self) -> None:
        self.root = Taker()
        site = Site(self.root, reactor=Network(), timeout=None)
        self.transport = StringTransport()
        self.channel: Any = site.buildProtocol(None)
        self.channel.makeConnection(self.transport)
        self.client = Client()

    def ask(self, data: bytes = GET) -> Any:
        self.channel.dataReceived(data)
        return self.root.requests.pop(0)

    def received(self) -> bytes:
        self.client.received += self.transport.value()
        self.transport.clear()
        return bytes(self.client.received)

    def assert_closed(self) -> None:
        self.assertTrue(self.transport.disconnecting)


class OwnHeadersTests(Case):
    """What every answer carries, and what was set with `setHeader` before there was one."""

    def lines(self) -> list[bytes]:
        return self.received().partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]

    def test_status_that_twisted_has_no_words_for(self) -> None:
        answer(self.ask(), b"{}", status=429, length=2)
        self.assertEqual(self.received().partition(b"\r\n")[0], b"HTTP/1.1 429 Too Many Requests")

    def test_always(self) -> None:
        request = self.ask(GET[:-2] + b"X-Request-Id: mine\r\n\r\n")
        answer(request, length=0)
        self.assertEqual(
            self.lines(),
            [
                b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
                b"X-Request-Id: mine",
                b"Content-Type: application/json",
                b"Content-Length: 0",
            ],
        )

    def test_set_by_somebody(self) -> None:
        """It goes out beside the rest, all of it."""
        request = self.ask(GET[:-2] + b"X-Request-Id: mine\r\n\r\n")
        request.setHeader(b"X-Set", b"1")
        request.responseHeaders.addRawHeader(b"X-Set", b"2")
        answer(request, length=0)
        expected = {
            b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
            b"X-Request-Id: mine",
            b"X-Set: 1",
            b"X-Set: 2",
            b"Content-Type: application/json",
            b"Content-Length: 0",
        }
        self.assertEqual((set(self.lines()), len(self.lines())), (expected, len(expected)))

    def test_replaced_by_somebody(self) -> None:
        request = self.ask()
        request.setHeader(b"Date", b"today")
        answer(request, length=0)
        self.assertEqual([line for line in self.lines() if line.startswith(b"Date:")], [b"Date: today"])

    def test_looked_at_by_somebody(self) -> None:
        """That changes nothing."""
        request = self.ask()
        self.assertEqual(request.responseHeaders.getRawHeaders(b"date"), [self.serving.site.date()])
        answer(request, length=0)
        self.assertEqual(sum(line.startswith((b"Date:", b"X-Request-Id:")) for line in self.lines()), 2)
