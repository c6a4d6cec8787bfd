"""Tests for `jairouter.upstream.dialing`: a machine that has no IPv6."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.error import ConnectError, NoRouteError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.upstream.dialing import address_endpoint


class NoIPv6Tests(SynchronousTestCase):
    """What Linux says there means over IPv4 that this machine has no ports left."""

    def refused(self, address: str, number: int) -> Any:
        """What connecting failed with."""
        reactor: Any = MemoryReactorClock()
        connecting = address_endpoint(reactor, address, 80, 5).connect(Factory.forProtocol(Protocol))
        factory, connector = reactor.tcpClients[0][2], reactor.connectors[0]
        factory.clientConnectionFailed(connector, Failure(ConnectError(number, "no")))
        return self.failureResultOf(connecting).value

    def test_ipv6(self) -> None:
        """There is no way: the instance cannot be reached."""
        self.assertIsInstance(self.refused("::1", errno.EADDRNOTAVAIL), NoRouteError)

    def test_ipv4(self) -> None:
        """It stays what it is, a limit of our own."""
        self.assertEqual(self.refused("127.0.0.1", errno.EADDRNOTAVAIL).osError, errno.EADDRNOTAVAIL)
        self.assertNotIsInstance(self.refused("127.0.0.1", errno.EADDRNOTAVAIL), NoRouteError)

    def test_other_errors(self) -> None:
        self.assertNotIsInstance(self.refused("::1", errno.ENETUNREACH), NoRouteError)
