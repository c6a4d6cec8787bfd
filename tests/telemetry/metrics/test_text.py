"""Tests for `jairouter.telemetry.metrics.text`: to the byte what prometheus-client writes."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Info, generate_latest
from prometheus_client import Histogram as TheirHistogram
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families, Histogram
from jairouter.telemetry.metrics.text import in_text

AWKWARD = 'a "b" \\ c\nd %s {e},="'
WORDS = st.text(st.characters(codec="utf-8"), max_size=6)
NUMBERS = st.one_of(st.integers(0, 10**9), st.floats())


class Fixed(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class TextTests(SynchronousTestCase):
    """The page, in both formats."""

    maxDiff = None

    def compare(self, *families: Metric) -> str:
        """Both formats are as they should be. Returns the older one."""
        fixed = Fixed(families)
        text = in_text(families, openmetrics=False)
        self.assertEqual(text, generate_latest(fixed))
        self.assertEqual(in_text(families, openmetrics=True), generate_openmetrics(fixed))
        return text.decode()

    def histogram(self, families: Families, *labels: str) -> Metric:
        counts = Histogram((0.5, 1.0, 1e6))
        for value in (0.1, 0.5, 3.0, 1e7):
            counts.observe(value)
        series = [(tuple(f"{label}-{number}" for label in labels), counts.taken()) for number in range(3)]
        return families.histogram("times", "How long.", labels, series[: 3 if labels else 1])

    def test_nothing(self) -> None:
        self.compare()

    def test_no_series(self) -> None:
        """All is announced, so that a dashboard knows it."""
        families = Families()
        text = self.compare(families.counter("a", "A.", ["x"], ()), families.histogram("b", "B.", ["x"], ()))
        self.assertIn("# TYPE jairouter_a_total counter\n", text)

    def test_numbers(self) -> None:
        values = (0, 1, 10**6, 10**7, 123456789, 0.1, -0.0, 1e22, float("inf"), float("nan"), -3.5, True)
        series = [((str(number),), value) for number, value in enumerate(values)]
        self.compare(Families().gauge("a", "A.", ["x"], series), Families().counter("b", "B.", ["x"], series))

    def test_without_labels(self) -> None:
        self.compare(Families().gauge("a", "A.", (), [((), 1)]), self.histogram(Families()))

    def test_labels(self) -> None:
        """In the order of their names, wherever ``le`` stands among them."""
        tags = Families({"a": "1", "zone": "2"}, own_tags={"m": "3"})
        for labels in (["b"], ["x"], ["b", "x"], ["x", "b", "lea", "ld"]):
            self.compare(self.histogram(tags, *labels), self.histogram(Families(), *labels))

    def test_letters_that_the_format_escapes(self) -> None:
        tags = Families({"team": AWKWARD})
        self.compare(tags.gauge("a", AWKWARD, ["x"], [((AWKWARD,), 1)]), self.histogram(tags, "x"))

    def test_families_that_are_not_ours(self) -> None:
        registry = CollectorRegistry()
        Counter("things", AWKWARD, ["x"], registry=registry).labels(AWKWARD + "\u2028\x0b").inc()
        TheirHistogram("sizes", "Sizes.", registry=registry).observe(1)
        Info("what", "What.", registry=registry).info({"a": "b"})
        families = list(registry.collect())
        self.compare(families[0], Families().gauge("a", "A.", (), [((), 1)]), *families[1:])

    def test_no_descriptions(self) -> None:
        registry = CollectorRegistry()
        Counter("things", "Things.", registry=registry).inc()
        families = [Families().gauge("a", "A.", (), [((), 1)]), *registry.collect()]
        for openmetrics in (False, True):
            with_them = in_text(families, openmetrics=openmetrics).decode().split("\n")
            without = in_text(families, openmetrics=openmetrics, descriptions=False).decode().split("\n")
            self.assertEqual(without, [line for line in with_them if not line.startswith("# HELP")])

    def test_can_be_read(self) -> None:
        """OpenMetrics is strict."""
        text = in_text([self.histogram(Families({"a": "1"}), "x")], openmetrics=True).decode()
        (family,) = text_string_to_metric_families(text)
        self.assertEqual((family.name, family.type), ("jairouter_times", "histogram"))

    @settings(max_examples=25)
    @given(WORDS, st.lists(st.tuples(st.tuples(WORDS, WORDS), NUMBERS), max_size=4, unique_by=lambda x: x[0]))
    def test_anything(self, tag: str, series: list[tuple[tuple[str, str], float]]) -> None:
        families = Families({"tag": tag})
        self.compare(families.gauge("a", tag, ["x", "m"], series))


class FamiliesTests(SynchronousTestCase):
    """What all metrics carry."""

    def test_names(self) -> None:
        families = Families({"tag": "1"}, "gate", {"own": "2"})
        ours = families.known("tokens", [(("chat", "m", "prompt", "reported"), 3)])
        (sample,) = ours.samples
        self.assertEqual((ours.name, sample.name), ("gate_tokens", "gate_tokens_total"))
        self.assertEqual(sample.labels["tag"] + sample.labels["own"], "12")
        theirs = families.known("http_server_requests", [(("GET", "/", "200"), 3)])
        self.assertEqual(theirs.samples[0].name, "http_server_requests_total")
        self.assertNotIn("own", theirs.samples[0].labels)

    def test_a_label_of_its_own_stands(self) -> None:
        families = Families({"version": "tag", "le": "tag"}, own_tags={"service": "tag"})
        (build,) = families.known("build_info", [(("1.0", "3.11", "24"), 1)]).samples
        self.assertEqual(build.labels["version"], "1.0")
        self.assertEqual(build.labels["service"], "tag")
        histogram = families.histogram("a", "A.", ["service"], [(("chat",), Histogram((1.0,)).taken())])
        self.assertEqual({sample.labels["service"] for sample in histogram.samples}, {"chat"})
        self.assertEqual([s.labels.get("le") for s in histogram.samples], ["1.0", "+Inf", None, None])
