"""The prober, asked to check at once."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from jairouter.traffic.instance import Instance
from jairouter.upstream.failures import NoVerdict
from jairouter.upstream.prober import Checked
from tests.upstream.prober_rig import REFUSED, ProberCase, instance, is_up, settings


class NowCase(ProberCase):
    """Somebody asks for a check."""

    def now(self, one: Instance) -> Deferred[Checked]:
        """Check at once."""
        return self.prober.check_now(one, settings())

    def at_rest(self) -> None:
        """Nothing is under way, and nothing is kept."""
        self.assertEqual(self.asked.open, {})
        self.assertEqual(self.prober._unasked, {})


class WatchedTests(NowCase):
    """An instance that is checked anyway."""

    def setUp(self) -> None:
        super().setUp()
        self.one = instance()
        self.check(self.one)

    def test_begins_sooner(self) -> None:
        """The next one comes an interval after that."""
        self.rounds(None)
        self.asked.answer()
        self.clock.advance(3)
        self.assertEqual(len(self.asked.open), 0)
        asked = self.now(self.one)
        self.assertEqual(len(self.asked.open), 1)
        self.assertNoResult(asked)
        self.clock.advance(1)
        self.asked.answer()
        found = self.successResultOf(asked)
        self.assertEqual((found.up, found.at, found.duration), (True, self.clock.seconds(), 1.0))
        self.assertEqual(found, self.prober.checked(self.one))
        before = len(self.asked.times)
        self.clock.advance(9.9)
        self.assertEqual(len(self.asked.times), before)
        self.clock.advance(0.1)
        self.assertEqual(len(self.asked.times), before + 1)

    def test_joins(self) -> None:
        """One that is under way is not asked twice, however many wait."""
        several = [self.now(self.one), self.now(self.one)]
        self.assertEqual(len(self.asked.times), 1)
        self.asked.answer()
        for each in several:
            self.assertTrue(self.successResultOf(each).up)

    def test_counts(self) -> None:
        """Two that fail in a row take it down."""
        several = [self.now(self.one)]
        self.asked.answer(REFUSED)
        several.append(self.now(self.one))
        self.asked.answer(REFUSED)
        found = [self.successResultOf(each) for each in several]
        self.assertEqual([each.up for each in found], [True, False])
        self.assertEqual([each.reason for each in found], ["connection refused"] * 2)
        self.assertFalse(is_up(self.one))

    def test_whoever_leaves_stops_nothing(self) -> None:
        """It is a check like any other."""
        asked = self.now(self.one)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.asked.cancelled, 0)
        self.asked.answer()
        self.assertIsNotNone(self.prober.checked(self.one))

    def test_too_late(self) -> None:
        asked = self.now(self.one)
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(asked).reason, "no answer within 5 s")

    def test_no_verdict(self) -> None:
        asked = self.now(self.one)
        self.asked.answer(NoVerdict("no ports"))
        self.assertEqual(str(self.failureResultOf(asked, NoVerdict).value), "no ports")

    def test_fault_of_the_probe(self) -> None:
        """Whoever waits is told, and it goes on."""
        asked = self.now(self.one)
        self.asked.answer(ZeroDivisionError())
        self.failureResultOf(asked, ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(10)
        self.assertEqual(len(self.asked.times), 2)

    def test_stopped_meanwhile(self) -> None:
        asked = self.now(self.one)
        self.prober.stop()
        self.failureResultOf(asked, NoVerdict)

    def test_not_wanted_meanwhile(self) -> None:
        asked = self.now(self.one)
        self.prober.watch({})
        self.failureResultOf(asked, NoVerdict)

    def test_gone_meanwhile_where_another_stays(self) -> None:
        """Its check goes on for the other one, and says nothing about it any more."""
        other = instance(name="n")
        self.prober.watch({self.one: settings(), other: settings()})
        asked = self.now(self.one)
        self.prober.watch({other: settings()})
        self.asked.answer()
        self.failureResultOf(asked, NoVerdict)
        self.assertIsNotNone(self.prober.checked(other))

    def test_reloaded_meanwhile(self) -> None:
        """The same instance by its identity, in new clothes."""
        asked = self.now(self.one)
        self.prober.watch({instance(weight=3): settings()})
        self.asked.answer()
        self.assertTrue(self.successResultOf(asked).up)


class UnwatchedTests(NowCase):
    """An instance that is not checked otherwise."""

    def setUp(self) -> None:
        super().setUp()
        self.one = instance()
        self.one.live.health = None
        self.prober.start()

    def test_good(self) -> None:
        asked = self.now(self.one)
        self.clock.advance(2)
        self.asked.answer()
        now = self.clock.seconds()
        self.assertEqual(self.successResultOf(asked), Checked(True, now, now, 2.0))
        self.at_rest()

    def test_means_nothing_beyond(self) -> None:
        asked = self.now(self.one)
        self.asked.answer(REFUSED)
        found = self.successResultOf(asked)
        self.assertEqual((found.up, found.reason), (False, "connection refused"))
        self.assertIsNone(self.prober.checked(self.one))
        self.assertFalse(self.one.live.suspect and self.one.live.exclusion(0.0))
        self.clock.advance(100)
        self.assertEqual(len(self.asked.times), 1)

    def test_joins(self) -> None:
        several = [self.now(self.one), self.now(self.one)]
        self.assertEqual(len(self.asked.times), 1)
        self.asked.answer()
        for each in several:
            self.assertTrue(self.successResultOf(each).up)
        self.at_rest()

    def test_same_backend_is_watched_for_another(self) -> None:
        """Then it does not count for that one."""
        other = instance(name="n")
        self.prober.watch({other: settings()})
        self.clock.advance(3)
        self.asked.answer()
        before = self.prober.checked(other)
        asked = self.now(self.one)
        self.asked.answer(REFUSED)
        self.assertFalse(self.successResultOf(asked).up)
        self.assertEqual(self.prober.checked(other), before)

    def test_too_late(self) -> None:
        asked = self.now(self.one)
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(asked).reason, "no answer within 5 s")
        self.at_rest()

    def test_everybody_leaves(self) -> None:
        """Only then it is given up, and at once."""
        several = [self.now(self.one), self.now(self.one)]
        several[0].cancel()
        self.failureResultOf(several[0], CancelledError)
        self.assertEqual(self.asked.cancelled, 0)
        several[1].cancel()
        self.failureResultOf(several[1], CancelledError)
        self.assertEqual(self.asked.cancelled, 1)
        self.at_rest()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_again_after_everybody_has_left(self) -> None:
        self.now(self.one).addErrback(lambda failure: failure.trap(CancelledError)).cancel()
        asked = self.now(self.one)
        self.asked.answer()
        self.assertTrue(self.successResultOf(asked).up)

    def test_at_once(self) -> None:
        """Even if the probe knows the answer when it is asked."""
        self.asked.answers["http://a"] = None
        self.assertTrue(self.successResultOf(self.now(self.one)).up)
        self.at_rest()

    def test_fault_of_the_probe(self) -> None:
        asked = self.now(self.one)
        self.asked.answer(ZeroDivisionError())
        self.failureResultOf(asked, ZeroDivisionError)
        self.at_rest()

    def test_stopped_meanwhile(self) -> None:
        asked = self.now(self.one)
        self.prober.stop()
        self.failureResultOf(asked, NoVerdict)
        self.at_rest()

    def test_stopped(self) -> None:
        self.prober.stop()
        self.failureResultOf(self.now(self.one), NoVerdict)
        self.assertEqual(self.asked.times, [])
