"""The prober's set: who shares a check, who comes and goes, and how all of it stops."""

from __future__ import annotations

from typing import Any

from jairouter.exchange import HeaderPairs
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from jairouter.upstream.prober import SPREAD
from tests.upstream.prober_rig import REFUSED, ProberCase, instance, is_up, settings


class SharedTests(ProberCase):
    """One question for all instances of a backend."""

    def test_shared(self) -> None:
        """Each of them is told, and counts for itself."""
        one, other = instance(name="m"), instance(name="n")
        other.live.health = Health(1, 1)
        self.check(one, other)
        self.assertEqual(len(self.asked.times), 1)
        self.asked.answer(REFUSED)
        self.assertTrue(is_up(one))
        self.assertFalse(is_up(other))
        self.assertEqual(self.prober.checked(one).reason, "connection refused")  # type: ignore[union-attr]

    def questions(self, one: Instance, other: Instance, **given: Any) -> int:
        self.prober.watch({one: settings(), other: settings(**given)})
        return len(self.made)

    def test_other_path_of_requests(self) -> None:
        """Is asked nothing else."""
        self.assertEqual(self.questions(instance(path="/x"), instance(path="/y")), 1)

    def test_other_threshold(self) -> None:
        """Each instance counts by itself anyway."""
        self.assertEqual(self.questions(instance(), instance(name="n"), failure_threshold=7), 1)

    def test_other_key(self) -> None:
        key: HeaderPairs = ((b"Authorization", b"other"),)
        self.assertEqual(self.questions(instance(), instance(headers=key)), 2)

    def test_other_key_for_tcp(self) -> None:
        """It is not shown."""
        key: HeaderPairs = ((b"Authorization", b"other"),)
        tcp = settings(type="tcp")
        self.prober.watch({instance(): tcp, instance(name="n", headers=key): tcp})
        self.assertEqual(len(self.made), 1)

    def test_other_settings(self) -> None:
        """Of what is asked, and how often."""
        for given in ({"path": "/health"}, {"type": "tcp"}, {"interval": 1.0}, {"timeout": 1.0}):
            self.made.clear()
            self.prober.watch({})
            self.assertEqual(self.questions(instance(), instance(name="n"), **given), 2, given)


class StopTests(ProberCase):
    """It leaves nothing behind."""

    def assert_stopped(self) -> None:
        self.prober.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.asked.open, {})

    def test_before_start(self) -> None:
        self.prober.watch({instance(): settings()})
        self.assert_stopped()

    def test_waiting(self) -> None:
        self.check(instance())
        self.asked.answer()
        self.assert_stopped()

    def test_probing(self) -> None:
        """What is given up is no failed check."""
        one = instance()
        self.check(one)
        self.assert_stopped()
        self.assertEqual(self.asked.cancelled, 1)
        self.assertIsNone(self.prober.checked(one))

    def test_twice(self) -> None:
        self.check(instance())
        self.prober.stop()
        self.assert_stopped()

    def test_begins_again(self) -> None:
        self.check(instance())
        self.prober.stop()
        self.prober.start()
        self.clock.advance(SPREAD)
        self.assertEqual(len(self.asked.times), 2)


class WatchTests(ProberCase):
    """The set changes, as after a reload: instances are made anew, their lives go on."""

    def again(self, old: Instance, **given: Any) -> Instance:
        """The same instance, as the new configuration has it."""
        return Instance("chat", old.name, old.base_url, label=old.label, live=old.live, **given)

    def test_schedule_stays(self) -> None:
        """However often it is reloaded."""
        one = instance()
        self.check(one)
        self.asked.answer()
        over = self.clock.seconds()
        for _ in range(5):
            self.clock.advance(2)
            self.prober.watch({self.again(one): settings()})
        self.assertEqual([when for when, _ in self.asked.times[1:]], [over + 10])

    def test_probe_under_way_counts(self) -> None:
        """For the instance as it is now."""
        one = instance()
        self.check(one)
        new = self.again(one)
        self.prober.watch({new: settings()})
        self.rounds(REFUSED, REFUSED)
        self.assertFalse(is_up(new))
        self.assertIs(self.asked.times[1][1], new)

    def test_schedule_stays_with_another_question(self) -> None:
        """Another key is shown when it is time, and not at once."""
        one = instance()
        self.check(one)
        self.asked.answer()
        over = self.clock.seconds()
        self.clock.advance(2)
        self.prober.watch({self.again(one, headers=((b"a", b"b"),)): settings()})
        self.clock.pump([0.5] * 16)
        self.assertEqual([when for when, _ in self.asked.times[1:]], [over + 10])

    def test_shorter_interval(self) -> None:
        """It is not waited for the end of a long one."""
        one = instance()
        self.check(one, interval=3600.0)
        self.asked.answer()
        self.prober.watch({self.again(one): settings()})
        self.clock.advance(10)
        self.assertEqual(len(self.asked.times), 2)

    def test_added(self) -> None:
        self.check(instance())
        new = instance("http://b")
        self.prober.watch({instance(): settings(), new: settings()})
        self.clock.advance(SPREAD)
        self.assertIs(self.asked.times[-1][1], new)

    def test_removed(self) -> None:
        """It is given up at once, and forgotten."""
        one = instance()
        self.check(one)
        self.rounds(REFUSED)
        self.prober.watch({})
        self.assertEqual((self.asked.cancelled, self.clock.getDelayedCalls()), (1, []))
        self.assertIsNone(self.prober.checked(one))

    def test_what_is_known_stays(self) -> None:
        one = instance()
        self.check(one)
        self.rounds(REFUSED)
        known = self.prober.checked(one)
        new = self.again(one)
        self.prober.watch({new: settings()})
        self.assertIsNotNone(known)
        self.assertEqual(self.prober.checked(new), known)

    def test_nothing_begins_when_stopped(self) -> None:
        self.prober.watch({instance(): settings()})
        self.assertEqual(self.clock.getDelayedCalls(), [])
