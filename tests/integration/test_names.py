"""Backends that are given by name, over real sockets of both families."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from jairouter.timers import TimerWheel
from jairouter.upstream.dialing import NamedEndpoint
from jairouter.upstream.names import Names
from jairouter.upstream.outbound import Watch
from jairouter.upstream.resolver import SystemResolver

reactor: Any = the_reactor


class Resolver:
    """Knows one name with these addresses, as ``localhost`` has both on most machines."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    def resolveHostName(self, receiver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        receiver.resolutionBegan(self)
        for each in self._addresses:
            receiver.addressResolved((IPv6Address if ":" in each else IPv4Address)("TCP", each, 0))
        receiver.resolutionComplete()
        return self


class NamesTests(TestCase):
    """One name with an address of each family."""

    timeout = 30

    def listen(self, address: str) -> int:
        """Listen there. Returns the port, which is closed at the other address."""
        port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface=address)
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def connect(self, resolver: Any, port: int) -> Deferred[Any]:
        """Connect to the name. Fires with the peer's address."""
        wheel = TimerWheel(reactor)
        endpoint = NamedEndpoint(
            reactor, wheel, Names(lambda: resolver, wheel), Watch(), "localhost", port, 20.0
        )

        def connected(protocol: Any) -> str:
            closed: Deferred[None] = Deferred()
            protocol.connectionLost = lambda _: closed.callback(None)
            self.addCleanup(lambda: closed)
            peer = str(protocol.transport.getPeer().host)
            protocol.transport.abortConnection()
            return peer

        return endpoint.connect(Factory.forProtocol(Protocol)).addCallback(connected)

    async def test_only_ipv4_listens(self) -> None:
        """As model servers on one's own machine do."""
        port = self.listen("127.0.0.1")
        self.assertEqual(await self.connect(Resolver("::1", "127.0.0.1"), port), "127.0.0.1")

    async def test_only_ipv6_listens(self) -> None:
        """On a machine without IPv6 another address of its own does as well."""
        other = "::1" if _has("::1") else "127.0.0.2"
        port = self.listen(other)
        self.assertEqual(await self.connect(Resolver("127.0.0.1", other), port), other)

    async def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        await self.assertFailure(self.connect(Resolver("::1", "127.0.0.1"), port), ConnectionRefusedError)

    async def test_resolver_of_the_system(self) -> None:
        port = self.listen("127.0.0.1")
        self.assertEqual(await self.connect(SystemResolver(deferToThread), port), "127.0.0.1")


def _has(address: str) -> bool:
    """Whether this machine has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True
