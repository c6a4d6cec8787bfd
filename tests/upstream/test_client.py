"""treq over our agent: whoever writes a tool for the gateway's backends can use what he knows."""

from __future__ import annotations

import gzip
import warnings
from io import BytesIO
from typing import Any

from treq.client import HTTPClient
from treq.content import collect, content, json_content
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Cooperator
from twisted.web.client import FileBodyProducer
from twisted.web.iweb import IBodyProducer

from tests.upstream.rig import OK, Receiver, Wire
from tests.upstream.test_agent import AgentCase

URL = "http://10.0.0.1:9000/v1/x"


class ClientCase(AgentCase):
    """treq, an agent, and a backend that is the test."""

    def setUp(self) -> None:
        super().setUp()
        cooperator = Cooperator(scheduler=lambda work: self.reactor.callLater(0, work))

        def produce(data: bytes) -> IBodyProducer:
            return FileBodyProducer(BytesIO(data), cooperator)

        self.client = HTTPClient(self.agent, data_to_body_producer=produce)

    def get(self, **how: Any) -> Deferred[Any]:
        return self.client.get(URL, reactor=self.reactor, **how)

    def answered(self, pending: Deferred[Any], answer: bytes, wire: Wire | None = None) -> Any:
        """The backend answers the request that has just been made."""
        self.say(wire or self.accept(), answer)
        return self.successResultOf(pending)


class GetTests(ClientCase):
    """Plain requests and their answers."""

    def test_request(self) -> None:
        self.get(headers={"X-A": ["1", "2"]}, params={"a": "b c"})
        start, host, *lines = self.accept().value().removesuffix(b"\r\n\r\n").split(b"\r\n")
        self.assertEqual((start, host), (b"GET /v1/x?a=b+c HTTP/1.1", b"Host: 10.0.0.1:9000"))
        self.assertEqual(sorted(lines), [b"Accept-Encoding: gzip", b"X-A: 1", b"X-A: 2"])

    def test_answer(self) -> None:
        head = b"HTTP/1.1 404 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nno"
        response = self.answered(self.get(), head)
        self.assertEqual((response.code, response.version, response.length), (404, (b"HTTP", 1, 1), 2))
        self.assertEqual(response.headers.getRawHeaders("X-A"), ["1", "2"])
        self.assertEqual(self.successResultOf(content(response)), b"no")
        self.assert_at_rest()

    def test_answer_is_buffered(self) -> None:
        """It can be read as often as one likes."""
        response = self.answered(self.get(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        for _ in range(2):
            self.assertEqual(self.successResultOf(json_content(response)), {})

    def test_gzip_is_unpacked(self) -> None:
        packed = gzip.compress(b"hello" * 100)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        response = self.answered(self.get(), head + packed)
        self.assertEqual(self.successResultOf(content(response)), b"hello" * 100)

    def test_cookies_are_kept(self) -> None:
        """It is one client, who has them back."""
        self.answered(self.get(), OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n"))
        wire = self.wires[0]
        wire.clear()
        self.get()
        self.assertIn(b"\r\nCookie: a=b\r\n", wire.value())

    def test_connection_is_kept(self) -> None:
        self.answered(self.get(), OK)
        self.answered(self.get(), OK, self.wires[0])
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_no_warnings(self) -> None:
        """The agent does nothing that treq or Twisted will not have one day."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.answered(self.get(), OK)


class PostTests(ClientCase):
    """Requests with a body."""

    def post(self, **how: Any) -> tuple[Deferred[Any], Wire]:
        pending: Deferred[Any] = self.client.post(URL, reactor=self.reactor, **how)
        wire = self.accept()
        self.reactor.pump([0.0] * 5)
        return pending, wire

    def test_bytes(self) -> None:
        pending, wire = self.post(data=b"body")
        self.assertTrue(wire.value().endswith(b"\r\nContent-Length: 4\r\n\r\nbody"), wire.value())
        self.answered(pending, OK, wire)
        self.assert_at_rest()

    def test_json(self) -> None:
        pending, wire = self.post(json={"model": "m"})
        self.assertTrue(wire.value().endswith(b'\r\n\r\n{"model":"m"}'))
        self.assertIn(b"\r\nContent-Type: application/json; charset=UTF-8\r\n", wire.value())
        self.answered(pending, OK, wire)

    def test_nothing(self) -> None:
        pending, wire = self.post()
        self.assertTrue(wire.value().endswith(b"\r\nContent-Length: 0\r\n\r\n"))
        self.answered(pending, OK, wire)

    def test_answered_before_its_end(self) -> None:
        """The rest is not sent."""
        pending: Deferred[Any] = self.client.post(URL, data=b"body", reactor=self.reactor)
        wire = self.accept()
        self.answered(pending, OK, wire)
        self.reactor.pump([0.0] * 5)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()


class RedirectTests(ClientCase):
    """They are followed if one wants it."""

    moved = b"HTTP/1.1 302 Moved\r\nLocation: http://10.0.0.2/there\r\nContent-Length: 0\r\n\r\n"

    def test_followed(self) -> None:
        pending = self.get()
        self.say(self.accept(), self.moved)
        self.assertEqual(self.reactor.tcpClients[1][:2], ("10.0.0.2", 80))
        response = self.answered(pending, OK)
        self.assertEqual(response.code, 200)
        self.assertEqual([each.code for each in response.history()], [302])
        self.assert_at_rest()

    def test_not_followed(self) -> None:
        self.assertEqual(self.answered(self.get(allow_redirects=False), self.moved).code, 302)
        self.assertEqual(len(self.reactor.tcpClients), 1)


class UnbufferedTests(ClientCase):
    """Answers are given as they come."""

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"

    def test_pieces(self) -> None:
        response = self.answered(self.get(unbuffered=True), self.head)
        wire = self.wires[0]
        self.assertFalse(wire.reading)
        pieces: list[bytes] = []
        done = collect(response, pieces.append)
        self.assertTrue(wire.reading)
        self.say(wire, b"ab")
        self.assertEqual(pieces, [b"ab"])
        self.say(wire, b"cd")
        self.successResultOf(done)
        self.assertEqual(pieces, [b"ab", b"cd"])
        self.assert_at_rest()

    def test_given_up(self) -> None:
        """By way of the transport, as with Twisted's agent."""
        response = self.answered(self.get(unbuffered=True), self.head)
        receiver = Receiver()
        response.deliverBody(receiver)
        receiver.transport.loseConnection()  # type: ignore[union-attr]
        self.assertTrue(self.wires[0].aborted)
        self.assert_at_rest()

    def test_broken(self) -> None:
        response = self.answered(self.get(unbuffered=True), self.head + b"ab")
        receiver = Receiver()
        response.deliverBody(receiver)
        self.lose(self.wires[0], ConnectionLost())
        self.assertEqual((receiver.data, [end.type for end in receiver.ends]), (b"ab", [ConnectionLost]))
        self.assert_at_rest()


class CancelTests(ClientCase):
    """Nobody waits any longer."""

    def test_timeout(self) -> None:
        pending = self.get(timeout=3)
        wire = self.accept()
        self.reactor.advance(2.9)
        self.assertNoResult(pending)
        self.reactor.advance(0.2)
        self.failureResultOf(pending, CancelledError)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()

    def test_in_time(self) -> None:
        """No timer is left."""
        self.answered(self.get(timeout=3), OK)
        self.assert_at_rest()

    def test_cancelled(self) -> None:
        pending = self.get()
        wire = self.accept()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()

    def test_cancelled_while_connecting(self) -> None:
        pending = self.get()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assert_at_rest()
