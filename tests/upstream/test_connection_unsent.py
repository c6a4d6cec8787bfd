"""An answer that comes while the request is still in our own buffers, over Twisted's own transports."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone

from jairouter.eager import unsent
from jairouter.upstream.connection import Connection
from jairouter.upstream.endpoints import SecureConnection
from jairouter.upstream.response import Response
from jairouter.upstream.tls import BackendTls, client_context
from tests.test_wire import Noting
from tests.transports import WINDOW, Kernel
from tests.upstream.authority import issued, root
from tests.upstream.rig import OK, Receiver, awaited, request
from tests.upstream.test_endpoints import Held

REFUSED = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
"""Nothing in it says that the connection is not kept."""
PROMPT = b"x" * (4 * WINDOW)
"""More than the kernel takes of a request whose reader has stopped."""


class UnsentCase(SynchronousTestCase):
    """A connection of the pool's, and a backend that can stop reading.

    Attributes:
        told: What the pool was told.
        read: What the backend has read.
    """

    def setUp(self) -> None:
        self.kernel = Kernel()
        self.told: list[str] = []
        self.read: list[Any] = []
        self.connect()
        self.settle()
        self.addCleanup(lambda: self.assertEqual(self.kernel.getDelayedCalls(), []))

    def connect(self) -> None:
        self.connection = Connection(0.0, self.idle, self.lost)
        self.here, self.there = self.kernel.pair(self.connection, Noting(self.read))
        self.backend = self.there

    def idle(self, _: Connection) -> None:
        self.told.append("idle")

    def lost(self, _: Connection) -> None:
        self.told.append("lost")

    def settle(self) -> None:
        for _ in range(40):
            self.kernel.turn()

    def ask(self, body: bytes) -> Deferred[Response]:
        """Send a request to the backend, which does not read."""
        self.there.pauseProducing()
        answer = awaited(self.connection.send(request(body)))
        self.settle()
        return answer

    def say(self, data: bytes) -> None:
        """The backend says something."""
        self.backend.write(data)
        self.settle()

    def assert_answered(self, answer: Deferred[Response], data: bytes) -> None:
        """It is an answer all the same, and complete."""
        receiver = Receiver()
        self.successResultOf(answer).deliverBody(receiver)
        self.assertEqual(receiver.data, data)
        self.assertEqual([end.type for end in receiver.ends], [ResponseDone])


class PlainTests(UnsentCase):
    """What the answer does to the connection, over TCP."""

    def test_connection_is_not_used_again(self) -> None:
        """The next request would stand behind the rest of this one."""
        answer = self.ask(PROMPT)
        self.say(REFUSED)
        self.assert_answered(answer, b"no")
        self.assertEqual(self.told, ["lost"])

    def test_connection_does_not_stay_open_for_the_rest(self) -> None:
        """It would as long as the backend does not read, out of the pool and counted by nobody."""
        answer = self.ask(PROMPT)
        self.say(REFUSED)
        self.assert_answered(answer, b"no")
        self.assertEqual(self.kernel.getWriters(), [])
        self.assertTrue(self.there.socket.was_reset)

    def test_connection_ends_with_the_answer(self) -> None:
        """Not with its head."""
        answer = self.ask(PROMPT)
        self.say(REFUSED[:-2])
        response = self.successResultOf(answer)
        self.assertEqual(self.told, [])
        receiver = Receiver()
        response.deliverBody(receiver)
        self.say(b"no")
        self.assertEqual([receiver.data, *(end.type for end in receiver.ends)], [b"no", ResponseDone])
        self.assertEqual(self.told, ["lost"])
        self.assertTrue(self.there.socket.was_reset)

    def test_backend_that_closes(self) -> None:
        answer = self.ask(PROMPT)
        self.say(REFUSED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assert_answered(answer, b"no")
        self.assertEqual(self.told, ["lost"])
        self.assertEqual(self.kernel.getWriters(), [])

    def test_request_that_is_out(self) -> None:
        """What the kernel has is sent, whether or not the backend has read it."""
        answer = self.ask(b"small")
        self.say(OK)
        self.assert_answered(answer, b"ok")
        self.assertEqual(self.told, ["idle"])
        self.assertFalse(self.there.socket.was_reset)
        self.connection.close()
        self.there.resumeProducing()
        self.settle()

    def test_request_that_is_out_at_last(self) -> None:
        answer = self.ask(PROMPT)
        self.there.resumeProducing()
        self.settle()
        self.assertTrue(b"".join(note for note in self.read if isinstance(note, bytes)).endswith(PROMPT))
        self.say(OK)
        self.assert_answered(answer, b"ok")
        self.assertEqual(self.told, ["idle"])
        self.connection.close()
        self.settle()


class TlsTests(PlainTests):
    """The same over TLS, where what waits is encrypted already."""

    def connect(self) -> None:
        tls = BackendTls(client_context(authorities=(root().certificate,), system=False)).towards("a.test")
        connection = self.connection = SecureConnection(tls, 0.0, self.idle, self.lost)
        ends = []
        for creator, client, make in (
            (tls, True, lambda: connection),
            (Held(issued("a.test")), False, lambda: Noting(self.read)),
        ):
            factory = TLSMemoryBIOFactory(creator, client, Factory.forProtocol(make), self.kernel)
            ends.append(factory.buildProtocol(None))
        self.here, self.there = self.kernel.pair(*ends)
        self.backend = ends[1]
        self.settle()
        self.assertIs(self.successResultOf(connection.secured), connection)

    def test_what_waits_for_tls_itself(self) -> None:
        """As while the two of them change keys."""
        tls = BackendTls(client_context(verify=False)).towards("a.test")
        factory = TLSMemoryBIOFactory(tls, True, Factory.forProtocol(lambda: Noting([])), self.kernel)
        end = factory.buildProtocol(None)
        end.makeConnection(StringTransport())
        self.assertFalse(unsent(end))
        end.write(b"x")
        self.kernel.advance(0)
        self.assertTrue(unsent(end))
