"""Bytes that nobody asked for, found while the request still waits in Twisted's TLS for the next turn."""

from __future__ import annotations

from typing import Any

from jairouter.request_body.held import HeldBody
from tests.upstream.rig import OK, Receiver
from tests.upstream.test_endpoints import SecureCase

LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


class UnaskedTests(SecureCase):
    """TLS writes what is small a turn later (Twisted's `BufferingTLSTransport`)."""

    def setUp(self) -> None:
        super().setUp()
        self.serve()
        self.tls_end.write(OK)
        self.pump()
        self.successResultOf(self.answer)
        self.peer.received = b""
        # The backend says something in the turn in which the connection is lent again
        self.tls_end.write(LATE)
        self.reactor.advance(0)
        self.answer = self.ask(HeldBody(b"prompt"))
        late = self.other.value()
        self.other.clear()
        self.old: Any = self.wire
        self.old.protocol.dataReceived(late)

    def test_request_is_sent_on_a_fresh_connection(self) -> None:
        self.assertNoResult(self.answer)
        self.wire = self.accept()
        self.serve()
        self.assertTrue(self.peer.received.endswith(b"\r\n\r\nprompt"))
        self.tls_end.write(OK)
        self.pump()
        response, receiver = self.successResultOf(self.answer), Receiver()
        response.deliverBody(receiver)
        self.assertEqual((response.code, receiver.data), (200, b"ok"))

    def test_backend_sees_nothing_of_it_on_the_old_one(self) -> None:
        self.assertTrue(self.old.aborted)
        self.pump()
        self.assertEqual(self.peer.received, b"")
        self.answer.cancel()
        self.failureResultOf(self.answer)

    def test_next_request_does_not_get_its_answer(self) -> None:
        """Another client's: the old connection must not be lent any more."""
        other = self.ask(HeldBody(b"another"))
        self.pump()
        self.assertNotIn(b"another", self.peer.received)
        for each in (self.answer, other):
            each.cancel()
            self.failureResultOf(each)
