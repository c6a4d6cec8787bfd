"""The fake `Wire` does what Twisted's own TCP transport does: each test runs on both."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.fakes import BUFFER, READ, Client, Network
from tests.transports import Kernel


class Noting(Protocol):
    """Notes what it is told."""

    def __init__(self, notes: list[Any]) -> None:
        self._notes = notes

    def dataReceived(self, data: bytes) -> None:
        if self._notes and isinstance(self._notes[-1], bytes):
            data = self._notes.pop() + data  # where the pieces are cut is the network's business
        self._notes.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._notes.append(type(reason.value).__name__)


class NotingProducer:
    """Notes what it is asked."""

    def __init__(self, notes: list[Any]) -> None:
        self._notes = notes

    def pauseProducing(self) -> None:
        self._notes.append("pause")

    def resumeProducing(self) -> None:
        self._notes.append("resume")

    def stopProducing(self) -> None:
        self._notes.append("stop")


class TransportContract:
    """What both Twisted's transport and the fake do."""

    here: Any
    there: Any

    def setUp(self) -> None:
        self.said_here: list[Any] = []
        self.said_there: list[Any] = []
        self.connect(Noting(self.said_here), Noting(self.said_there))
        self.producer = NotingProducer(self.said_here)

    def connect(self, here: Protocol, there: Protocol) -> None:
        """Make `here` and `there`, the transports of two protocols."""
        raise NotImplementedError

    def turn(self) -> None:
        """One turn of the reactor."""
        raise NotImplementedError

    def settle(self) -> None:
        """Until nothing moves; nothing here takes longer."""
        for _ in range(30):
            self.turn()

    def assert_here(self: Any, *notes: object) -> None:
        self.assertEqual(self.said_here, list(notes))

    def assert_there(self: Any, *notes: object) -> None:
        self.assertEqual(self.said_there, list(notes))

    def test_provides_what_a_tcp_transport_provides(self: Any) -> None:
        for interface in (ITCPTransport, IConsumer, IPushProducer):
            self.assertTrue(verifyObject(interface, self.here))

    def test_only_bytes_are_written(self: Any) -> None:
        self.assertRaises(TypeError, self.here.write, "text")

    def test_bytes_travel_in_order_and_not_at_once(self) -> None:
        self.here.write(b"one ")
        self.here.writeSequence([b"two ", b"three"])
        self.assert_there()
        self.settle()
        self.assert_there(b"one two three")

    def test_paused_reads_nothing(self) -> None:
        self.there.pauseProducing()
        self.here.write(b"x")
        self.settle()
        self.assert_there()
        self.there.resumeProducing()
        self.settle()
        self.assert_there(b"x")

    # -- producers ------------------------------------------------------------

    def test_a_producer_is_paused_above_64_KB_and_resumed_when_all_is_out(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.here.write(b"x" * BUFFER)
        self.assert_here()
        self.here.write(b"x")
        self.assert_here("pause")
        self.settle()
        self.assert_here("pause", "resume")

    def test_a_producer_is_paused_anew_by_every_write_above_64_KB(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.here.write(b"x" * (BUFFER + 1))
        self.here.write(b"x")
        self.assert_here("pause", "pause")

    def test_a_producer_is_not_resumed_while_the_peer_does_not_read(self: Any) -> None:
        self.there.pauseProducing()
        self.here.registerProducer(self.producer, True)
        for _ in range(20):
            self.here.write(b"x" * 8192)
        self.settle()
        self.assertNotIn("resume", self.said_here)
        self.there.resumeProducing()
        self.settle()
        self.assertEqual(self.said_here[-1], "resume")

    def test_bytes_written_before_the_producer_came_pause_it_at_its_first_write(self) -> None:
        self.here.write(b"x" * (BUFFER + 1))
        self.here.registerProducer(self.producer, True)
        self.assert_here()
        self.here.write(b"x")
        self.assert_here("pause")

    def test_a_pull_producer_is_asked_again_when_all_is_out(self) -> None:
        self.here.registerProducer(self.producer, False)
        self.assert_here("resume")
        self.here.write(b"x")
        self.settle()
        self.assert_here("resume", "resume")

    def test_one_producer_at_a_time(self: Any) -> None:
        self.here.registerProducer(self.producer, True)
        self.assertRaises(RuntimeError, self.here.registerProducer, self.producer, True)

    def test_a_producer_that_comes_too_late_is_stopped(self) -> None:
        self.here.loseConnection()
        self.settle()
        self.here.registerProducer(self.producer, True)
        self.assert_here("ConnectionDone", "stop")
        self.here.registerProducer(self.producer, True)  # it was not kept

    def test_the_producer_is_stopped_before_the_protocol_hears_of_the_end(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.there.loseConnection()
        self.settle()
        self.assert_here("stop", "ConnectionDone")

    # -- closing --------------------------------------------------------------

    def test_closing_sends_what_was_written(self) -> None:
        self.here.write(b"last words")
        self.here.loseConnection()
        self.assert_here()
        self.settle()
        self.assert_there(b"last words", "ConnectionDone")
        self.assert_here("ConnectionDone")

    def test_closing_waits_for_a_peer_that_does_not_read(self) -> None:
        self.there.pauseProducing()
        self.here.write(b"x" * 3 * BUFFER)
        self.here.loseConnection()
        self.settle()
        self.assert_here()
        self.there.resumeProducing()
        self.settle()
        self.assert_here("ConnectionDone")
        self.assert_there(b"x" * 3 * BUFFER, "ConnectionDone")

    def test_what_is_written_while_closing_still_goes_out(self) -> None:
        self.here.loseConnection()
        self.here.write(b"late")
        self.settle()
        self.assert_there(b"late", "ConnectionDone")

    def test_closing_stops_reading_for_good(self) -> None:
        self.there.write(b"x")
        self.here.loseConnection()
        self.here.resumeProducing()
        self.settle()
        self.assert_here("ConnectionDone")

    def test_closing_with_unread_bytes_is_a_reset_for_the_peer(self) -> None:
        self.here.pauseProducing()
        self.there.write(b"never read")
        self.settle()
        self.here.loseConnection()
        self.settle()
        self.assert_there("ConnectionLost")

    def test_closing_waits_for_a_paused_producer(self) -> None:
        self.there.pauseProducing()
        self.here.registerProducer(self.producer, True)
        self.here.write(b"x" * 2 * BUFFER)
        self.here.loseConnection()
        self.there.resumeProducing()
        self.settle()
        self.assert_here("pause", "resume")
        self.here.unregisterProducer()
        self.settle()
        self.assert_here("pause", "resume", "ConnectionDone")

    def test_closing_does_not_wait_for_a_producer_that_is_not_paused(self) -> None:
        """Other than `ITransport.loseConnection` says."""
        self.here.registerProducer(self.producer, True)
        self.here.loseConnection()
        self.settle()
        self.assert_here("stop", "ConnectionDone")

    def test_after_the_end_nothing_is_sent_and_nothing_happens(self) -> None:
        self.here.loseConnection()
        self.settle()
        self.here.write(b"x")
        self.here.loseConnection()
        self.here.abortConnection()
        self.settle()
        self.assert_there("ConnectionDone")
        self.assert_here("ConnectionDone")

    # -- half closing -----------------------------------------------------------

    def test_half_closed_it_still_reads(self) -> None:
        self.there.pauseProducing()  # or it would close at once
        self.here.write(b"question")
        self.here.loseWriteConnection()
        self.settle()
        self.here.write(b"too late")
        self.there.write(b"answer")
        self.settle()
        self.assert_here(b"answer")
        self.there.resumeProducing()
        self.settle()
        self.assert_there(b"question", "ConnectionDone")
        self.assert_here(b"answer", "ConnectionDone")

    def test_closing_what_is_half_closed_happens_at_once(self) -> None:
        self.there.pauseProducing()
        self.here.loseWriteConnection()
        self.settle()
        self.here.loseConnection()
        self.assert_here("ConnectionDone")

    # -- aborting ---------------------------------------------------------------

    def test_aborting_is_a_reset_for_the_peer(self) -> None:
        self.here.abortConnection()
        self.assert_here()
        self.settle()
        self.assert_here("ConnectionAborted")
        self.assert_there("ConnectionLost")

    def test_aborting_drops_what_was_not_sent(self) -> None:
        self.here.write(b"x")
        self.here.abortConnection()
        self.here.write(b"y")
        self.settle()
        self.assert_there("ConnectionLost")

    def test_aborting_reads_no_more(self) -> None:
        self.there.write(b"x")
        self.turn_of_the_peer()
        self.here.abortConnection()
        self.here.resumeProducing()
        self.settle()
        self.assert_here("ConnectionAborted")

    def turn_of_the_peer(self) -> None:
        """Bytes come as far as this end, where nobody has read them yet."""
        self.here.pauseProducing()
        self.turn()

    def test_aborting_stops_the_producer_first(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.here.abortConnection()
        self.settle()
        self.assert_here("stop", "ConnectionAborted")

    # -- not noticing -------------------------------------------------------------

    def test_paused_it_does_not_notice_the_end(self) -> None:
        self.here.pauseProducing()
        self.there.loseConnection()
        self.settle()
        self.assert_here()
        self.here.resumeProducing()
        self.settle()
        self.assert_here("ConnectionDone")

    def test_paused_and_silent_it_does_not_notice_a_reset(self) -> None:
        self.here.pauseProducing()
        self.there.abortConnection()
        self.settle()
        self.assert_here()
        self.here.resumeProducing()
        self.settle()
        self.assert_here("ConnectionLost")

    def test_paused_it_notices_a_reset_when_it_writes(self) -> None:
        self.here.pauseProducing()
        self.there.abortConnection()
        self.settle()
        self.here.write(b"x")
        self.settle()
        self.assert_here("ConnectionLost")

    def test_paused_it_notices_the_end_when_it_writes_twice(self) -> None:
        """The first write is answered by the reset that the second one meets."""
        self.here.pauseProducing()
        self.there.loseConnection()
        self.settle()
        self.here.write(b"x")
        self.settle()
        self.here.write(b"x")
        self.settle()
        self.assert_here("ConnectionLost")


class TwistedTransportTests(TransportContract, SynchronousTestCase):
    """Twisted's own transport, over sockets in memory: it is what the fake must be."""

    def connect(self, here: Protocol, there: Protocol) -> None:
        self.kernel = Kernel()
        self.here, self.there = self.kernel.pair(here, there)

    def turn(self) -> None:
        self.kernel.turn()


class WireTests(TransportContract, SynchronousTestCase):
    """The fake."""

    def connect(self, here: Protocol, there: Protocol) -> None:
        self.network = Network()
        self.here, self.there = self.network.pair()
        for wire, protocol in ((self.here, here), (self.there, there)):
            wire.protocol = protocol
            protocol.makeConnection(wire)

    def turn(self) -> None:
        self.network.turn()

    def test_at_most_64_KB_are_read_at_once(self) -> None:
        client = Client()
        self.there.protocol = client
        self.here.write(b"x" * (READ + 1))
        self.turn()
        self.assertEqual(len(client.received), READ)

    def test_pieces_are_as_small_as_the_test_says(self) -> None:
        client = Client()
        self.there.protocol = client
        self.network.piece = 3
        self.here.write(b"abcdefg")
        self.turn()
        self.assertEqual(client.received, b"abc")
        self.settle()
        self.assertEqual(client.received, b"abcdefg")
