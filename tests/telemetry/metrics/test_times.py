"""Tests for `jairouter.telemetry.metrics.times`: with each way that a request's time may go."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.exchange import Attempt, Exchange, Phase
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.times import TimeMetrics
from tests.filters.inner import exchange, instance
from tests.telemetry.metrics.shown import Values


class TimeTests(SynchronousTestCase):
    """Where the time of requests goes."""

    def setUp(self) -> None:
        self.value, self.clock = Values(), Clock()
        self.metrics = TimeMetrics(self.clock.seconds, Families())
        self.value.registry.register(self.metrics)
        self.clock.advance(1000.0)
        self.what = exchange()
        self.what.started = self.what.arrived = 1000.0

    def attempt(self, *phases: tuple[Phase, float]) -> Attempt:
        """One that goes through these phases, so many seconds each, and ends."""
        attempt = Attempt(instance(), self.clock.seconds)
        self.what.attempts.append(attempt)
        for phase, seconds in phases:
            attempt.enter(phase)
            self.clock.advance(seconds)
        attempt.ended = self.clock.seconds()
        return attempt

    def record(self, what: Exchange | None = None) -> None:
        self.metrics.record(what or self.what, 200, 0, None)

    def overhead(self) -> float | None:
        found = self.value("jairouter_gateway_overhead_seconds_sum", service="chat")
        return None if found is None else round(found, 6)

    def waited(self, where: str) -> float | None:
        found = self.value("jairouter_queue_wait_seconds_sum", service="chat", where=where)
        return None if found is None else round(found, 6)

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.metrics)

    def test_usual(self) -> None:
        """Before the request is with the backend, and after its answer is over."""
        self.clock.advance(0.25)
        self.attempt((Phase.WAITING, 8.0), (Phase.RECEIVING, 16.0))
        self.clock.advance(0.5)
        self.record()
        self.assertEqual(
            (self.overhead(), self.waited("limit"), self.waited("connection")), (0.75, None, None)
        )

    def test_nobody_was_asked(self) -> None:
        self.clock.advance(0.25)
        self.record()
        self.assertEqual(self.overhead(), 0.25)

    def test_body(self) -> None:
        """That it was slow to come is no time of ours."""
        self.clock.advance(4.0)
        self.what.arrived = self.clock.seconds()
        self.clock.advance(0.25)
        self.attempt((Phase.SENDING, 2.0), (Phase.WAITING, 8.0))
        self.record()
        self.assertEqual(self.overhead(), 0.25)

    def test_limit(self) -> None:
        self.clock.advance(3.25)
        self.what.waited = 3.0
        self.attempt((Phase.WAITING, 8.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("limit")), (0.25, 3.0))

    def test_connection(self) -> None:
        """The wait for one, and the making of one."""
        self.clock.advance(0.25)
        self.attempt((Phase.QUEUED, 2.0), (Phase.CONNECTING, 1.0), (Phase.WAITING, 8.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("connection")), (0.25, 3.0))

    def test_connection_with_a_body_that_is_sent_in_pieces(self) -> None:
        self.attempt((Phase.CONNECTING, 1.0), (Phase.SENDING, 2.0), (Phase.WAITING, 8.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("connection")), (0.0, 1.0))

    def test_no_connection(self) -> None:
        self.clock.advance(0.25)
        self.attempt((Phase.CONNECTING, 5.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("connection")), (0.25, 5.0))

    def test_a_connection_that_was_closed_just_then(self) -> None:
        """Another one is made for the same attempt."""
        self.clock.advance(0.25)
        self.attempt((Phase.WAITING, 0.0), (Phase.CONNECTING, 1.0), (Phase.WAITING, 8.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("connection")), (0.25, 1.0))

    def test_a_reader_that_stops(self) -> None:
        attempt = self.attempt((Phase.WAITING, 1.0), (Phase.RECEIVING, 1.0), (Phase.BLOCKED, 60.0))
        self.record()
        self.assertEqual((self.overhead(), attempt.queued), (0.0, 0.0))

    def test_several_attempts(self) -> None:
        """What lies between them cannot be told from the wait that Retry makes; their connections can."""
        for _ in range(2):
            self.attempt((Phase.CONNECTING, 1.0), (Phase.WAITING, 2.0))
        self.record()
        self.assertEqual((self.overhead(), self.waited("connection")), (None, 2.0))

    def test_never_less_than_nothing(self) -> None:
        """The clock may be set back."""
        self.attempt((Phase.WAITING, 8.0))
        self.what.waited = 100.0
        self.record()
        self.assertEqual(self.overhead(), 0.0)
