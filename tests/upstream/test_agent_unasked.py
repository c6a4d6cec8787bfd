"""Bytes that nobody asked for, found when the connection is lent again but nothing of the request is out.

In a turn of the reactor in which several sockets are ready, what is written is collected, and a late 408 may
be read between the write and the flush. It is no answer to that request.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from jairouter.eager import collector
from jairouter.exchange import Phase
from jairouter.request_body.held import HeldBody
from jairouter.upstream.response import Response
from tests.test_wire import Noting
from tests.transports import WINDOW, Kernel
from tests.upstream.rig import OK, Phases, Receiver
from tests.upstream.test_agent import AgentCase

LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


class UnaskedCase(AgentCase):
    """An agent whose connections are Twisted's own, and the backend's ends of them.

    Attributes:
        ends: The backend's ends, in order.
        read: What was read at each of them.
    """

    def setUp(self) -> None:
        super().setUp()
        self.kernel = Kernel()
        self.ends: list[Any] = []
        self.read: list[list[Any]] = []
        self.addCleanup(self.end_turn)

    def end_turn(self) -> None:
        """All that was collected goes out."""
        collector.collecting = False
        collector.flush()
        for _ in range(10):
            self.kernel.turn()

    def open(self) -> Any:
        """The backend accepts the connection that has waited longest. Returns its end."""
        factory = self.reactor.tcpClients[self.accepted][2]
        self.accepted += 1
        read: list[Any] = []
        _, there = self.kernel.pair(factory.buildProtocol(None), Noting(read))
        self.ends.append(there)
        self.read.append(read)
        return there

    def kept(self) -> Any:
        """The backend's end of an idle connection that has answered one request."""
        first = self.ask()
        end = self.open()
        end.write(OK)
        self.end_turn()
        self.successResultOf(first)
        self.read[-1].clear()
        return end

    def post(self, body: bytes = b"prompt", attempt: Phases | None = None) -> Deferred[Response]:
        """In a turn in which several sockets are ready, a request is sent."""
        collector.collecting = True
        return self.ask(HeldBody(body), attempt)

    def assert_ok(self, answer: Deferred[Response]) -> None:
        response, receiver = self.successResultOf(answer), Receiver()
        response.deliverBody(receiver)
        self.assertEqual((response.code, receiver.data), (200, b"ok"))


class UnaskedTests(UnaskedCase):
    """What is made of them."""

    def test_request_is_sent_on_a_fresh_connection(self) -> None:
        old = self.kept()
        old.socket.send(LATE)
        answer = self.post()
        self.kernel.turn()
        self.assertNoResult(answer)
        fresh = self.open()
        self.end_turn()
        self.assertTrue(self.read[1][0].endswith(b"\r\n\r\nprompt"), self.read)
        fresh.write(OK)
        self.end_turn()
        self.assert_ok(answer)
        self.assert_at_rest()

    def test_backend_sees_nothing_of_it_on_the_old_one(self) -> None:
        """So it cannot be done twice."""
        old = self.kept()
        old.socket.send(LATE)
        answer = self.post()
        self.kernel.turn()
        self.end_turn()
        self.assertEqual(self.read[0], ["ConnectionLost"])
        answer.cancel()
        self.failureResultOf(answer)

    def test_bytes_that_are_no_http(self) -> None:
        """They are not even looked at."""
        old = self.kept()
        old.socket.send(b"\0")
        answer = self.post()
        self.kernel.turn()
        self.open().write(OK)
        self.end_turn()
        self.assert_ok(answer)

    def test_phases(self) -> None:
        old, attempt = self.kept(), Phases()
        old.socket.send(LATE)
        answer = self.post(attempt=attempt)
        self.kernel.turn()
        self.open().write(OK)
        self.end_turn()
        self.assert_ok(answer)
        expected = [Phase.WAITING, Phase.CONNECTING, Phase.WAITING, Phase.RECEIVING]
        self.assertEqual(attempt.entered, expected)

    def test_on_a_connection_that_is_new(self) -> None:
        """A backend that talks before it is asked means it: that is not tried again."""
        answer = self.post()
        self.open().socket.send(LATE)
        self.kernel.turn()
        self.failureResultOf(answer, ConnectionLost)
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))
        self.assert_at_rest()


class AskedTests(UnaskedCase):
    """What is an answer."""

    def test_request_is_out(self) -> None:
        """It is collected, and written before the answer is read."""
        old = self.kept()
        answer = self.post()
        collector.flush()
        old.socket.send(OK)
        self.kernel.turn()
        self.assert_ok(answer)
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))

    def test_part_of_the_request_is_out(self) -> None:
        """The backend may have refused it for its head."""
        old = self.kept()
        old.pauseProducing()
        answer = self.post(b"x" * (3 * WINDOW))
        self.assertEqual(len(old.socket.unread), WINDOW)
        old.socket.send(OK)
        self.end_turn()
        self.assert_ok(answer)
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))

    def test_part_of_a_small_request_is_out(self) -> None:
        old = self.kept()
        old.pauseProducing()
        old.socket.peer.send(b"." * (WINDOW - 9))
        answer = self.post()
        collector.flush()
        self.assertEqual(old.socket.unread[-9:], b"POST /v1/")
        old.socket.send(OK)
        self.end_turn()
        self.assert_ok(answer)

    def test_bytes_after_the_first_of_an_answer(self) -> None:
        """A head that comes in two pieces is one."""
        old = self.kept()
        answer = self.post()
        collector.flush()
        old.socket.send(OK[:5])
        self.kernel.turn()
        old.socket.send(OK[5:])
        self.kernel.turn()
        self.assert_ok(answer)
