"""Tests for `jairouter.turns`, on Twisted's own epoll reactor with an epoll for sockets in memory."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter import turns
from jairouter.eager import collector, eager_write
from jairouter.turns import shorten_turns
from tests.transports import MemorySocket, Poller, connected, socket_pair

Reads = Callable[[bytes], None]


class Scripted(Protocol):
    """Does with what it reads, and at its end, what a test says.

    Attributes:
        read: What it has read.
        at_the_end: Called when the connection is lost.
    """

    def __init__(self, reads: Reads | None = None) -> None:
        self.reads = reads or (lambda data: None)
        self.read: list[bytes] = []
        self.at_the_end: Callable[[], None] = lambda: None

    def connectionMade(self) -> None:
        self.write = eager_write(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self.read.append(data)
        self.reads(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.at_the_end()


def _raise(error: BaseException) -> None:
    raise error


class TurnCase(SynchronousTestCase):
    """An epoll reactor that is never run, and connections whose other ends are sockets."""

    shortened = True

    def setUp(self) -> None:
        self.reactor: Any = EPollReactor()
        self.reactor.seconds = Clock().seconds
        for waker in list(self.reactor._internalReaders):
            self.reactor.removeReader(waker)
            waker.connectionLost(None)
        self.reactor._internalReaders.clear()
        self.reactor._poller.close()
        self.sockets: dict[int, MemorySocket] = {}
        self.poller = self.reactor._poller = Poller(self.sockets)
        if self.shortened:
            shorten_turns(self.reactor)

    def tearDown(self) -> None:
        self.assertFalse(collector.collecting)
        self.assertEqual(collector._transports, [])

    def connect(self, reads: Reads | None = None) -> tuple[Scripted, MemorySocket]:
        """A connection: its protocol here, and the peer's socket."""
        number = len(self.sockets) + 1
        protocol = Scripted(reads)
        here, peer = socket_pair(number, 1000 + number)
        self.sockets[number] = here
        connected(self.reactor, here, protocol)
        return protocol, peer

    def turn(self) -> None:
        self.reactor.doIteration(0)


class TurnContract(TurnCase):
    """What a turn of Twisted's reactor does, and so does one that is shortened."""

    def test_every_socket_that_is_ready_is_read(self) -> None:
        one, its_peer = self.connect()
        two, _ = self.connect()
        three, peer_of_three = self.connect()
        its_peer.send(b"1")
        peer_of_three.send(b"3")
        self.turn()
        self.assertEqual((one.read, two.read, three.read), ([b"1"], [], [b"3"]))

    def test_a_socket_that_takes_more_is_written_to(self) -> None:
        one, peer = self.connect()
        transport: Any = one.transport
        transport.write(b"x")
        self.turn()
        self.assertEqual(peer.unread, b"x")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_it_waits_as_long_as_it_is_told(self) -> None:
        """For as many events as there are sockets."""
        for _ in range(3):
            self.connect()
        for timeout in (None, 1.5, 0):
            self.reactor.doPoll(timeout)
        self.assertEqual(self.poller.asked, [(-1, 3), (1.5, 3), (0, 3)])

    def test_a_signal_while_it_waits(self) -> None:
        one, peer = self.connect()
        peer.send(b"x")
        self.poller.fails = InterruptedError(errno.EINTR, "a signal")
        self.turn()
        self.assertEqual(one.read, [])
        self.poller.fails = None
        self.turn()
        self.assertEqual(one.read, [b"x"])

    def test_any_other_error_of_epoll(self) -> None:
        self.poller.fails = OSError(errno.EBADF, "closed")
        self.assertRaises(OSError, self.turn)

    def test_closed_by_one_before_it(self) -> None:
        """Its number is not known any more, though it was ready."""
        one, its_peer = self.connect()
        two, peer_of_two = self.connect()
        three, peer_of_three = self.connect()
        closed: Any = two.transport
        one.reads = lambda data: closed.connectionLost(Failure(ConnectionDone()))
        for peer in (its_peer, peer_of_two, peer_of_three):
            peer.send(b"x")
        self.turn()
        self.assertEqual((one.read, two.read, three.read), ([b"x"], [], [b"x"]))

    def test_an_exception_while_reading(self) -> None:
        """Logged, and the end of this connection; the others go on."""
        ends: list[str] = []
        one, its_peer = self.connect(lambda data: _raise(RuntimeError("no")))
        one.at_the_end = lambda: ends.append("one")
        two, peer_of_two = self.connect()
        its_peer.send(b"x")
        peer_of_two.send(b"x")
        self.turn()
        self.assertEqual((ends, two.read), (["one"], [b"x"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_exception_at_the_end_of_a_connection(self) -> None:
        """Logged once; the others go on, and what was written goes out."""
        first, peer_of_first = self.connect()
        first.reads = lambda data: first.write(b"answer")
        second, peer_of_second = self.connect()
        second.at_the_end = lambda: _raise(RuntimeError("no"))
        third, peer_of_third = self.connect()
        third.reads = lambda data: third.write(b"answer")
        peer_of_first.send(b"x")
        peer_of_second.close()
        peer_of_third.send(b"x")
        self.turn()
        self.assertEqual((peer_of_first.unread, peer_of_third.unread), (b"answer", b"answer"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_the_keyboard(self) -> None:
        """It ends the turn; what was written goes out."""
        one, its_peer = self.connect()
        one.reads = lambda data: one.write(b"answer")
        two, peer_of_two = self.connect()
        two.at_the_end = lambda: _raise(KeyboardInterrupt())
        its_peer.send(b"x")
        peer_of_two.close()
        self.assertRaises(KeyboardInterrupt, self.turn)
        self.assertEqual(its_peer.unread, b"answer")


class TwistedTurnTests(TurnContract):
    """Twisted's own."""

    shortened = False


class ShortenedTurnTests(TurnContract):
    """Ours."""

    def test_it_is_ours(self) -> None:
        """Under both of its names; the reactor's loop knows the second."""
        self.assertEqual(self.reactor.doPoll.__module__, turns.__name__)
        self.assertIs(self.reactor.doPoll, self.reactor.doIteration)


del TurnContract
