"""Rules and dashboards below etc/: they speak of metrics that exist, and are what the guide promises.

That rules fire is tested by promtool with the files beside this one: see
`tests.integration.test_monitoring_files`.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.meaning import COUNTER, HISTOGRAM
from jairouter.telemetry.metrics.meanings import MEANINGS

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).parent
RULES: Final = sorted((ROOT / "etc/prometheus/rules").glob("*.yml"))
DASHBOARDS: Final = sorted((ROOT / "etc/grafana/dashboards").glob("*.json"))
GUIDE: Final = (HERE / "guide/jairouter.yml", HERE / "guide/prometheus-alerts.yml")

_STRING = re.compile(r'"[^"]*"')
_SELECTED = re.compile(r"\b([a-z][a-z0-9_:]*)\s*\{([^}]*)\}")
_NAME = re.compile(r"\b(?:jairouter[_:]|http_server_|jvm_|process_|python_|logback_|slow_query_)[a-z0-9_:]+")
_GROUPED = re.compile(r"\b(?:by|without|on)\s*\(([^)]*)\)")
# Of Prometheus itself: the target, and what it has in place of an alert
_ANYWHERE = {"instance", "job"}


def rules(*files: Path) -> list[dict[str, Any]]:
    """All rules of these files."""
    return [
        rule
        for file in files
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    """What a dashboard asks Prometheus for."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["expr"]


def shown() -> dict[str, set[str]]:
    """All series that there can be, with their labels."""
    series: dict[str, set[str]] = {"up": {"job", "instance"}, "ALERTS": set()}
    for meaning in MEANINGS.values():
        name = meaning.name if meaning.foreign else f"jairouter_{meaning.name}"
        suffixes = {COUNTER: ("_total",), HISTOGRAM: ("_bucket", "_sum", "_count")}.get(meaning.kind, ("",))
        for suffix in suffixes:
            series[name + suffix] = {*meaning.labels, *(("le",) if suffix == "_bucket" else ())}
    for rule in rules(*RULES):
        if "record" in rule:
            series[rule["record"]] = {"service"} if "backend" in rule["record"] else set()
    return series


class ExpressionTests(SynchronousTestCase):
    """A name that does not exist makes an alert that never fires and a panel that stays empty."""

    def setUp(self) -> None:
        self.asked = [rule["expr"] for rule in rules(*RULES)]
        for file in DASHBOARDS:
            self.asked.extend(expressions(json.loads(file.read_text())))
        self.series = shown()

    def test_metrics_exist(self) -> None:
        for expression in self.asked:
            for name in _NAME.findall(_STRING.sub("", expression)):
                self.assertIn(name, self.series, expression)

    def test_labels_exist(self) -> None:
        for expression in self.asked:
            for name, labels in _SELECTED.findall(_STRING.sub("", expression)):
                selected = {re.split("=|!", each)[0].strip() for each in labels.split(",")} - {"alertstate"}
                self.assertLessEqual(selected, self.series[name] | _ANYWHERE, expression)

    def test_groups_exist(self) -> None:
        """Labels that are summed by are some label of what is summed up."""
        for expression in self.asked:
            plain = _STRING.sub("", expression)
            known = set().union(*(self.series[name] for name in _NAME.findall(plain))) | _ANYWHERE
            for labels in _GROUPED.findall(plain):
                self.assertLessEqual({each.strip() for each in labels.split(",")}, known, expression)

    def test_something_is_asked(self) -> None:
        """What the others look at is not nothing."""
        self.assertGreater(len(self.asked), 100)


class RuleTests(SynchronousTestCase):
    """Alerts that people can do something about."""

    def test_alerts_of_the_guide(self) -> None:
        """Those who have the guide's names in their silences and pages keep them, with the same severity."""
        ours = {rule["alert"]: rule for rule in rules(*RULES) if "alert" in rule}
        for rule in rules(*GUIDE):
            found = ours[rule["alert"]]
            for member in ("for", "labels"):
                self.assertEqual(found[member], rule[member], rule["alert"])
            self.assertEqual(found["annotations"]["summary"], rule["annotations"]["summary"])

    def test_recording_rules_of_the_guide(self) -> None:
        words = ("request_rate_5m", "error_rate_5m", "response_time_p95_5m", "backend_health_ratio")
        recorded = [rule["record"] for rule in rules(*RULES) if "record" in rule]
        self.assertEqual(recorded, [f"jairouter:{word}" for word in words])

    def test_runbooks(self) -> None:
        """Each alert has its place in docs/monitoring.md, which has places for no others."""
        alerts = {rule["alert"] for rule in rules(*RULES) if "alert" in rule}
        page = (ROOT / "docs/monitoring.md").read_text()
        self.assertEqual(set(re.findall(r"^### (\w+)$", page, re.MULTILINE)), alerts)
        for rule in rules(*RULES):
            if "alert" in rule:
                expected = f"monitoring.md#{rule['alert'].lower()}"
                self.assertEqual(rule["annotations"]["runbook_url"], expected)

    def test_all_are_tested(self) -> None:
        """By promtool."""
        tests = "".join(file.read_text() for file in HERE.glob("*.yml") if file.name != "guide.yml")
        for rule in rules(*RULES):
            name = rule.get("alert") or rule["record"]
            self.assertRegex(tests, rf"\b{name}\b")


class DashboardTests(SynchronousTestCase):
    """What Grafana wants of a file, and what a reader wants of a dashboard."""

    def setUp(self) -> None:
        self.dashboards = {file.stem: json.loads(file.read_text()) for file in DASHBOARDS}

    def test_which_there_are(self) -> None:
        expected = ["jairouter-llm", "jairouter-operations", "jairouter-overview", "jairouter-services"]
        self.assertEqual(list(self.dashboards), expected)

    def test_form_for_files(self) -> None:
        """Without the wrapper of Grafana's HTTP API, which file provisioning does not know."""
        for name, dashboard in self.dashboards.items():
            self.assertEqual(dashboard["uid"], name)
            self.assertNotIn("dashboard", dashboard)
            self.assertNotIn("id", dashboard)
            self.assertGreaterEqual(dashboard["schemaVersion"], 39)

    def test_panels(self) -> None:
        """No `graph`, which Grafana 11 has no more; ids of their own; none on top of another."""
        for name, dashboard in self.dashboards.items():
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)), name)
            types = {panel["type"] for panel in dashboard["panels"]}
            self.assertLessEqual(types, {"row", "timeseries", "stat", "table", "heatmap"})
            for one, other in itertools.combinations(dashboard["panels"], 2):
                self.assertFalse(_overlap(one["gridPos"], other["gridPos"]), (name, one["title"]))

    def test_variables(self) -> None:
        """Every panel shows the data source, the gateways and the services that were chosen."""
        for name, dashboard in self.dashboards.items():
            variables = {each["name"] for each in dashboard["templating"]["list"]}
            self.assertLessEqual({"datasource", "instance"}, variables)
            self.assertEqual("service" in variables, name in ("jairouter-llm", "jairouter-services"))
            for panel in panels(dashboard):
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                for target in panel["targets"]:
                    used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval", "__range"}
                    everything = variables - {"datasource"} if "ALERTS" not in target["expr"] else set()
                    self.assertEqual(used, everything, (name, panel["title"]))

    def test_panels_of_the_guide(self) -> None:
        titles = [panel["title"] for panel in panels(self.dashboards["jairouter-overview"])]
        expected = ["Request Rate", "Response Time", "Error Rate", "JVM Memory Usage"]
        self.assertEqual([title for title in titles if title in expected], expected)
        self.assertEqual(self.dashboards["jairouter-overview"]["title"], "JAiRouter Overview")


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )
