"""Connecting to a host by its name: which address, when the next one, and what happens at the end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.timers import TimerWheel
from jairouter.upstream.dialing import STAGGER, NamedEndpoint
from jairouter.upstream.names import NameLimits, Names
from jairouter.upstream.outbound import Watch
from tests.upstream.names_rig import Resolver

TIMEOUT = 7.0


class Case(SynchronousTestCase):
    """One host whose addresses and backends are the test."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.resolver = self.reactor.nameResolver = Resolver()
        wheel = TimerWheel(self.reactor)
        self.names = Names(lambda: self.resolver, wheel, NameLimits(ttl=0))
        self.endpoint = NamedEndpoint(self.reactor, wheel, self.names, Watch(), "a.test", 8000, TIMEOUT)
        self.factory = Factory.forProtocol(Protocol)
        self.result: Deferred[Any] = self.endpoint.connect(self.factory)

    @property
    def tried(self) -> list[str]:
        """The addresses that were tried so far."""
        return [host for host, *_ in self.reactor.tcpClients]

    def accept(self, number: int = -1) -> None:
        """The backend at one of these addresses accepts."""
        protocol = self.reactor.tcpClients[number][2].buildProtocol(None)
        protocol.makeConnection(StringTransport())

    def refuse(self, number: int = -1) -> None:
        """It does not."""
        error = Failure(ConnectionRefusedError(str(number)))
        self.reactor.tcpClients[number][2].clientConnectionFailed(None, error)

    def assert_at_rest(self) -> None:
        """Nothing is under way, no address but the winner's."""
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(len(self.resolver.open), 0)

    def given_up(self) -> list[bool]:
        """Which attempts were given up."""
        return [bool(connector.stoppedConnecting) for connector in self.reactor.connectors]


class OneAddressTests(Case):
    """A name with one address, as most have."""

    def test_interface(self) -> None:
        verifyObject(IStreamClientEndpoint, self.endpoint)
        self.result.addErrback(lambda _: None).cancel()

    def test_connected(self) -> None:
        self.assertEqual(self.tried, [])
        self.resolver.answer("10.0.0.1")
        self.assertEqual(self.reactor.tcpClients[0][:2], ("10.0.0.1", 8000))
        self.accept()
        self.assertIsInstance(self.successResultOf(self.result), Protocol)
        self.assert_at_rest()

    def test_refused(self) -> None:
        """That is told at once: another instance may have time for the request."""
        self.resolver.answer("10.0.0.1")
        self.refuse()
        self.failureResultOf(self.result, ConnectionRefusedError)
        self.assert_at_rest()

    def test_name_that_is_not_found(self) -> None:
        self.resolver.answer()
        self.failureResultOf(self.result, DNSLookupError)
        self.assert_at_rest()

    def test_ipv6(self) -> None:
        self.resolver.answer("2001:db8::1")
        self.assertEqual(self.tried, ["2001:db8::1"])
        self.accept()
        self.successResultOf(self.result)


class ManyAddressesTests(Case):
    """One after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.resolver.answer("::1", "10.0.0.1", "10.0.0.2")

    def test_next_one_at_once_after_a_refusal(self) -> None:
        """Of a backend on this machine, say, that listens on 127.0.0.1 only."""
        self.assertEqual(self.tried, ["::1"])
        self.refuse()
        self.assertEqual(self.tried, ["::1", "10.0.0.1"])
        self.accept()
        self.successResultOf(self.result)
        self.assert_at_rest()

    def test_next_one_beside_one_that_does_not_answer(self) -> None:
        self.reactor.advance(STAGGER - 0.01)
        self.assertEqual(self.tried, ["::1"])
        self.reactor.advance(0.01)
        self.assertEqual(self.tried, ["::1", "10.0.0.1"])
        self.assertEqual(self.given_up(), [False, False])
        self.reactor.advance(STAGGER)
        self.assertEqual(self.tried, ["::1", "10.0.0.1", "10.0.0.2"])
        self.accept(0)
        self.successResultOf(self.result)
        self.assertEqual(self.given_up(), [False, True, True])
        self.assert_at_rest()

    def test_refusal_starts_the_time_anew(self) -> None:
        """Otherwise the third would come right after the second."""
        self.reactor.advance(STAGGER - 0.01)
        self.refuse()
        self.reactor.advance(0.02)
        self.assertEqual(self.tried, ["::1", "10.0.0.1"])
        self.result.addErrback(lambda _: None).cancel()

    def test_all_refused(self) -> None:
        """The last one says why."""
        for _ in range(3):
            self.refuse()
        error = self.failureResultOf(self.result, ConnectionRefusedError).value
        self.assertEqual(error.osError, "-1")
        self.assert_at_rest()

    def test_last_one_refused_while_another_may_still_answer(self) -> None:
        self.reactor.advance(STAGGER)
        self.refuse()
        self.refuse()
        self.assertNoResult(self.result)
        self.accept(0)
        self.successResultOf(self.result)
        self.assert_at_rest()

    def test_first_one_refused_while_another_may_still_answer(self) -> None:
        self.reactor.advance(STAGGER)
        self.refuse(0)
        self.assertEqual(self.tried, ["::1", "10.0.0.1", "10.0.0.2"])
        self.refuse(2)
        self.assertNoResult(self.result)
        self.refuse(1)
        self.failureResultOf(self.result, ConnectionRefusedError)
        self.assert_at_rest()


class GivenUpTests(Case):
    """Too late, or not wanted any more."""

    def test_cancelled_during_the_look_up(self) -> None:
        """It is not the name that is wrong."""
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.resolver.answer("10.0.0.1")
        self.assertEqual(self.tried, [])
        self.assert_at_rest()

    def test_cancelled_while_connecting(self) -> None:
        self.resolver.answer("10.0.0.1", "10.0.0.2", "10.0.0.3")
        self.reactor.advance(STAGGER)
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.assertEqual(self.given_up(), [True, True])
        self.assert_at_rest()

    def test_look_up_without_end(self) -> None:
        """Somebody has to give up, or the place in the pool would be lost."""
        self.reactor.advance(TIMEOUT - 0.1)
        self.assertNoResult(self.result)
        self.reactor.advance(0.4)
        self.failureResultOf(self.result, TimeoutError)
        self.resolver.answer("10.0.0.1")
        self.assertEqual(self.tried, [])
        self.assert_at_rest()

    def test_nobody_answers(self) -> None:
        """All of it together may take so long."""
        self.reactor.advance(4)
        self.resolver.answer("10.0.0.1", "10.0.0.2")
        self.reactor.pump([STAGGER] * 14)
        self.failureResultOf(self.result, TimeoutError)
        self.assertEqual(self.given_up(), [True, True])
        self.assert_at_rest()


class TwistedTests(SynchronousTestCase):
    """Why Twisted's own endpoint is not used. When one of these fails, it could be."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.resolver = self.reactor.nameResolver = Resolver()
        endpoint = HostnameEndpoint(self.reactor, "a.test", 8000)
        self.result: Deferred[Any] = endpoint.connect(Factory.forProtocol(Protocol))

    def refuse(self) -> None:
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def test_a_refusal_is_not_told_at_once(self) -> None:
        self.resolver.answer("10.0.0.1")
        self.refuse()
        self.reactor.advance(0.29)
        self.assertNoResult(self.result)
        self.reactor.advance(0.02)
        self.failureResultOf(self.result, ConnectionRefusedError)

    def test_the_next_address_is_not_tried_at_once(self) -> None:
        self.resolver.answer("::1", "127.0.0.1")
        self.refuse()
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.result.addErrback(lambda _: None).cancel()

    def test_cancelled_during_the_look_up(self) -> None:
        self.result.cancel()
        self.failureResultOf(self.result, DNSLookupError)
