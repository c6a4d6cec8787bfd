"""The fake `Network` does what a reactor does; for its connections see tests/test_wire.py."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionRefusedError, UserError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import (
    IConnector,
    IListeningPort,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import ClientFactory, Factory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.fakes import Client, Network


class Connecting(ClientFactory):
    """Notes how connecting went."""

    noisy = False

    def __init__(self) -> None:
        self.client: Client | None = None
        self.failure: Failure | None = None

    def buildProtocol(self, addr: object) -> Client:
        self.client = Client()
        return self.client

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self.failure = reason


class NetworkTests(SynchronousTestCase):
    """Listening, connecting, time."""

    def setUp(self) -> None:
        self.network = Network()
        self.factory = Connecting()

    def listen(self) -> Any:
        return self.network.listenTCP(80, Factory.forProtocol(Client), interface="10.0.0.1")

    def connect(self, timeout: float = 30) -> Any:
        return self.network.connectTCP("10.0.0.1", 80, self.factory, timeout)

    def assert_failed(self, error: type[Exception]) -> None:
        assert self.factory.failure is not None
        self.assertTrue(self.factory.failure.check(error), self.factory.failure)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_provides_what_a_reactor_provides(self) -> None:
        self.assertTrue(verifyObject(IReactorTime, self.network))
        self.assertTrue(verifyObject(IReactorTCP, self.network))
        self.assertTrue(verifyObject(IListeningPort, self.listen()))
        self.assertTrue(verifyObject(IConnector, self.connect()))

    def test_connects(self) -> None:
        self.listen()
        self.connect()
        self.assertIsNone(self.factory.client)
        self.network.run()
        (address, here, there) = self.network.connections[0]
        self.assertEqual(address, ("10.0.0.1", 80))
        self.assertIs(here.protocol, self.factory.client)
        here.write(b"hello")
        self.network.run()
        self.assertEqual(there.protocol.received, b"hello")
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_nobody_listens(self) -> None:
        self.connect()
        self.network.run()
        self.assert_failed(ConnectionRefusedError)

    def test_nobody_listens_any_more(self) -> None:
        port = self.listen()
        self.successResultOf(port.stopListening())
        self.connect()
        self.network.run()
        self.assert_failed(ConnectionRefusedError)

    def test_a_black_hole_never_answers(self) -> None:
        self.listen()
        self.network.black_holes.add(("10.0.0.1", 80))
        self.connect(timeout=5)
        self.network.run(4.9)
        self.assertIsNone(self.factory.failure)
        self.network.run(0.2)
        self.assert_failed(ConnectTimeoutError)

    def test_connecting_can_be_stopped(self) -> None:
        self.listen()
        self.connect().stopConnecting()
        self.network.run()
        self.assert_failed(UserError)
        self.assertIsNone(self.factory.client)

    def test_a_listener_may_turn_a_connection_away(self) -> None:
        class Closed(Factory):
            noisy = False

            def buildProtocol(self, addr: object) -> None:
                return None

        self.network.listenTCP(80, Closed(), interface="10.0.0.1")
        client = self.network.connect("10.0.0.1", 80)
        self.network.run()
        self.assertIsNotNone(client.closed)

    def test_what_is_due_happens_while_time_passes(self) -> None:
        times: list[float] = []
        self.network.callLater(1, lambda: times.append(self.network.seconds()))
        self.network.run(0.9)
        self.assertEqual(times, [])
        self.network.run(0.2)
        self.assertEqual([round(time, 1) for time in times], [1.0])

    def test_endless_traffic_is_a_failure(self) -> None:
        def again() -> None:
            self.network.later(again)

        again()
        self.assertRaises(AssertionError, self.network.run)
