"""Tests for `jairouter.eager`: all that tests/test_wire.py asks of a transport, with eager writing."""

from __future__ import annotations

from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SynchronousTestCase

from jairouter.eager import eager_write
from tests.fakes import BUFFER
from tests.test_wire import TransportContract
from tests.transports import WINDOW, Kernel


class EagerContractTests(TransportContract, SynchronousTestCase):
    """Who writes eagerly sees a transport like any other; only the bytes are out sooner."""

    def connect(self, here: Protocol, there: Protocol) -> None:
        self.kernel = Kernel()
        self.here, self.there = self.kernel.pair(here, there)
        self.here.write = eager_write(self.here)

    def turn(self) -> None:
        self.kernel.turn()

    def fill(self) -> None:
        """Let the socket be full, as it is when the peer does not read."""
        self.there.pauseProducing()
        self.here.write(b"." * WINDOW)

    def test_a_producer_is_paused_above_64_KB_and_resumed_when_all_is_out(self) -> None:
        """Above 64 KB that the socket did not take."""
        self.here.registerProducer(self.producer, True)
        self.here.write(b"x" * (WINDOW + BUFFER))
        self.assert_here()
        self.here.write(b"x")
        self.assert_here("pause")
        self.settle()
        self.assert_here("pause", "resume")

    def test_a_producer_is_paused_anew_by_every_write_above_64_KB(self) -> None:
        self.fill()
        super().test_a_producer_is_paused_anew_by_every_write_above_64_KB()

    def test_bytes_written_before_the_producer_came_pause_it_at_its_first_write(self) -> None:
        self.fill()
        super().test_bytes_written_before_the_producer_came_pause_it_at_its_first_write()
