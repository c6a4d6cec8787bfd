"""Tests for `jairouter.telemetry.metrics.exposition`."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.root import Settings
from jairouter.telemetry.metrics.exposition import TURN, Exposition, Form, Sources, Wanted
from jairouter.telemetry.metrics.families import Families, Source
from tests.config.reading import read


class Threads:
    """Threads whose work is done when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, lambda: function(*arguments)))
        return done

    def work(self) -> None:
        """Do all of it."""
        waiting, self.waiting = self.waiting, []
        for done, function in waiting:
            try:
                result = function()
            except Exception:
                done.errback()
            else:
                done.callback(result)


class Number(Source):
    """A gauge.

    Attributes:
        number: Its value.
        looks: How often it was looked at.
        fails: Where it fails.
        took: Called when it was looked at.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.number = self.looks = 0
        self.fails = ""
        self.took: Callable[[], object] = lambda: None

    def look(self) -> Callable[[], Iterable[Metric]]:
        self.looks += 1
        self.took()
        if self.fails == "look":
            raise ValueError("planted")
        number = self.number
        return lambda: self._shown(number)

    def _shown(self, number: int) -> Iterable[Metric]:
        yield Families().gauge(self._name, "A number.", (), [((), number)])
        if self.fails == "show":
            raise ValueError("planted")
        yield Families().gauge(f"{self._name}_twice", "A number.", (), [((), 2 * number)])


class ExpositionTests(SynchronousTestCase):
    """Reading all sources, and writing pages."""

    def setUp(self) -> None:
        self.sources, self.threads, self.clock = Sources(), Threads(), Clock()
        self.one, self.other = Number("one"), Number("other")
        self.sources.register(self.one)
        self.sources.register(self.other)
        self.make()

    def make(self, **options: Any) -> None:
        run, seconds = self.threads.run, self.clock.seconds
        later = partial(self.clock.callLater, 0)
        self.exposition = Exposition(self.sources, run, seconds, Families(), later, **options)

    def page(self, form: Form | None = None) -> str:
        """A page, made now."""
        asked = self.exposition.page(form or Form())
        self.threads.work()
        return self.successResultOf(asked).decode()

    def test_page(self) -> None:
        self.one.number = 7
        page = self.page()
        self.assertIn("# HELP jairouter_one A number.\n", page)
        self.assertIn("jairouter_one 7.0\njairouter", page.replace("# HELP ", "").replace("# TYPE ", ""))
        self.assertIn("jairouter_other_twice 0.0\n", page)

    def test_forms(self) -> None:
        plain = self.page()
        self.assertFalse(plain.endswith("# EOF\n"))
        self.assertTrue(self.page(Form(openmetrics=True)).endswith("# EOF\n"))
        asked = self.exposition.page(Form(compressed=True))
        self.threads.work()
        self.assertEqual(gzip.decompress(self.successResultOf(asked)).decode(), plain)

    def test_no_descriptions(self) -> None:
        self.sources.unregister(self.exposition)
        self.make(descriptions=False)
        self.assertNotIn("HELP", self.page())

    def test_looked_at_in_the_reactor_only(self) -> None:
        """Whatever changes while the page is being written is not on it."""
        asked = self.exposition.page(Form())
        self.assertEqual(self.one.looks, 1)
        self.one.number = 5
        self.threads.work()
        self.assertIn("jairouter_one 0.0\n", self.successResultOf(asked).decode())
        self.assertEqual(self.one.looks, 1)

    def test_looking_that_takes_long(self) -> None:
        """It goes on in the next turn, so that nobody else waits for all of it."""
        for each in (self.one, self.other):
            each.took = partial(self.clock.advance, TURN)
        asked = self.exposition.page(Form())
        self.assertEqual((self.one.looks, self.other.looks, self.threads.waiting), (1, 0, []))
        self.clock.advance(0)
        self.assertEqual((self.one.looks, self.other.looks, len(self.threads.waiting)), (1, 1, 1))
        self.threads.work()
        page = self.successResultOf(asked)
        self.assertIn(b"jairouter_one 0.0\n", page)
        self.assertIn(b"jairouter_other 0.0\n", page)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_shared(self) -> None:
        """Who asks while a page is being written gets that one."""
        asked = [self.exposition.page(Form()) for _ in range(20)]
        self.assertEqual((len(self.threads.waiting), self.one.looks), (1, 1))
        self.threads.work()
        self.assertEqual(len({self.successResultOf(each) for each in asked}), 1)
        self.page()
        self.assertEqual(self.one.looks, 2)

    def test_other_forms_are_other_pages(self) -> None:
        asked = [self.exposition.page(form) for form in (Form(), Form(openmetrics=True))]
        self.threads.work()
        self.assertEqual(len({self.successResultOf(each) for each in asked}), 2)

    def test_time_to_live(self) -> None:
        """From when it was looked at, since that is how old it is."""
        self.sources.unregister(self.exposition)
        self.make(time_to_live=10.0)
        asked = self.exposition.page(Form())
        self.clock.advance(4)
        self.threads.work()
        first = self.successResultOf(asked).decode()
        self.one.number = 5
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(self.exposition.page(Form())).decode(), first)
        self.clock.advance(1)
        self.assertNotEqual(self.page(), first)

    def test_a_client_that_leaves(self) -> None:
        """The others get theirs; and if nobody is left, the next one gets a page nevertheless."""
        leaving, staying = self.exposition.page(Form()), self.exposition.page(Form())
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.threads.work()
        self.successResultOf(staying)
        alone = self.exposition.page(Form())
        alone.cancel()
        self.failureResultOf(alone, CancelledError)
        asked = self.exposition.page(Form())
        self.threads.work()
        self.successResultOf(asked)

    def test_a_source_that_fails(self) -> None:
        """The others are shown, and so is what it has shown until then. It is counted, and logged once."""
        # (what fails in the other thread is counted when that is done, and so shown on the next page)
        for fails, shown, counted in (("look", False, 3), ("show", True, 2)):
            with self.subTest(fails):
                self.setUp()
                self.one.fails = fails
                pages = [self.page() for _ in range(3)]
                self.assertEqual("jairouter_one 0.0\n" in pages[0], shown)
                self.assertNotIn("jairouter_one_twice 0.0", pages[0])
                self.assertIn("jairouter_other_twice 0.0\n", pages[0])
                self.assertIn(f'jairouter_metrics_errors_total{{source="Number"}} {counted}.0\n', pages[2])
                flushed = len(self.flushLoggedErrors(ValueError))
                self.assertEqual(flushed, 1 if fails == "look" else 0)

    def test_a_metric_that_cannot_be_written(self) -> None:
        self.one.number = 10**400  # no float
        for form in (Form(), Form(openmetrics=True)):
            page = self.page(form)
            self.assertNotIn("jairouter_one", page.replace('"jairouter_one', ""))
            self.assertIn("jairouter_other_twice 0.0\n", page)
        self.assertIn('jairouter_metrics_errors_total{source="jairouter_one"} 2.0\n', self.page())
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_writing_that_fails(self) -> None:
        """Everybody is told, and the next page is made anew."""
        asked = [self.exposition.page(Form()) for _ in range(2)]
        ((thread, _),) = self.threads.waiting
        self.threads.waiting.clear()
        thread.errback(ValueError("planted"))
        for each in asked:
            self.failureResultOf(each, ValueError)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.one.number = 3
        self.assertIn("jairouter_one 3.0\n", self.page())

    def test_collectors_of_others(self) -> None:
        Counter("things", "Things.", registry=self.sources).inc()
        self.assertIn("things_total 1.0\n", self.page())


class WantedTests(SynchronousTestCase):
    """Which metrics there are."""

    def shown(self, text: str = "") -> list[str]:
        settings: Settings = read(text).settings
        wanted, prefix = Wanted.of(settings), settings.monitoring.metrics.prefix
        names = (
            "http_server_requests",
            f"{prefix}_tokens",
            f"{prefix}_retries",
            f"{prefix}_ledger_outstanding",
        )
        families: list[Metric] = [GaugeMetricFamily(name, "x") for name in names]
        families += [CounterMetricFamily("process_cpu_seconds", "x"), GaugeMetricFamily(f"{prefix}_new", "x")]
        families.append(GaugeMetricFamily("somebody_elses", "x"))
        return [each.name.rpartition("_")[2] for each in families if wanted(each)]

    def test_all(self) -> None:
        all_of_them = ["requests", "tokens", "retries", "outstanding", "seconds", "new", "elses"]
        self.assertEqual(self.shown(), all_of_them)
        self.assertEqual(self.shown("monitoring.metrics.prefix: gate"), all_of_them)

    def test_categories(self) -> None:
        found = {
            name: self.shown(f"monitoring.metrics.enabled-categories: [{name}]")
            for name in ("system", "business", "infrastructure")
        }
        self.assertEqual(found["business"], ["requests", "tokens", "new", "elses"])
        self.assertEqual(found["infrastructure"], ["retries", "new", "elses"])
        self.assertEqual(found["system"], ["outstanding", "seconds", "new", "elses"])

    def test_switched_off(self) -> None:
        """What is not the gateway's own stays."""
        for key in ("monitoring.enabled", "monitoring.metrics.enabled"):
            self.assertEqual(self.shown(f"{key}: false"), ["requests", "seconds", "elses"])
