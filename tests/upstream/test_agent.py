"""The agent: which endpoint, which connection, and how a request ends."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IAgent
from zope.interface.verify import verifyObject

from jairouter.errors import PoolExhausted
from jairouter.exchange import HeaderPairs
from jairouter.interfaces import IRequestBody
from jairouter.request_body.held import HeldBody
from jairouter.task import as_deferred
from jairouter.timers import TimerWheel
from jairouter.traffic.instance import Instance
from jairouter.traffic.permits import Ledger
from jairouter.upstream.agent import Agent
from jairouter.upstream.answer_parser import MAX_HEAD
from jairouter.upstream.failures import BadAnswer
from jairouter.upstream.pool import PoolLimits
from jairouter.upstream.response import Response
from tests.upstream.rig import OK, Phases, Wire

URL = b"http://10.0.0.1:9000/v1/x"


class AgentCase(SynchronousTestCase):
    """An agent whose backend is the test."""

    limits = PoolLimits(max_connections=2, max_pending=1)
    max_head = MAX_HEAD

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.ledger = Ledger()
        wheel = TimerWheel(self.reactor)
        self.agent = Agent(self.reactor, wheel, self.ledger, self.limits, 7.0, max_head=self.max_head)
        self.wires: list[Wire] = []
        self.accepted = 0

    def ask(
        self,
        body: IRequestBody | None = None,
        attempt: Phases | None = None,
        uri: bytes = URL,
        pairs: HeaderPairs = (),
    ) -> Deferred[Response]:
        """Send a request, as the Forward filter does."""

        async def send() -> Response:
            sent = HeldBody(b"") if body is None else body
            return await self.agent.post(uri, pairs, sent, attempt or Phases())

        return as_deferred(send())

    def accept(self) -> Wire:
        """The backend accepts the connection that has waited longest."""
        factory = self.reactor.tcpClients[self.accepted][2]
        self.accepted += 1
        protocol = factory.buildProtocol(None)
        wire = Wire()
        wire.protocol = protocol
        protocol.makeConnection(wire)
        self.wires.append(wire)
        return wire

    def refuse(self) -> None:
        """The backend does not accept it."""
        factory = self.reactor.tcpClients[self.accepted][2]
        self.accepted += 1
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    @staticmethod
    def say(wire: Wire, data: bytes) -> None:
        """The backend says something."""
        wire.protocol.dataReceived(data)

    @staticmethod
    def lose(wire: Wire, error: Exception | None = None) -> None:
        """The backend closes a connection."""
        wire.protocol.connectionLost(Failure(error or ConnectionDone()))

    def used_once(self) -> Wire:
        """An idle connection that has answered one request."""
        answer = self.ask()
        wire = self.accept()
        self.say(wire, OK)
        self.successResultOf(answer)
        wire.clear()
        return wire

    def assert_at_rest(self) -> None:
        self.assertTrue(self.ledger.at_rest, self.ledger)
        self.agent.close()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class EndpointTests(AgentCase):
    """Where it connects to."""

    def test_interface(self) -> None:
        verifyObject(IAgent, self.agent)

    def test_ipv4(self) -> None:
        self.ask()
        self.assertEqual(self.reactor.tcpClients[0][:2], ("10.0.0.1", 9000))
        self.assertEqual(self.reactor.tcpClients[0][3], 7.0)

    def test_ipv6(self) -> None:
        self.ask(uri=b"http://[::1]/x")
        self.assertEqual(self.reactor.tcpClients[0][:2], ("::1", 80))

    def test_host_name_is_resolved(self) -> None:
        """Through the reactor's resolver, with all addresses of the name."""
        asked: list[str] = []

        class Resolver:
            def resolveHostName(self, receiver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
                asked.append(name)
                receiver.resolutionBegan(self)
                receiver.resolutionComplete()
                return self

        self.reactor.nameResolver = Resolver()
        answer = self.ask(uri=b"http://backend.example/x")
        self.failureResultOf(answer)
        self.assertEqual(asked, ["backend.example"])
        self.assert_at_rest()

    def test_name_that_idna_does_not_allow(self) -> None:
        """Docker's networks are full of names with underscores."""
        self.ask(uri=b"http://vllm_a:8000/x")
        self.assertEqual(self.reactor.tcpClients[0][:2], ("127.0.0.1", 8000))

    def test_https(self) -> None:
        """The first byte on the wire is that of a TLS handshake."""
        self.ask(uri=b"https://10.0.0.1/x")
        self.assertEqual(self.reactor.tcpClients[0][:2], ("10.0.0.1", 443))
        self.assertEqual(self.accept().value()[:1], b"\x16")

    def test_https_connection_is_not_shared_with_http(self) -> None:
        self.used_once()
        self.ask(uri=b"https://10.0.0.1:9000/v1/x")
        self.assertEqual(len(self.reactor.tcpClients), 2)

    def test_malformed_urls(self) -> None:
        for uri in (b"", b"/x", b"ftp://h/", b"http://h:99999/", b"http://h/a b"):
            self.failureResultOf(self.ask(uri=uri), ValueError)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_queries_are_not_remembered(self) -> None:
        """They come from clients, so there is no end of them."""
        for number in range(10):
            self.ask(uri=URL + b"?n=%d" % number).addErrback(lambda _: None)
        self.assertEqual(len(self.agent._addresses), 1)

    def test_targets(self) -> None:
        """What stands in the request line; a fragment is for the one who asks."""
        targets = {
            b"": b"/",
            b"/": b"/",
            b"?a": b"/?a",
            b"/x?": b"/x",
            b"/x??": b"/x??",
            b"/x?a?b": b"/x?a?b",
        }
        targets |= {b"/x#f": b"/x", b"/x?a#f": b"/x?a", b"/x#f?a": b"/x"}
        for rest, target in targets.items():
            answer = self.ask(uri=b"http://10.0.0.1:9000" + rest)
            wire = self.wires[0] if self.wires else self.accept()
            self.assertEqual(wire.value().split(b" ")[1], target, rest)
            wire.clear()
            self.say(wire, OK)
            self.successResultOf(answer)
        self.assert_at_rest()

    def test_queries_are_checked(self) -> None:
        """With a line break, one could be read as more headers."""
        for query in (b"a\r\nX: y", b"a b", b"\xe4"):
            self.failureResultOf(self.ask(uri=URL + b"?" + query), ValueError)


class ConnectionsTests(AgentCase):
    """Which connection, and what if there is none."""

    def test_connection_is_used_again(self) -> None:
        wire = self.used_once()
        answer = self.ask(uri=URL + b"?again")
        self.assertTrue(wire.value().startswith(b"POST /v1/x?again HTTP/1.1\r\n"))
        self.say(wire, OK)
        self.successResultOf(answer)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_refused(self) -> None:
        answer = self.ask()
        self.refuse()
        self.failureResultOf(answer, ConnectionRefusedError)
        self.assert_at_rest()

    def test_too_many(self) -> None:
        waiting = [self.ask() for _ in range(3)]
        self.failureResultOf(self.ask(), PoolExhausted)
        self.assertEqual([answer.called for answer in waiting], [False] * 3)

    def test_malformed_requests_take_none(self) -> None:
        """Nothing is lent for what is never sent."""
        self.used_once()
        self.failureResultOf(self.ask(pairs=((b"X", b"a\r\nb"),)), ValueError)
        self.assert_at_rest()


class KeepTests(AgentCase):
    """Of other settings, only what they name is kept."""

    here = Instance("chat", "m", "http://10.0.0.1:9000")

    def test_named(self) -> None:
        wire = self.used_once()
        self.agent.keep([Instance("chat", "m", "no address"), self.here])
        self.assertFalse(wire.disconnecting)
        self.ask()
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))

    def test_idle(self) -> None:
        wire = self.used_once()
        self.agent.keep([])
        self.assertTrue(wire.disconnecting)
        self.ask()
        self.assertEqual(self.accepted + 1, len(self.reactor.tcpClients))

    def test_busy(self) -> None:
        """It ends as it began."""
        answer = self.ask()
        wire = self.accept()
        self.agent.keep([])
        self.assertFalse(wire.disconnecting)
        self.say(wire, OK)
        self.successResultOf(answer)
        self.assertTrue(wire.disconnecting)
        self.lose(wire)
        self.assert_at_rest()

    def test_queued(self) -> None:
        """Whoever waits for a connection still gets one."""
        self.limits = PoolLimits(max_connections=1, max_pending=1)
        self.setUp()
        self.ask()
        wire, second = self.accept(), self.ask()
        self.agent.keep([])
        self.say(wire, OK)
        self.say(wire, OK)
        self.successResultOf(second)


class CancelTests(AgentCase):
    """Whoever asked gives up."""

    def test_while_connecting(self) -> None:
        """One error for all phases, not one of the endpoint's own; the attempt to connect is given up."""
        answer = self.ask()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assert_at_rest()

    def test_while_queued(self) -> None:
        busy = [self.ask(), self.ask()]
        answer = self.ask()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual([each.called for each in busy], [False, False])
        for each in busy:
            self.say(self.accept(), OK)
            self.successResultOf(each)
        self.assert_at_rest()

    def test_while_waiting_for_the_answer(self) -> None:
        answer = self.ask()
        wire = self.accept()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(wire.aborted)
        self.assert_at_rest()


class HeadTests(AgentCase):
    """How large the head of an answer may be."""

    max_head = 100

    def test_too_large(self) -> None:
        answer = self.ask()
        self.say(self.accept(), b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
        self.failureResultOf(answer, BadAnswer)
        self.assert_at_rest()
