"""Tests of jairouter.telemetry.tracing.export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.tracing import BatchSettings
from jairouter.telemetry.logs.often import Often
from jairouter.telemetry.tracing.export import Counts, Export, NotSent
from jairouter.telemetry.tracing.span import Kind, Span
from jairouter.timers import TimerWheel

SPAN = Span("1" * 32, "2" * 16, "", "x", Kind.SERVER, 0.0, 1.0)


class ExportTests(SynchronousTestCase):
    """Batches, and what becomes of them."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.batches: list[tuple[Sequence[Span], Deferred[Any]]] = []
        self.counts = Counts()
        wheel = TimerWheel(self.clock)
        settings = BatchSettings(delay=5.0, max_batch=4, max_queue=6, shutdown=2.0)
        self.export = Export(
            lambda batch: None, settings, wheel, self.run_in_thread, self.counts, Often(wheel.seconds, 300)
        )

    def run_in_thread(self, send: object, batch: Sequence[Span]) -> Deferred[Any]:
        """A thread that is done when the test says so."""
        self.batches.append((batch, Deferred()))
        return self.batches[-1][1]

    def sizes(self) -> list[int]:
        """Of the batches so far."""
        return [len(batch) for batch, _ in self.batches]

    def add(self, *numbers: int) -> None:
        """Add the spans of requests, so many of each."""
        for number in numbers:
            self.export.add([SPAN] * number)

    def done(self, result: Any = None) -> None:
        """The latest batch is over."""
        (self.batches[-1][1].callback if result is None else self.batches[-1][1].errback)(result)

    def test_spans_wait_for_others(self) -> None:
        self.add(1, 2)
        self.assertEqual([], self.sizes())
        self.clock.advance(6)
        self.assertEqual([3], self.sizes())
        self.done()
        self.assertEqual((3, 1), (self.counts.exported, self.counts.succeeded))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_but_not_when_there_are_enough(self) -> None:
        self.add(3, 3)
        self.assertEqual([4], self.sizes())
        self.done()
        self.clock.advance(6)
        self.assertEqual([4, 2], self.sizes())

    def test_one_batch_at_a_time(self) -> None:
        self.add(4, 4)
        self.clock.advance(60)
        self.assertEqual([4], self.sizes())
        self.done()
        self.assertEqual([4, 4], self.sizes())

    def test_what_there_is_no_room_for_is_dropped_and_counted(self) -> None:
        self.add(4, 4, 3, 2, 1)
        self.assertEqual((6, 4), (self.export.waiting, self.counts.dropped))

    def test_a_receiver_that_fails_costs_a_counter_and_one_line(self) -> None:
        with capturedLogs() as events:
            for _ in range(3):
                self.add(4)
                self.done(NotSent("it said no"))
        self.assertEqual((12, 3, 0), (self.counts.dropped, self.counts.failed, self.counts.exported))
        self.assertTrue(self.export.failing)
        self.assertEqual(
            ["spans could not be sent, and are dropped: it said no"], [*map(formatEvent, events)]
        )

    def test_a_fault_of_the_sender_does_not_stop_it(self) -> None:
        self.add(4)
        self.done(ZeroDivisionError("oops"))
        self.add(4)
        self.done()
        self.assertEqual((4, 4), (self.counts.dropped, self.counts.exported))
        self.assertFalse(self.export.failing)

    def test_closing_sends_what_waits(self) -> None:
        self.add(1)
        closed = self.export.close()
        self.assertEqual([1], self.sizes())
        self.assertNoResult(closed)
        self.done()
        self.successResultOf(closed)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_all_of_it_in_several_batches(self) -> None:
        self.add(4, 5)
        closed = self.export.close()
        for _ in range(3):
            self.assertNoResult(closed)
            self.done()
        self.successResultOf(closed)
        self.assertEqual([4, 4, 1], self.sizes())

    def test_closing_waits_no_longer_than_it_may(self) -> None:
        self.add(4, 3)
        closed = self.export.close()
        self.clock.advance(3)
        self.successResultOf(closed)
        self.assertEqual(3, self.counts.dropped)
        self.done()
        self.assertEqual([4], self.sizes())

    def test_with_nothing_to_send_it_is_closed_at_once(self) -> None:
        self.successResultOf(self.export.close())

    def test_nothing_is_taken_any_more(self) -> None:
        self.export.close()
        self.add(2)
        self.assertEqual((2, []), (self.counts.dropped, self.sizes()))
