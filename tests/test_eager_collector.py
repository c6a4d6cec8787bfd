"""Tests for `jairouter.eager.Collector`, against Twisted's own TCP transport over sockets in memory."""

from __future__ import annotations

import errno

from jairouter.eager import COLLECTED, SMALL, collector, eager_write
from tests.test_eager import EagerCase
from tests.test_wire import Noting
from tests.transports import WINDOW, Kernel

BIG = SMALL  # the least that does not wait


class CollectorCase(EagerCase):
    """A turn in which several sockets are ready."""

    def setUp(self) -> None:
        super().setUp()
        collector.collecting = True
        self.addCleanup(self.end_turn)

    def end_turn(self) -> None:
        collector.collecting = False
        collector.flush()

    def assert_arrives(self, *notes: object) -> None:
        """When all turns are over, and nobody waits for the socket any more."""
        self.settle()
        self.assertEqual(self.read, list(notes))
        if self.here.connected:
            self.assert_waits(waits=False)


class FlushTests(CollectorCase):
    """What waits for the flush, and what becomes of it."""

    def test_nothing_goes_out_before(self) -> None:
        self.write(b"one ")
        self.write(b"two")
        self.assertEqual(self.at_the_peer.unread, b"")
        self.assert_waits(waits=False)

    def test_all_goes_out_then(self) -> None:
        """And the reactor is asked for nothing."""
        self.write(b"one ")
        self.write(b"two")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"one two")
        self.assert_waits(waits=False)
        self.assert_arrives(b"one two")

    def test_once(self) -> None:
        self.write(b"one")
        collector.flush()
        collector.flush()
        self.assertEqual(self.at_the_peer.unread, b"one")

    def test_once_for_a_transport_that_was_collected_twice(self) -> None:
        """The reactor has written it in between, as it was asked to before."""
        self.write(b"one ")
        self.here.startWriting()
        self.kernel.turn()
        self.assertEqual(self.read, [b"one "])
        self.write(b"two")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"two")

    def test_twice_in_a_turn(self) -> None:
        """After enough sockets collecting goes on."""
        self.write(b"one ")
        collector.flush()
        self.write(b"two")
        self.assertEqual(self.at_the_peer.unread, b"one ")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"one two")

    def test_nothing_written(self) -> None:
        self.write(b"")
        self.end_turn()
        self.assert_waits(waits=False)
        self.assert_arrives()

    def test_not_collecting(self) -> None:
        self.end_turn()
        self.write(b"one")
        self.assertEqual(self.at_the_peer.unread, b"one")

    def test_collected_no_longer(self) -> None:
        """What comes between the end of the turn and the flush stays behind what was collected."""
        self.write(b"one ")
        collector.collecting = False
        self.write(b"two")
        self.assertEqual(self.at_the_peer.unread, b"")
        collector.flush()
        self.assert_arrives(b"one two")

    def test_full(self) -> None:
        """Sockets count, not writes."""
        for number in range(COLLECTED):
            self.assertFalse(collector.full, number)
            write = eager_write(Kernel().pair(Noting([]), Noting([]))[0])
            write(b"x")
            write(b"y")
        self.assertTrue(collector.full)
        collector.flush()
        self.assertFalse(collector.full)

    def test_only_bytes(self) -> None:
        """Said to whoever writes, not to whoever flushes."""
        self.assertRaises(TypeError, self.write, "text")
        self.write(b"x")
        self.end_turn()
        self.assert_arrives(b"x")

    def test_one_that_fails_takes_nothing_from_the_others(self) -> None:
        other, peer = self.kernel.pair(Noting([]), Noting([]))
        self.write(b"x")
        eager_write(other)(b"y")
        self.here.socket.send = lambda data: 1 // 0
        collector.collecting = False
        try:
            collector.flush()
        except ZeroDivisionError:
            collector.flush()
        self.assertEqual(peer.socket.unread, b"y")
        self.flushLoggedErrors(ZeroDivisionError)


class OrderTests(CollectorCase):
    """What is collected, and what is written by other ways."""

    def test_written_to_the_transport_before(self) -> None:
        self.here.write(b"one ")
        self.write(b"two")
        self.end_turn()
        self.assert_arrives(b"one two")

    def test_written_to_the_transport_between(self) -> None:
        self.write(b"one ")
        self.here.write(b"two ")
        self.here.writeSequence([b"three ", b"four "])
        self.write(b"five")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"one two three four five")
        self.assert_arrives(b"one two three four five")

    def test_written_to_the_transport_after(self) -> None:
        self.write(b"one ")
        self.end_turn()
        self.here.write(b"two")
        self.assert_arrives(b"one two")

    def test_behind_what_is_half_sent(self) -> None:
        self.there.pauseProducing()
        self.here.write(b"a" * (2 * WINDOW))
        self.kernel.turn()
        self.at_the_peer.recv(10)
        self.write(b"b")
        self.end_turn()
        self.assertNotIn(b"b", self.at_the_peer.unread)
        self.there.resumeProducing()
        self.assert_arrives(b"a" * (2 * WINDOW - 10) + b"b")

    def test_large(self) -> None:
        """Out at once: that is what takes long."""
        self.write(b"." * BIG)
        self.assertEqual(len(self.at_the_peer.unread), BIG)
        self.assert_waits(waits=False)

    def test_a_little_less_than_large(self) -> None:
        self.write(b"." * (BIG - 1))
        self.assertEqual(self.at_the_peer.unread, b"")
        self.end_turn()
        self.assertEqual(len(self.at_the_peer.unread), BIG - 1)

    def test_large_behind_what_is_collected(self) -> None:
        self.there.pauseProducing()
        self.write(b"one ")
        self.write(b"." * BIG)
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, (b"one " + b"." * BIG)[:WINDOW])
        self.there.resumeProducing()
        self.assert_arrives(b"one " + b"." * BIG)

    def test_large_by_and_by(self) -> None:
        """Far less waits than the 64 KB for which a producer is paused; the reactor is told in time."""
        for _ in range(3):
            self.write(b"." * (BIG // 2 - 1))
        self.assert_waits()
        self.end_turn()
        self.assert_arrives(b"." * (3 * (BIG // 2 - 1)))


class SocketTests(CollectorCase):
    """Sockets that do not take all, or are gone, at the flush."""

    def test_in_part(self) -> None:
        """The rest waits for the reactor, and what comes is behind it."""
        self.there.pauseProducing()
        self.here.socket.send(b"." * (WINDOW - 3))
        self.write(b"one two")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread[-3:], b"one")
        self.assert_waits()
        self.write(b" three")
        self.there.resumeProducing()
        self.assert_arrives(b"." * (WINDOW - 3) + b"one two three")

    def test_not_at_all(self) -> None:
        self.there.pauseProducing()
        self.here.socket.send(b"." * WINDOW)
        self.write(b"one ")
        self.end_turn()
        self.assertEqual(len(self.at_the_peer.unread), WINDOW)
        self.assert_waits()
        self.write(b"two")
        self.there.resumeProducing()
        self.assert_arrives(b"." * WINDOW + b"one two")

    def test_in_part_by_the_reactor(self) -> None:
        """It has begun on what is collected; the flush does not overtake the rest."""
        self.there.pauseProducing()
        self.here.socket.send(b"." * (WINDOW - 3))
        self.write(b"one two")
        self.here.startWriting()
        self.kernel.turn()
        self.write(b" three")
        self.assertEqual(self.at_the_peer.recv(WINDOW)[-3:], b"one")
        self.end_turn()
        self.there.resumeProducing()
        self.assert_arrives(b" two three")

    def test_gone(self) -> None:
        """Nothing is raised; the transport finds out for itself, though it does not read."""
        for number in (errno.EPIPE, errno.ECONNRESET):
            self.setUp()
            self.here.pauseProducing()
            self.there.abortConnection()
            self.settle()

            def send(data: bytes, number: int = number) -> int:
                raise OSError(number, "gone")

            self.here.socket.send = send
            self.write(b"x")
            self.end_turn()
            self.assertEqual(self.notes, [])
            self.settle()
            self.assertEqual(self.notes, ["ConnectionLost"])

    def test_the_others_are_written_to_all_the_same(self) -> None:
        """One is gone, one takes nothing."""
        full, its_peer = self.kernel.pair(Noting([]), Noting([]))
        well, peer_of_the_well = self.kernel.pair(Noting([]), Noting([]))
        full.socket.send(b"." * WINDOW)
        self.there.abortConnection()
        self.kernel.advance(0)
        for transport in (self.here, full, well):
            eager_write(transport)(b"x")
        self.end_turn()
        self.assertEqual(peer_of_the_well.socket.unread, b"x")
        self.assertEqual(len(its_peer.socket.unread), WINDOW)
        self.settle()
        self.assertEqual(self.notes, ["ConnectionLost"])
