"""The agent as every `IAgent`: Twisted's own headers and producers in, Twisted's own headers out."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface.verify import verifyObject

from jairouter.errors import PoolExhausted
from jairouter.upstream.failures import BadAddress
from tests.upstream.rig import OK, Producer, Receiver, Wire
from tests.upstream.test_agent import URL, AgentCase


class RequestCase(AgentCase):
    """Requests by people who know Twisted's interfaces only."""

    def request(
        self, method: bytes = b"GET", headers: Headers | None = None, body: Any = None, uri: bytes = URL
    ) -> Deferred[IResponse]:
        return self.agent.request(method, uri, headers, body)

    def sent(self, *of: Any, **more: Any) -> bytes:
        """What the backend gets."""
        answer = self.request(*of, **more)
        wire = self.wires[0] if self.wires else self.accept()
        sent: bytes = wire.value()
        wire.clear()
        self.say(wire, OK)
        self.successResultOf(answer)
        return sent


class SendingTests(RequestCase):
    """What goes out."""

    def test_interface(self) -> None:
        verifyObject(IAgent, self.agent)

    def test_headers(self) -> None:
        sent = self.sent(headers=Headers({b"X-A": [b"1", b"2"], b"Accept": [b"text/plain"]}))
        self.assertEqual(
            sent,
            b"GET /v1/x HTTP/1.1\r\nHost: 10.0.0.1:9000\r\nX-A: 1\r\nX-A: 2\r\nAccept: text/plain\r\n\r\n",
        )

    def test_without_headers(self) -> None:
        self.assertEqual(self.sent(), b"GET /v1/x HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n\r\n")

    def test_what_connection_names_stops_here(self) -> None:
        """Whoever asks has a connection of his own; several lines of it count."""
        headers = Headers(
            {
                b"X-Hop": [b"1"],
                b"X-End": [b"2"],
                b"Connection": [b"close,  x-HOP ,", b"x-two"],
                b"x-two": [b"3"],
            }
        )
        self.assertEqual(self.sent(headers=headers).split(b"\r\n")[2:-2], [b"X-End: 2"])

    def test_framing_is_made_anew(self) -> None:
        headers = Headers({b"Content-Length": [b"99"], b"Host": [b"evil"], b"Transfer-Encoding": [b"gzip"]})
        self.assertEqual(
            self.sent(b"POST", headers).split(b"\r\n")[1:-2], [b"Host: 10.0.0.1:9000", b"Content-Length: 0"]
        )

    def produced(self, length: int | None) -> tuple[Producer, Wire, Deferred[IResponse]]:
        producer = Producer(length)
        self.assertIs(producer.length is UNKNOWN_LENGTH, length is None)
        answer = self.request(b"PUT", body=producer)
        wire = self.accept()
        wire.clear() if length is None else None
        return producer, wire, answer

    def test_body_of_known_length(self) -> None:
        producer, wire, answer = self.produced(4)
        producer.consumer.write(b"body")
        producer.finished.callback(None)
        self.assertTrue(wire.value().endswith(b"\r\nContent-Length: 4\r\n\r\nbody"))
        self.say(wire, OK)
        self.assertEqual(self.successResultOf(answer).code, 200)
        self.assert_at_rest()

    def test_body_of_unknown_length(self) -> None:
        producer, wire, answer = self.produced(None)
        producer.consumer.write(b"body")
        producer.finished.callback(None)
        self.assertEqual(wire.value(), b"4\r\nbody\r\n0\r\n\r\n")
        self.say(wire, OK)
        self.assertEqual(self.successResultOf(answer).code, 200)
        self.assert_at_rest()

    def test_body_is_asked_for_when_there_is_a_connection(self) -> None:
        """Not before: it may never be."""
        producer = Producer(4)
        answer = self.request(b"PUT", body=producer)
        self.assertIsNone(producer.consumer)
        self.refuse()
        self.failureResultOf(answer)
        self.assertEqual((producer.consumer, producer.stopped), (None, 0))


class AnswerTests(RequestCase):
    """What comes back."""

    def test_answer(self) -> None:
        answer = self.request()
        self.say(self.accept(), b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok")
        response = self.successResultOf(answer)
        verifyObject(IResponse, response)
        self.assertIs(type(response.headers), Headers)
        self.assertEqual(response.headers.getRawHeaders(b"X-A"), [b"1", b"2"])
        self.assertEqual((response.code, response.phrase, response.length), (200, b"OK", 2))
        receiver = Receiver()
        response.deliverBody(receiver)
        self.assertEqual(receiver.data, b"ok")
        self.assert_at_rest()

    def test_answer_to_head(self) -> None:
        """Its length is that of a body which does not come."""
        answer = self.request(b"HEAD")
        wire = self.accept()
        self.say(wire, OK[:-2])
        receiver = Receiver()
        self.successResultOf(answer).deliverBody(receiver)
        self.assertEqual((receiver.data, len(receiver.ends)), (b"", 1))
        self.assertTrue(wire.disconnecting)
        self.assert_at_rest()

    def test_connection_is_shared_with_the_gateway(self) -> None:
        """One pool for all."""
        self.used_once()
        self.sent(b"GET")
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()


class FailureTests(RequestCase):
    """Every failure comes by the Deferred, none as an exception."""

    def test_malformed(self) -> None:
        self.failureResultOf(self.request(uri=b"ftp://h/"), ValueError)
        self.failureResultOf(self.request(b"GET /x"), ValueError)
        self.failureResultOf(self.request(uri=b"https://%b/" % (b"x" * 64)), BadAddress)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_too_many(self) -> None:
        waiting = [self.request() for _ in range(3)]
        self.failureResultOf(self.request(), PoolExhausted)
        self.assertEqual([each.called for each in waiting], [False] * 3)

    def test_cancelled_while_connecting(self) -> None:
        answer = self.request()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assert_at_rest()

    def test_cancelled_while_waiting_for_the_answer(self) -> None:
        producer = Producer()
        answer = self.request(b"POST", body=producer)
        wire = self.accept()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual((wire.aborted, producer.stopped), (True, 1))
        self.assert_at_rest()

    def test_cancelled_after_the_head(self) -> None:
        """Then the body is his to steer."""
        answer = self.request()
        wire = self.accept()
        self.say(wire, OK[:-1])
        answer.cancel()
        self.assertFalse(wire.aborted)
        receiver = Receiver()
        self.successResultOf(answer).deliverBody(receiver)
        self.say(wire, OK[-1:])
        self.assertEqual(receiver.data, b"ok")
        self.assert_at_rest()
