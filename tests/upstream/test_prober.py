"""The prober: when it asks, what it makes of the answers, and what it keeps of them."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from jairouter.interfaces import IProbe
from jairouter.traffic.instance import Instance
from jairouter.upstream.failures import CheckFailed, NoVerdict
from jairouter.upstream.prober import SPREAD, Checked
from tests.upstream.prober_rig import REFUSED, ProberCase, instance, is_up, settings


class ScheduleTests(ProberCase):
    """When it asks."""

    def test_fake(self) -> None:
        verifyObject(IProbe, self.asked)

    def test_not_before_start(self) -> None:
        self.prober.watch({instance(): settings()})
        self.clock.advance(100)
        self.assertEqual(self.asked.times, [])

    def test_first_checks_are_spread(self) -> None:
        """Five hundred instances are not asked at once, and all of them soon."""
        for n in range(500):
            self.asked.answers[f"http://{n}"] = None
        self.prober.watch({instance(f"http://{n}"): settings() for n in range(500)})
        self.prober.start()
        most = 0
        for _ in range(30):
            before = len(self.asked.times)
            self.clock.advance(SPREAD / 30)
            most = max(most, len(self.asked.times) - before)
        self.assertEqual(len(self.asked.times), 500)
        self.assertLess(most, 50)

    def test_first_checks_within_the_interval(self) -> None:
        """Where that is shorter."""
        self.prober.watch({instance(): settings(interval=0.2)})
        self.prober.start()
        self.clock.advance(0.2)
        self.assertEqual(len(self.asked.times), 1)

    def test_interval_begins_at_the_end(self) -> None:
        """A slow backend is not asked more often than it answers."""
        self.check(instance())
        self.clock.advance(4)
        self.asked.answer()
        over = self.clock.seconds()
        self.clock.advance(9.9)
        self.assertEqual(len(self.asked.times), 1)
        self.clock.advance(0.1)
        self.assertEqual(self.asked.times[1][0], over + 10)

    def test_jitter(self) -> None:
        """Intervals are between 5 and 15 s, and not all the same."""
        self.asked.answers["http://a"] = None
        self.prober.watch({instance(): settings(jitter=0.5)})
        self.prober.start()
        self.clock.pump([0.1] * 3000)
        times = [when for when, _ in self.asked.times]
        gaps = [later - sooner for sooner, later in pairwise(times)]
        self.assertGreaterEqual(min(gaps), 5)
        self.assertLess(max(gaps), 15.2)
        self.assertGreater(max(gaps) - min(gaps), 5)

    def test_nobody_waits_for_another(self) -> None:
        """Fifty dead hosts delay nobody."""
        self.asked.answers["http://a"] = None
        self.check(*(instance(f"http://dead{n}") for n in range(50)), instance(), timeout=300)
        self.clock.pump([1] * 100)
        self.assertEqual(sum(each.base_url == "http://a" for _, each in self.asked.times), 11)
        self.assertEqual(len(self.asked.open), 50)

    def test_started_twice(self) -> None:
        self.check(instance())
        self.prober.start()
        self.clock.advance(3)
        self.assertEqual(len(self.asked.times), 1)

    def test_probe_that_is_over_at_once(self) -> None:
        self.asked.answers["http://a"] = None
        self.check(instance())
        self.clock.advance(10)
        self.assertEqual(len(self.asked.times), 2)


class VerdictTests(ProberCase):
    """What it makes of the answers."""

    def test_down_and_up(self) -> None:
        """So many in a row."""
        one = instance()
        self.check(one)
        self.rounds(REFUSED, None, REFUSED)
        self.assertTrue(is_up(one))
        self.rounds(REFUSED)
        self.assertFalse(is_up(one))
        self.rounds(None, REFUSED, None)
        self.assertFalse(is_up(one))
        self.rounds(None)
        self.assertTrue(is_up(one))

    def test_says_so_once(self) -> None:
        """One line for each change, with the reason."""
        self.check(instance())
        with capturedLogs() as events:
            self.rounds(REFUSED, REFUSED, REFUSED, None, None, None)
        told = [(event["log_level"].name, formatEvent(event)) for event in events]
        self.assertEqual(
            told,
            [
                ("warn", "chat/m at m-1: down after 2 failed checks: connection refused"),
                ("info", "chat/m at m-1: up after 2 good checks"),
            ],
        )

    def test_too_late(self) -> None:
        """It is given up, and has failed."""
        one = instance()
        self.check(one)
        self.clock.advance(4.9)
        self.assertEqual(self.asked.cancelled, 0)
        self.clock.advance(0.1)
        self.assertEqual(self.asked.cancelled, 1)
        self.assertEqual(self.asked.open, {})
        found = self.prober.checked(one)
        assert found is not None
        self.assertEqual(found.reason, "no answer within 5 s")

    def test_asked_again_after_it_was_too_late(self) -> None:
        self.check(instance())
        self.clock.advance(5)
        self.clock.advance(10)
        self.assertEqual(len(self.asked.times), 2)

    def test_no_verdict(self) -> None:
        """What keeps the gateway from asking says nothing about the instance; it asks again."""
        one = instance()
        self.check(one)
        with capturedLogs() as events:
            self.rounds(NoVerdict("no ports"), NoVerdict("no ports"), NoVerdict("no ports"))
        self.assertTrue(is_up(one))
        self.assertIsNone(self.prober.checked(one))
        self.assertEqual(formatEvent(events[0]), "chat/m at m-1 is not checked: no ports")

    def test_fault_of_the_probe(self) -> None:
        """It says nothing about the instance either, is logged with its traceback, and it goes on."""
        one = instance()
        self.check(one)
        self.rounds(ZeroDivisionError(), ZeroDivisionError())
        self.assertTrue(is_up(one))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(len(self.asked.times), 3)

    def test_probe_that_raises(self) -> None:
        def broken(instance: Instance) -> Deferred[None]:
            raise ZeroDivisionError

        self.asked.probe = broken  # type: ignore[method-assign]  # is no good
        self.check(instance())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_failure_without_a_reason(self) -> None:
        """It is one nevertheless."""
        one = instance()
        self.check(one)
        self.rounds(CheckFailed(), CheckFailed())
        self.assertFalse(is_up(one))


class CheckedTests(ProberCase):
    """What is kept for the management API."""

    def test_nothing_at_first(self) -> None:
        one = instance()
        self.check(one)
        self.assertIsNone(self.prober.checked(one))

    def test_good(self) -> None:
        one = instance()
        self.check(one)
        began = self.asked.times[0][0]
        self.clock.advance(2)
        now = self.clock.seconds()
        self.asked.answer()
        self.assertEqual(self.prober.checked(one), Checked(True, now, now, now - began))

    def test_bad_but_still_up(self) -> None:
        one = instance()
        self.check(one)
        first = self.clock.seconds()
        self.rounds(None)
        now = self.clock.seconds()
        self.asked.answer(REFUSED)
        self.assertEqual(self.prober.checked(one), Checked(True, first, now, 0.0, "connection refused"))

    def test_since(self) -> None:
        """When it went down, however often that was confirmed."""
        one = instance()
        self.check(one)
        self.rounds(None, REFUSED)
        down = self.clock.seconds()
        self.rounds(REFUSED, REFUSED)
        found = self.prober.checked(one)
        assert found is not None
        self.assertEqual((found.up, found.since, found.at), (False, down, down + 10))
