"""Tests for `jairouter.telemetry.metrics.dotted`."""

from __future__ import annotations

from typing import Any

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.dotted import described, find, shown
from jairouter.telemetry.metrics.families import Families, Histogram


def families() -> list[Metric]:
    """Some of each kind."""
    make = Families({"environment": "test"})
    durations = Histogram((1.0,))
    durations.observe(0.5)
    durations.observe(3.0)
    paths = [(("GET", path, "200"), durations.taken()) for path in ("/a", "/b")]
    return [
        make.known("http_server_requests", [(("GET", "/a", "200"), 2)]),
        make.known("http_server_requests_seconds", paths),
        make.known("jvm_memory_used_bytes", [(("heap",), 100), (("nonheap",), 5)]),
        make.known("retries", [(("chat", "503"), 3), (("chat", "timeout"), 4)]),
        make.known("request_size_bytes", [(("chat",), durations.taken())]),
    ]


class DottedTests(SynchronousTestCase):
    """Metrics one by one."""

    def one(self, name: str, *tags: tuple[str, str]) -> dict[str, Any]:
        found = find(families(), name)
        assert found is not None, name
        page = described(found, tags)
        assert page is not None
        return page

    def measured(self, name: str, *tags: tuple[str, str]) -> dict[str, float]:
        return {each["statistic"]: each["value"] for each in self.one(name, *tags)["measurements"]}

    def test_names(self) -> None:
        expected = {
            "http.server.requests",
            "jvm.memory.used",
            "jairouter.retries",
            "jairouter.request.size",
        }
        self.assertEqual(set(shown(families())), expected)

    def test_every_name_leads_somewhere(self) -> None:
        for name in shown(families()):
            self.assertEqual(self.one(name)["name"], name)

    def test_other_spellings(self) -> None:
        for name in ("jairouter_retries_total", "jairouter.retries.total", "jairouter_retries"):
            self.assertEqual(self.measured(name), {"COUNT": 7})
        self.assertEqual(self.measured("jvm_memory_used_bytes"), self.measured("jvm.memory.used"))
        self.assertEqual(self.measured("http_server_requests_total"), {"COUNT": 2})

    def test_kinds(self) -> None:
        self.assertEqual(self.measured("http.server.requests"), {"COUNT": 4, "TOTAL_TIME": 7.0})
        self.assertEqual(self.measured("jvm.memory.used"), {"VALUE": 105})
        self.assertEqual(self.measured("jairouter.request.size"), {"COUNT": 2, "TOTAL": 3.5})

    def test_units(self) -> None:
        found = {name: self.one(name)["baseUnit"] for name in shown(families())}
        self.assertEqual(
            set(found.items()),
            {
                ("http.server.requests", "seconds"),
                ("jvm.memory.used", "bytes"),
                ("jairouter.retries", None),
                ("jairouter.request.size", "bytes"),
            },
        )

    def test_tags(self) -> None:
        tags = {each["tag"]: each["values"] for each in self.one("http.server.requests")["availableTags"]}
        expected = {"environment": ["test"], "method": ["GET"], "uri": ["/a", "/b"], "status": ["200"]}
        self.assertEqual(tags, expected)

    def test_asked_for_some(self) -> None:
        """What was asked for is not offered again."""
        asked = ("uri", "/a")
        self.assertEqual(self.measured("http.server.requests", asked)["COUNT"], 2)
        tags = self.one("http.server.requests", asked)["availableTags"]
        self.assertEqual({each["tag"] for each in tags}, {"environment", "method", "status"})

    def test_nothing(self) -> None:
        for name in ("made.up", "", "jairouter", "seconds", "http.server"):
            self.assertIsNone(find(families(), name), name)
        found = find(families(), "jairouter.retries")
        assert found is not None
        self.assertIsNone(described(found, [("service", "tts")]))
        self.assertIsNone(described(found, [("made-up", "")]))

    def test_no_series_yet(self) -> None:
        found = find([Families().known("retries", ())], "jairouter.retries")
        assert found is not None
        page = described(found, ())
        assert page is not None
        self.assertEqual(page["measurements"], [{"statistic": "COUNT", "value": 0.0}])
