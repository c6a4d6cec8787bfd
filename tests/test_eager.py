"""Tests for `jairouter.eager`, against Twisted's own TCP transport over sockets in memory."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from jairouter import eager
from jairouter.eager import eager_write
from tests.codec.properties import PROPERTY
from tests.fakes import BUFFER, Network
from tests.test_wire import Noting, NotingProducer
from tests.transports import WINDOW, Kernel, MemorySocket


class EagerCase(SynchronousTestCase):
    """A transport that is written to eagerly, and its peer.

    Attributes:
        notes: What was told here.
        read: What the peer has read.
    """

    def setUp(self) -> None:
        self.kernel = Kernel()
        self.notes: list[Any] = []
        self.read: list[Any] = []
        self.here, self.there = self.kernel.pair(Noting(self.notes), Noting(self.read))
        self.at_the_peer: MemorySocket = self.there.socket
        self.write = eager_write(self.here)

    def settle(self) -> None:
        for _ in range(30):
            self.kernel.turn()

    def assert_waits(self, *, waits: bool = True) -> None:
        """Whether the reactor was asked to say when the socket takes more."""
        self.assertEqual(self.here in self.kernel.getWriters(), waits)


class WriteTests(EagerCase):
    """What is out at once, and what waits."""

    def test_at_once(self) -> None:
        """And the reactor is asked for nothing."""
        self.write(b"one ")
        self.write(b"two")
        self.assertEqual(self.at_the_peer.unread, b"one two")
        self.assert_waits(waits=False)

    def test_nothing(self) -> None:
        self.write(b"")
        self.assertEqual(self.at_the_peer.unread, b"")
        self.assert_waits(waits=False)

    def test_in_part(self) -> None:
        """What the socket does not take waits for the reactor."""
        data = bytes(range(256)) * 200
        self.write(data)
        self.assertEqual(self.at_the_peer.unread, data[:WINDOW])
        self.assert_waits()
        self.settle()
        self.assertEqual(self.read, [data])
        self.assert_waits(waits=False)

    def test_not_at_all(self) -> None:
        """The socket would block."""
        self.write(b"." * WINDOW)
        self.write(b"more")
        self.assertEqual(len(self.at_the_peer.unread), WINDOW)
        self.assert_waits()
        self.settle()
        self.assertEqual(self.read, [b"." * WINDOW + b"more"])

    def test_behind_what_was_written_to_the_transport(self) -> None:
        self.here.write(b"one ")
        self.write(b"two ")
        self.assertEqual(self.at_the_peer.unread, b"")
        self.here.write(b"three")
        self.settle()
        self.assertEqual(self.read, [b"one two three"])

    def test_behind_what_is_half_sent(self) -> None:
        """Twisted has it in another place than what it has not touched yet."""
        self.there.pauseProducing()
        self.here.write(b"a" * (2 * WINDOW))
        self.kernel.turn()
        self.at_the_peer.recv(10)  # room for what comes last
        self.write(b"b")
        self.assertNotIn(b"b", self.at_the_peer.unread)
        self.there.resumeProducing()
        self.settle()
        self.assertEqual(self.read, [b"a" * (2 * WINDOW - 10) + b"b"])

    def test_at_once_again_when_the_rest_is_out(self) -> None:
        self.write(b"." * (WINDOW + 1))
        self.settle()
        self.write(b"x")
        self.assertEqual(self.at_the_peer.unread, b"x")

    @PROPERTY
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["eager", "plain", "turn", "pause", "resume"]),
                st.sampled_from([0, 1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW]),
            ),
            max_size=12,
        )
    )
    def test_always_in_order(self, steps: list[tuple[str, int]]) -> None:
        self.setUp()
        written = b""
        for number, (what, size) in enumerate(steps):
            data = b"%d;" % number * (size // 2)
            if what in ("eager", "plain"):
                written += data
                (self.write if what == "eager" else self.here.write)(data)
            elif what == "turn":
                self.kernel.turn()
            else:
                self.there.pauseProducing() if what == "pause" else self.there.resumeProducing()
        self.there.resumeProducing()
        for _ in range(60):
            self.kernel.turn()
        self.assertEqual(b"".join(self.read), written)


class ProducerTests(EagerCase):
    """A producer hears of what waits, not of what is out."""

    def setUp(self) -> None:
        super().setUp()
        self.producer = NotingProducer(self.notes)

    def test_paused_when_the_rest_exceeds_the_buffer(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.write(b"." * (WINDOW + BUFFER + 1))
        self.assertEqual(self.notes, ["pause"])
        self.settle()
        self.assertEqual(self.notes, ["pause", "resume"])

    def test_not_paused_by_what_the_socket_takes(self) -> None:
        self.here.registerProducer(self.producer, True)
        for _ in range(2 * BUFFER // WINDOW):
            self.write(b"." * WINDOW)
            self.settle()
        self.assertEqual(self.notes, [])

    def test_a_pull_producer_is_asked_for_more(self) -> None:
        """Only the reactor's turn asks it, and only for what the transport itself has sent."""
        self.here.registerProducer(self.producer, False)
        for count in range(1, 4):
            self.assertEqual(self.notes, ["resume"] * count)
            self.write(b"x")
            self.assertEqual(self.at_the_peer.unread, b"")
            self.settle()
        self.assertEqual(self.read, [b"xxx"])

    def test_a_pull_producer_that_has_gone_is_not_minded(self) -> None:
        self.here.registerProducer(self.producer, False)
        self.here.unregisterProducer()
        self.write(b"x")
        self.assertEqual(self.at_the_peer.unread, b"x")


class EndTests(EagerCase):
    """Connections that close or are lost."""

    def test_reset_while_writing(self) -> None:
        """Nothing is raised: the transport finds out for itself, though it does not read."""
        self.here.pauseProducing()
        self.there.abortConnection()
        self.settle()
        self.write(b"x")
        self.assertEqual(self.notes, [])
        self.settle()
        self.assertEqual(self.notes, ["ConnectionLost"])

    def test_after_it_was_lost(self) -> None:
        self.there.abortConnection()
        self.settle()
        self.assertEqual(self.notes, ["ConnectionLost"])
        self.write(b"x")
        self.assert_waits(waits=False)

    def test_after_it_was_closed(self) -> None:
        """The socket is gone, perhaps its number belongs to another by now."""
        self.here.loseConnection()
        self.settle()
        self.write(b"x")
        self.settle()
        self.assertEqual((self.notes, self.read), (["ConnectionDone"], ["ConnectionDone"]))

    def test_closing_waits_for_the_rest(self) -> None:
        self.write(b"." * (3 * WINDOW))
        self.here.loseConnection()
        self.settle()
        self.assertEqual(self.read, [b"." * (3 * WINDOW), "ConnectionDone"])

    def test_closing(self) -> None:
        """What is written then still goes out, as ever, and behind what waits."""
        self.write(b"." * WINDOW + b"one ")
        self.here.loseConnection()
        self.write(b"two")
        self.settle()
        self.assertEqual(self.read, [b"." * WINDOW + b"one two", "ConnectionDone"])

    def test_half_closing(self) -> None:
        self.there.pauseProducing()  # or it would close at once
        self.here.loseWriteConnection()
        self.write(b"in time")
        self.settle()
        self.write(b"too late")
        self.settle()
        self.assertEqual(self.at_the_peer.unread, b"in time")
        self.assertEqual(self.notes, [])

    def test_aborting(self) -> None:
        """Not a byte goes out behind a request that was broken off."""
        self.here.abortConnection()
        self.write(b"x")
        self.assertEqual(self.at_the_peer.unread, b"")
        self.settle()
        self.assertEqual((self.notes, self.read), (["ConnectionAborted"], ["ConnectionLost"]))

    def test_only_bytes(self) -> None:
        self.assertRaises(TypeError, self.write, "text")


class OtherTransportTests(EagerCase):
    """All but plain TCP is written to as ever."""

    def test_tls(self) -> None:
        """Bytes for the socket itself would go out in clear."""
        self.here.TLS = True
        self.assertEqual(eager_write(self.here), self.here.write)

    def test_others(self) -> None:
        for transport in (StringTransport(), Network().pair()[0]):
            self.assertEqual(eager_write(transport), transport.write)


class PrivateAttributeTests(EagerCase):
    """What is read of Twisted's transport is nobody's promise; each release may rename it."""

    def test_all_of_them_exist(self) -> None:
        read = {
            node.attr
            for node in ast.walk(ast.parse(inspect.getsource(eager)))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tcp"
        }
        self.assertLessEqual({"_tempDataBuffer", "dataBuffer", "_aborting", "socket"}, read)
        self.assertEqual([name for name in sorted(read) if not hasattr(self.here, name)], [])

    def test_each_of_them_means_what_it_says(self) -> None:
        """They are set by what sets them, so that a name that is kept but no longer used is noticed too."""
        here: Any = self.here
        self.assertIsInstance(here, Connection)
        quiet = (
            here._tempDataBuffer,
            here._tempDataLen,
            here.dataBuffer,
            here.producerPaused,
            here.disconnecting,
            here._writeDisconnecting,
            here._aborting,
        )
        self.assertFalse(any(quiet), quiet)
        self.there.pauseProducing()
        here.write(b"." * (2 * WINDOW))
        self.assertEqual(here._tempDataBuffer, [b"." * (2 * WINDOW)])
        self.assertEqual(here._tempDataLen, 2 * WINDOW)
        self.kernel.turn()
        self.assertTrue(here.dataBuffer)
        self.assertEqual((here._tempDataBuffer, here._tempDataLen), ([], 0))
        self.assertEqual(here.offset, WINDOW)
        here.registerProducer(NotingProducer([]), True)
        self.assertTrue(here.producer is not None and here.streamingProducer)
        here.write(b"." * BUFFER)
        self.assertTrue(here.producerPaused)
        here.loseWriteConnection()
        self.assertTrue(here._writeDisconnecting)
        here.loseConnection()
        self.assertTrue(here.disconnecting)
        here.abortConnection()
        self.assertTrue(here._aborting)
        self.assertFalse(here.disconnected)
        self.kernel.turn()
        self.assertTrue(here.disconnected)
