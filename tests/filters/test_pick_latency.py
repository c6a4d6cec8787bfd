"""Tests for `jairouter.filters.pick`: what it says of how soon an instance answers."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import UpstreamTimeout, UpstreamUnreachable
from jairouter.exchange import Phase
from jairouter.filters.pick import Pick
from jairouter.traffic.latency import FAILED, PeakEwma
from jairouter.traffic.permits import Ledger
from tests.filters.inner import Inner, Sink, exchange, instance, run


class PickLatencyTests(SynchronousTestCase):
    """Two seconds to connect and send, then three until the answer begins."""

    def setUp(self) -> None:
        self.clock, self.inner = Clock(), Inner()
        self.clock.advance(100)
        self.instance = instance()
        self.latency = self.instance.live.latency = PeakEwma()
        self.exchange = exchange(None, "m", self.instance)
        self.work = run(Pick(self.inner, Ledger(), self.clock), self.exchange)
        self.clock.advance(2)
        self.exchange.attempt.enter(Phase.WAITING)
        self.clock.advance(3)

    def answer(self, status: int) -> None:
        """An answer begins."""
        self.exchange.attempt.enter(Phase.RECEIVING)
        self.exchange.attempt.status = status
        body = self.inner.answer(status=status)
        self.successResultOf(self.work)
        body.deliver(Sink())
        self.addCleanup(body.end)
        self.body = body

    def test_a_good_answer(self) -> None:
        """It counts as soon as it begins: its end may be an hour away. Sending it counts not."""
        self.answer(200)
        self.assertEqual(self.latency.seconds, 3)
        self.clock.advance(60)
        self.body.abandon()
        self.assertEqual(self.latency.seconds, 3)

    def test_a_stream_that_breaks(self) -> None:
        """It failed, but it did begin after three seconds."""
        self.answer(200)
        self.clock.advance(60)
        self.body.broke(UpstreamUnreachable("gone"))
        self.assertEqual(self.latency.seconds, 6)

    def test_refusals(self) -> None:
        """Who refuses within a moment is not fast, and who answers 5xx within a moment is slow."""
        for status, seconds in ((429, 0.0), (404, 0.0), (503, FAILED)):
            self.setUp()
            self.exchange.attempt.sent = self.clock.seconds()
            self.answer(status)
            self.body.end()
            self.assertEqual(self.latency.seconds, seconds, status)

    def test_no_answer(self) -> None:
        """A timeout counts as long as it took."""
        self.inner.fail(UpstreamTimeout("too long"))
        self.failureResultOf(self.work, UpstreamTimeout)
        self.assertEqual(self.latency.seconds, 3)

    def test_the_client_left(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.latency.seconds, 0)
