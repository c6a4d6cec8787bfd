"""Tests for the table of all metrics: what a gateway shows is what it says, and so does the page about it."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.family import Family
from jairouter.telemetry.metrics.meaning import CATEGORIES, Meaning
from jairouter.telemetry.metrics.meanings import GROUPS, MEANINGS
from jairouter.telemetry.metrics.reference import page, shown_name
from tests.config.reading import faults_of
from tests.world import World

ROOT = Path(__file__).parents[3]


class MeaningTests(SynchronousTestCase):
    """The table."""

    def test_each_name_once(self) -> None:
        self.assertEqual(len(MEANINGS), sum(map(len, GROUPS.values())))

    def test_rows(self) -> None:
        for meaning in MEANINGS.values():
            self.assertIn(meaning.category, CATEGORIES, meaning.name)
            self.assertIn(meaning.kind, ("counter", "gauge", "histogram"), meaning.name)
            self.assertRegex(meaning.name, r"^[a-z][a-z0-9_]*$")
            self.assertFalse(meaning.name.endswith("_total"), meaning.name)
            self.assertNotIn("instance", meaning.labels, meaning.name)
            self.assertRegex(meaning.about, r"^[A-Z1].*\.?$", meaning.name)

    def test_no_prefix_makes_a_name_that_is_there(self) -> None:
        """A page that has a name twice can be refused as a whole."""
        others = [each.name for each in MEANINGS.values() if each.foreign]
        others += ["process_start_time_seconds", "process_open_fds", "python_info"]
        own = [each.name for each in MEANINGS.values() if not each.foreign]
        prefixes = {name.removesuffix(f"_{each}") for name in others for each in own} - {*others}
        self.assertIn("http_server", prefixes)
        self.assertIn("process", prefixes)
        for prefix in prefixes:
            faults = faults_of(f"monitoring.metrics.prefix: {prefix}")
            self.assertIn("not what names of other metrics begin with", faults[0], prefix)

    def test_names_of_the_guide(self) -> None:
        """Its rules and its dashboard ask for these."""
        guide = (
            *("http_server_requests_total", "http_server_requests_seconds", "jvm_memory_used_bytes"),
            *("jvm_memory_max_bytes", "jairouter_ratelimit_rejected_total", "logback_events_total"),
            *("jairouter_ratelimit_requests_total", "jairouter_circuitbreaker_state"),
            "jairouter_security_events_total",
        )
        self.assertLessEqual(set(guide), set(map(shown_name, MEANINGS.values())))


class ShownTests(SynchronousTestCase):
    """What a whole gateway shows."""

    def setUp(self) -> None:
        self.world = World()

    def tearDown(self) -> None:
        self.assertEqual(self.world.close(), [])

    def families(self) -> list[Metric]:
        return list(self.world.gateway.observing.registry.collect())

    def test_nothing_is_shown_that_is_not_in_the_table(self) -> None:
        for family in self.families():
            meaning = self.meaning_of(family)
            self.assertEqual((family.type, family.documentation), (meaning.kind, meaning.about), family.name)
            if isinstance(family, Family):
                self.assertEqual(family.labels, meaning.labels, family.name)

    def test_no_name_twice(self) -> None:
        names = [family.name for family in self.families()]
        self.assertEqual(len(names), len(set(names)))

    def meaning_of(self, family: Metric) -> Meaning:
        name = family.name if family.name in MEANINGS else family.name.removeprefix("jairouter_")
        self.assertTrue(name in MEANINGS, name)
        return MEANINGS[name]


class PageTests(SynchronousTestCase):
    """docs/metrics.md."""

    def setUp(self) -> None:
        self.text = (ROOT / "docs/metrics.md").read_text("utf-8")

    def test_up_to_date(self) -> None:
        self.assertEqual(self.text, page(self.text), "run make docs")

    def test_each_metric_has_a_row(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \|", self.text, re.MULTILINE)
        self.assertEqual(rows, [shown_name(meaning) for group in GROUPS.values() for meaning in group])
