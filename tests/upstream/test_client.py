"""treq between the gateway and the agent: it adds nothing, unpacks nothing, keeps nothing."""

from __future__ import annotations

import gzip
import warnings
from http.cookiejar import Cookie

from hyperlink import URLParseError
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IResponse
from zope.interface.verify import verifyObject

from jairouter.exchange import HeaderPairs, Phase
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.held import HeldBody
from jairouter.upstream.client import UpstreamClient
from jairouter.upstream.wire import InstanceUrl, NoCookies, WireBody, WireHeaders, _ConsumerSink
from tests.upstream.rig import Phases, Receiver, Upload
from tests.upstream.test_agent import AgentCase

URL = "http://10.0.0.1:9000/v1/x"


class ClientCase(AgentCase):
    """A client over an agent whose backend is the test."""

    def setUp(self) -> None:
        super().setUp()
        self.client = UpstreamClient(self.agent, self.reactor)

    def post(
        self,
        pairs: HeaderPairs = (),
        body: IRequestBody | None = None,
        *,
        url: str = URL,
        attempt: Phases | None = None,
    ) -> Deferred[IResponse]:
        """Send a request as the Forward filter does."""
        return self.client.post(url, pairs, body or HeldBody(b"{}"), attempt or Phases())

    def exchange(self, answer: bytes, pairs: HeaderPairs = ()) -> tuple[IResponse, Receiver, bytes]:
        """One request on a new connection: the answer, its body, what the backend got."""
        pending = self.post(pairs)
        wire = self.accept()
        self.say(wire, answer)
        response = self.successResultOf(pending)
        receiver = Receiver()
        response.deliverBody(receiver)
        self.lose(wire)
        return response, receiver, wire.value()


class NothingAddedTests(ClientCase):
    """What goes out."""

    def test_request_is_what_was_given(self) -> None:
        sent = self.exchange(
            b"HTTP/1.1 204 No\r\n\r\n", ((b"content-TYPE", b"application/json"), (b"X-A", b"1"))
        )[2]
        self.assertEqual(
            sent,
            b"POST /v1/x HTTP/1.1\r\nHost: 10.0.0.1:9000\r\ncontent-TYPE: application/json\r\nX-A: 1\r\n"
            b"Content-Length: 2\r\n\r\n{}",
        )

    def test_accept_encoding_of_the_client(self) -> None:
        sent = self.exchange(b"HTTP/1.1 204 No\r\n\r\n", ((b"Accept-Encoding", b"br"),))[2]
        self.assertEqual(sent.lower().count(b"accept-encoding"), 1)

    def test_cookies_of_the_client(self) -> None:
        sent = self.exchange(b"HTTP/1.1 204 No\r\n\r\n", ((b"Cookie", b"a=b"),))[2]
        self.assertIn(b"\r\nCookie: a=b\r\n", sent)

    def test_url_goes_out_to_the_letter(self) -> None:
        self.post(url=URL + "/%2f%E4?b=%20+&a;c&&=")
        self.assertTrue(self.accept().value().startswith(b"POST /v1/x/%2f%E4?b=%20+&a;c&&= HTTP/1.1\r\n"))

    def test_no_url(self) -> None:
        self.assertRaises(URLParseError, self.post, url="http://[::1/x")

    def test_upload(self) -> None:
        upload = Upload()
        self.post(body=upload)
        wire = self.accept()
        upload.send(b"abc")
        upload.end()
        self.assertTrue(wire.value().endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))

    def test_phases(self) -> None:
        attempt = Phases()
        self.post(attempt=attempt)
        self.accept()
        self.assertEqual(attempt.entered, [Phase.CONNECTING, Phase.SENDING, Phase.WAITING])

    def test_cancelled(self) -> None:
        pending = self.post()
        wire = self.accept()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()

    def test_no_warnings(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.exchange(b"HTTP/1.1 204 No\r\n\r\n")


class NothingTakenTests(ClientCase):
    """What comes back."""

    def test_gzip_stays_gzip(self) -> None:
        packed = gzip.compress(b"hello" * 100)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        response, receiver, _ = self.exchange(head + packed)
        self.assertEqual(receiver.data, packed)
        self.assertEqual(
            response.headers.pairs,
            ((b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(packed))),
        )

    def test_redirects_are_not_followed(self) -> None:
        """They would carry credentials elsewhere."""
        for status in (301, 302, 303, 307, 308):
            head = b"HTTP/1.1 %d Moved\r\nLocation: http://10.0.0.2/\r\nContent-Length: 0\r\n\r\n" % status
            self.assertEqual(self.exchange(head)[0].code, status)
        self.assertEqual({call[0] for call in self.reactor.tcpClients}, {"10.0.0.1"})

    def test_cookies_of_one_answer_are_not_sent_with_the_next_request(self) -> None:
        """They are another client's."""
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n"
        response = self.exchange(answer)[0]
        self.assertIn((b"Set-Cookie", b"session=1; Path=/"), response.headers.pairs)
        self.assertNotIn(b"session", self.exchange(answer)[2])

    def test_answer_arrives_before_its_body(self) -> None:
        pending = self.post()
        self.say(self.accept(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        self.assertEqual(self.successResultOf(pending).length, 5)

    def test_connection_is_kept(self) -> None:
        for _ in range(2):
            pending = self.post()
            wire = self.accept() if not self.wires else self.wires[0]
            self.say(wire, b"HTTP/1.1 204 No\r\n\r\n")
            self.successResultOf(pending)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()


class RememberedUrlTests(ClientCase):
    """A URL is parsed once."""

    def test_of_an_instance(self) -> None:
        self.assertIs(self.client._url(URL), self.client._url(URL))

    def test_queries_are_not_kept(self) -> None:
        """They come from clients, so there is no end of them."""
        for number in range(3):
            url = self.client._url(f"{URL}?n={number}?%e4&;")
            self.assertEqual(url.to_uri().to_text(), f"{URL}?n={number}?%e4&;")
        self.assertEqual(list(self.client._urls), [URL])
        self.assertEqual(self.client._url(URL).to_text(), URL)

    def test_text_is_kept(self) -> None:
        url = InstanceUrl("http://H:80/a%2f?b c".replace(" ", "%20"))
        self.assertEqual(url.to_uri().to_text(), "http://H:80/a%2f?b%20c")


class WireTests(ClientCase):
    """The pieces by themselves."""

    def test_interfaces(self) -> None:
        body = WireBody(HeldBody(b"x"))
        verifyObject(IBodyProducer, body)
        finished: Deferred[None] = Deferred()
        verifyObject(IBodySink, _ConsumerSink(Receiver(), finished))  # type: ignore[arg-type]

    def test_lengths(self) -> None:
        self.assertEqual(WireBody(HeldBody(b"xy")).length, 2)
        self.assertEqual(WireBody(Upload()).length, UNKNOWN_LENGTH)
        self.assertEqual(WireBody(Upload(0)).length, 0)

    def test_headers_cannot_be_changed(self) -> None:
        headers = WireHeaders(((b"A", b"b"),))
        headers.copy().setRawHeaders(b"A", [b"c"])
        headers.addRawHeader(b"D", b"e")
        self.assertEqual(headers.pairs, ((b"A", b"b"),))
        self.assertIs(headers.copy(), headers)
        self.assertTrue(headers.hasHeader(b"Cookie"))

    def test_cookie_jar_keeps_nothing_by_any_way(self) -> None:
        jar = NoCookies()
        jar.set_cookie(
            Cookie(0, "a", "b", None, False, "h", True, False, "/", True, False, None, False, None, None, {})
        )
        jar.extract_cookies(None, None)
        jar.add_cookie_header(None)
        self.assertEqual(len(jar), 0)

    def test_steering(self) -> None:
        upload = Upload()
        producer = WireBody(upload)
        producer.pauseProducing()
        producer.resumeProducing()
        producer.stopProducing()
        self.assertEqual(upload.calls, ["pause", "resume", "stop"])
