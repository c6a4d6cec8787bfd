"""The system's resolver: what it is asked, and that it always comes to an end."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.upstream.resolver import SystemResolver

BOTH = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)),
    (socket.AF_UNIX, socket.SOCK_STREAM, 6, "", ("/nowhere",)),
]


class Receiver:
    """Takes note of what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def resolutionBegan(self, resolution: Any) -> None:
        self.told.append(("began", resolution.name))

    def addressResolved(self, address: Any) -> None:
        self.told.append(address)

    def resolutionComplete(self) -> None:
        self.told.append("complete")


class ResolverTests(SynchronousTestCase):
    """One look-up."""

    def setUp(self) -> None:
        self.receiver: Any = Receiver()
        self.asked: list[tuple[Any, ...]] = []
        self.result: Any = BOTH

    def getaddrinfo(self, *arguments: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def resolver(self, run_in_thread: Any = maybeDeferred) -> SystemResolver:
        return SystemResolver(run_in_thread, self.getaddrinfo)

    def test_interfaces(self) -> None:
        verifyObject(IHostnameResolver, self.resolver())
        resolution = self.resolver().resolveHostName(self.receiver, "a.test")
        verifyObject(IHostResolution, resolution)
        self.assertRaises(NotImplementedError, resolution.cancel)

    def test_addresses(self) -> None:
        """Of both families, in the order in which the system would use them; nothing else."""
        self.resolver().resolveHostName(self.receiver, "a.test", 80)
        v6, v4 = IPv6Address("TCP", "::1", 80, 0, 0), IPv4Address("TCP", "127.0.0.1", 80)
        self.assertEqual(self.receiver.told, [("began", "a.test"), v6, v4, "complete"])
        self.assertEqual(self.asked, [("a.test", 80, socket.AF_UNSPEC, socket.SOCK_STREAM)])

    def test_one_family(self) -> None:
        self.resolver().resolveHostName(self.receiver, "a.test", 80, [IPv4Address])
        self.assertEqual(self.receiver.told[1:-1], [IPv4Address("TCP", "127.0.0.1", 80)])

    def test_datagrams(self) -> None:
        self.resolver().resolveHostName(self.receiver, "a.test", 80, None, "UDP")
        self.assertEqual(self.asked[0][3], socket.SOCK_DGRAM)
        self.assertEqual(self.receiver.told[2], IPv4Address("UDP", "127.0.0.1", 80))

    def test_in_a_thread(self) -> None:
        """The reactor goes on meanwhile."""
        answer: Deferred[Any] = Deferred()
        self.resolver(lambda *_: answer).resolveHostName(self.receiver, "a.test")
        self.assertEqual(self.receiver.told, [("began", "a.test")])
        answer.callback([])
        self.assertEqual(self.receiver.told, [("began", "a.test"), "complete"])

    def test_failure(self) -> None:
        """Whatever it is: no descriptor left, say, is no `gaierror`, and must not be waited for for ever."""
        for error in (socket.gaierror(-2, "Name or service not known"), OSError(24, "Too many open files")):
            self.receiver.told.clear()
            self.result = error
            with capturedLogs() as events:
                self.resolver().resolveHostName(self.receiver, "a.test")
            self.assertEqual(self.receiver.told, [("began", "a.test"), "complete"])
            self.assertEqual([formatEvent(event) for event in events], [f"looking up a.test failed: {error}"])

    def test_no_thread(self) -> None:
        """Twisted raises that at once, not through the Deferred; the look-up has failed like any other."""

        def run_in_thread(*_: Any) -> Any:
            raise RuntimeError("can't start new thread")

        with capturedLogs() as events:
            self.resolver(run_in_thread).resolveHostName(self.receiver, "a.test")
        self.assertEqual(self.receiver.told, [("began", "a.test"), "complete"])
        told = ["looking up a.test failed: can't start new thread"]
        self.assertEqual([formatEvent(event) for event in events], told)
