"""Tests for `jairouter.telemetry.metrics.backends`."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.exchange import Attempt, Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.backends import BackendMetrics
from jairouter.telemetry.metrics.families import Families
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_limits import BreakerLimits
from jairouter.traffic.breaker_states import Change, State
from jairouter.traffic.permits import Ledger
from tests.filters.inner import instance
from tests.telemetry.metrics.shown import BACKEND, Values, end, over

CALLS = "jairouter_backend_calls_total"
EVENTS = "jairouter_circuit_breaker_events_total"
OPENED = "jairouter_circuitbreaker_opened_total"
SELECTIONS = "jairouter_loadbalancer_selections_total"


class BackendTests(SynchronousTestCase):
    """Attempts at instances."""

    def setUp(self) -> None:
        self.value = Values()
        self.metrics = BackendMetrics(Families())
        self.value.registry.register(self.metrics)

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.metrics)

    def test_calls(self) -> None:
        """By instance and by how they ended."""
        for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.FAILED, Outcome.THROTTLED, None):
            self.metrics.record(over(outcome), 200, 0, None)
        expected = {"succeeded": 1, "failed": 2, "throttled": 1, "unsettled": 1, "neutral": None}
        found = {word: self.value(CALLS, outcome=word, **BACKEND) for word in expected}
        self.assertEqual(found, expected)
        self.assertEqual(self.value(CALLS, status="success", adapter="normal"), 1)
        self.assertEqual(self.value(CALLS, status="failure", adapter="normal"), 4)

    def test_durations(self) -> None:
        for seconds in (0.3, 0.5):
            self.metrics.record(over(seconds=seconds), 200, 0, None)
        name = "jairouter_backend_call_duration_seconds"
        self.assertEqual(self.value(f"{name}_sum", **BACKEND), 0.8)
        self.assertEqual(self.value(f"{name}_bucket", le="0.25", **BACKEND), 0)
        self.assertEqual(self.value(f"{name}_bucket", le="0.5", **BACKEND), 2)

    def test_all_attempts_count(self) -> None:
        what = over(Outcome.FAILED)
        other = instance(base_url="http://10.0.0.2:9000")
        what.attempts.append(end(Attempt(other, lambda: 0.0)))
        self.metrics.record(what, 200, 0, None)
        self.assertEqual(self.value(CALLS, backend="http://10.0.0.1:9000", outcome="failed"), 1)
        self.assertEqual(self.value(CALLS, backend="http://10.0.0.2:9000", outcome="succeeded"), 1)

    def test_selections(self) -> None:
        """By what chose; in the spelling of the Java original."""
        self.metrics.configure({"chat": "round-robin"}, ())
        self.metrics.record(over(), 200, 0, None)
        labels = {"service": "chat", "strategy": "round_robin", "backend": "http://10.0.0.1:9000"}
        self.assertEqual(self.value(SELECTIONS, **labels), 1)

    def test_instances_at_one_address_are_one_series(self) -> None:
        """As with two keys for one backend; Prometheus refuses a page that has a series twice."""
        for key in (b"one", b"two"):
            self.metrics.record(over(headers=((b"Authorization", key),)), 200, 0, None)
        families = list(self.value.registry.collect())
        for family in families:
            labels = [(sample.name, tuple(sample.labels.items())) for sample in family.samples]
            self.assertEqual(len(labels), len(set(labels)), family.name)
        self.assertEqual(self.value(CALLS), 2)

    def test_instances_are_let_go(self) -> None:
        """They come and go with the settings; what was counted about those that stay, stays."""
        for _ in range(2):
            what = over()
            self.metrics.record(what, 200, 0, None)
            self.metrics.configure({}, [what.attempt.instance])
            holders = gc.get_referrers(what.attempt.instance)
            self.assertFalse([each for each in holders if each == (what.attempt.instance, Outcome.SUCCEEDED)])
        self.assertEqual(self.value(CALLS, **BACKEND), 2)

    def test_series_of_instances_that_are_gone(self) -> None:
        """They are there until the settings after the next: until they were read, and not for ever."""
        what = over()
        self.metrics.configure({}, [what.attempt.instance])
        self.metrics.record(what, 200, 0, None)
        self.metrics.changed(what.attempt.instance, Change(State.CLOSED, State.OPEN, "why"))
        names = (CALLS, EVENTS, OPENED, SELECTIONS, "jairouter_backend_call_duration_seconds_count")
        self.metrics.configure({}, ())
        self.assertEqual([self.value(name) for name in names], [1] * 5)
        self.metrics.configure({}, ())
        self.assertEqual([self.value(name) for name in names], [None] * 5)


class BreakerTests(SynchronousTestCase):
    """What circuit breakers count."""

    def setUp(self) -> None:
        self.value = Values()
        self.metrics = BackendMetrics(Families())
        self.value.registry.register(self.metrics)
        self.what = over()
        breaker = Breaker(BreakerLimits(5), Ledger())
        self.what.attempt.instance.live.breaker = breaker

    def test_there_from_the_start(self) -> None:
        self.metrics.configure({}, [self.what.attempt.instance])
        self.assertEqual(self.value(OPENED, **BACKEND), 0)

    def test_successes_and_failures(self) -> None:
        """What a breaker does not count is none."""
        for outcome in (*Outcome, None):
            self.metrics.record(self.what, 200, 0, None)
            self.what.attempt.outcome = outcome
        self.metrics.record(self.what, 200, 0, None)
        found = [self.value(EVENTS, event=event, **BACKEND) for event in ("success", "failure")]
        self.assertEqual((found, self.value(EVENTS)), ([2, 1], 3))

    def test_without_a_breaker(self) -> None:
        self.metrics.record(over(), 200, 0, None)
        self.assertEqual(self.value(EVENTS), None)

    def test_changes(self) -> None:
        for state in (State.OPEN, State.HALF_OPEN, State.CLOSED):
            self.metrics.changed(self.what.attempt.instance, Change(State.CLOSED, state, "why"))
        self.assertEqual(self.value(EVENTS, event="state_change", **BACKEND), 3)
        self.assertEqual(self.value(OPENED, **BACKEND), 1)
