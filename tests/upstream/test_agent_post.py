"""What the agent sends for the gateway, and what comes back: nothing is added, nothing taken away."""

from __future__ import annotations

import gzip

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost

from jairouter.errors import ClientGone
from jairouter.exchange import HeaderPairs, Phase
from jairouter.request_body.held import HeldBody
from jairouter.upstream import agent
from jairouter.upstream.failures import BadAddress
from jairouter.upstream.response import Response
from jairouter.upstream.tls import BackendTls, client_context
from tests.upstream.rig import OK, Phases, Upload
from tests.upstream.test_agent import URL, AgentCase

NO_CONTENT = b"HTTP/1.1 204 No\r\n\r\n"


class PostCase(AgentCase):
    """One request each, on a new connection."""

    def exchange(self, answer: bytes, pairs: HeaderPairs = ()) -> tuple[Response, bytes]:
        """The answer, and what the backend got."""
        pending = self.ask(HeldBody(b"{}"), pairs=pairs)
        wire = self.accept()
        self.say(wire, answer)
        self.lose(wire)
        return self.successResultOf(pending), wire.value()


class NothingAddedTests(PostCase):
    """What goes out."""

    def test_request_is_what_was_given(self) -> None:
        """Head and body in one piece."""
        sent = self.exchange(NO_CONTENT, ((b"content-TYPE", b"application/json"), (b"X-A", b"1")))[1]
        self.assertEqual(
            sent,
            b"POST /v1/x HTTP/1.1\r\nHost: 10.0.0.1:9000\r\ncontent-TYPE: application/json\r\nX-A: 1\r\n"
            b"Content-Length: 2\r\n\r\n{}",
        )

    def test_accept_encoding_of_the_client(self) -> None:
        sent = self.exchange(NO_CONTENT, ((b"Accept-Encoding", b"br"),))[1]
        self.assertEqual(sent.lower().count(b"accept-encoding"), 1)

    def test_cookies_of_the_client(self) -> None:
        self.assertIn(b"\r\nCookie: a=b\r\n", self.exchange(NO_CONTENT, ((b"Cookie", b"a=b"),))[1])

    def test_url_goes_out_to_the_letter(self) -> None:
        """Also when the address is known already."""
        for _ in range(2):
            self.ask(uri=URL + b"/%2f%E4?b=%20+&a;c&&=")
            sent = self.accept().value()
            self.assertTrue(sent.startswith(b"POST /v1/x/%2f%E4?b=%20+&a;c&&= HTTP/1.1\r\n"), sent)

    def test_host_keeps_its_spelling(self) -> None:
        self.ask(uri=b"http://vLLM_a:80/a%2fb")
        self.assertTrue(self.accept().value().startswith(b"POST /a%2fb HTTP/1.1\r\nHost: vLLM_a:80\r\n"))

    def test_no_url(self) -> None:
        self.failureResultOf(self.ask(uri=b"http://[::1/x"), ValueError)

    def test_no_address(self) -> None:
        self.failureResultOf(self.ask(uri=b"https://%b/" % (b"x" * 64)), BadAddress)
        self.assert_at_rest()

    def test_empty_body(self) -> None:
        self.ask(HeldBody(b""))
        self.assertTrue(self.accept().value().endswith(b"\r\nContent-Length: 0\r\n\r\n"))


class UploadTests(PostCase):
    """A body that is still arriving."""

    def test_of_unknown_length(self) -> None:
        upload = Upload()
        self.ask(upload)
        wire = self.accept()
        upload.send(b"abc")
        upload.end()
        self.assertTrue(wire.value().endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))

    def test_of_known_length(self) -> None:
        upload = Upload(3)
        self.ask(upload)
        wire = self.accept()
        upload.send(b"abc")
        upload.end()
        self.assertTrue(wire.value().endswith(b"\r\nContent-Length: 3\r\n\r\nabc"))

    def test_is_not_read_before_there_is_a_connection(self) -> None:
        upload = Upload()
        self.ask(upload)
        self.assertEqual(upload.calls, [])
        self.accept()
        self.assertEqual(upload.calls, ["start"])

    def test_breaks_off(self) -> None:
        upload = Upload()
        answer = self.ask(upload)
        wire = self.accept()
        upload.break_off()
        self.failureResultOf(answer, ClientGone)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()


class PhaseTests(PostCase):
    """What the attempt hears."""

    def entered(self, body: Upload | None = None) -> list[Phase]:
        attempt = Phases()
        self.ask(body, attempt)
        if len(self.reactor.tcpClients) > self.accepted:
            self.accept()
        if body is not None:
            body.end()
        return attempt.entered

    def test_of_a_body_in_memory(self) -> None:
        """It is written with the head: there is no time in which it is being sent."""
        self.assertEqual(self.entered(), [Phase.CONNECTING, Phase.WAITING])

    def test_of_an_upload(self) -> None:
        self.assertEqual(self.entered(Upload()), [Phase.CONNECTING, Phase.SENDING, Phase.WAITING])

    def test_on_a_connection_that_is_there(self) -> None:
        self.used_once()
        self.assertEqual(self.entered(), [Phase.WAITING])

    def test_behind_others(self) -> None:
        busy, attempt = [self.ask(), self.ask()], Phases()
        self.ask(attempt=attempt)
        self.assertEqual(attempt.entered, [Phase.QUEUED])
        self.say(self.accept(), OK)
        self.successResultOf(busy[0])
        self.assertEqual(attempt.entered, [Phase.QUEUED, Phase.WAITING])


class NothingTakenTests(PostCase):
    """What comes back."""

    def test_gzip_stays_gzip(self) -> None:
        packed = gzip.compress(b"hello" * 100)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        response = self.exchange(head + packed)[0]
        self.assertEqual(response.take_whole(), packed)
        self.assertEqual(
            response.pairs, ((b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(packed)))
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
        self.assertIn((b"Set-Cookie", b"session=1; Path=/"), response.pairs)
        self.assertNotIn(b"session", self.exchange(answer)[1])

    def test_answer_arrives_before_its_body(self) -> None:
        pending = self.ask()
        self.say(self.accept(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        response = self.successResultOf(pending)
        self.assertEqual((response.content_length, response.take_whole()), (5, None))

    def test_connection_is_kept(self) -> None:
        for _ in range(2):
            pending = self.ask()
            wire = self.accept() if not self.wires else self.wires[0]
            self.say(wire, NO_CONTENT)
            self.successResultOf(pending)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_connection_is_free_when_the_answer_is_told(self) -> None:
        """Whoever sends again upon it needs no second one."""
        again = self.ask().addCallback(lambda _: self.ask())
        wire = self.accept()
        self.say(wire, OK)
        self.assertNoResult(again)
        self.say(wire, OK)
        self.successResultOf(again)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()


class NoAnswerTests(PostCase):
    """None comes, and nothing stays lent."""

    def test_lost(self) -> None:
        pending = self.ask()
        self.lose(self.accept(), ConnectionLost())
        self.failureResultOf(pending, ConnectionLost)
        self.assert_at_rest()

    def test_cancelled_while_the_request_goes_out(self) -> None:
        upload = Upload()
        pending = self.ask(upload)
        wire = self.accept()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertEqual((wire.aborted, upload.sink), (True, None))
        self.assert_at_rest()


class RememberedUrlTests(PostCase):
    """A URL is taken apart once."""

    def target(self, uri: bytes) -> bytes:
        """What stands in the request line."""
        address, query = self.agent._take_apart(uri, None)
        return address.path + query

    def test_of_an_instance(self) -> None:
        first, _ = self.agent._take_apart(URL, None)
        again, _ = self.agent._take_apart(URL, None)
        self.assertIs(first, again)

    def test_of_instances_that_are_secured_in_other_ways(self) -> None:
        """The same text, and yet not the same origin."""
        uri, tls = b"https://10.0.0.1/x", BackendTls(client_context(system=False))
        (plain, _), (secured, _) = self.agent._take_apart(uri, None), self.agent._take_apart(uri, tls)
        self.assertNotEqual(plain.origin, secured.origin)
        self.assertIs(self.agent._take_apart(uri, None)[0], plain)
        self.assertEqual((plain.host, plain.path), (secured.host, secured.path))

    def test_queries_are_not_kept(self) -> None:
        """They come from clients, so there is no end of them."""
        for number in range(3):
            query = b"?n=%d?%%e4&;" % number
            self.assertEqual(self.target(URL + query), b"/v1/x" + query)
        self.assertEqual(list(self.agent._addresses), [(URL, None)])
        self.assertEqual(self.target(URL), b"/v1/x")

    def test_not_more_than_a_limit(self) -> None:
        """Should addresses come from clients one day, that costs time, not memory."""
        self.patch(agent, "MAX_REMEMBERED_URLS", 2)
        for number in range(4):
            self.assertEqual(self.target(b"http://10.0.0.1:9000/%d" % number), b"/%d" % number)
        self.assertEqual(len(self.agent._addresses), 2)
