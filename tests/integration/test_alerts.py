"""Every alert, live: gateways in trouble, Prometheus that looks at them, Alertmanager that tells of it.

The files are those below etc/; what takes minutes in them takes seconds here: see
`tests.integration.monitoring`.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.monitoring import WINDOW, Told, Watch
from tests.integration.processes import ROOT, Shared, wait_until
from tests.integration.trouble import Trouble
from tests.monitoring.test_shipped import DASHBOARDS, GUIDE, RULES, panels, rules

PATIENCE: Final = 120.0
"""Seconds for what takes about ten."""
NOT_HERE: Final = {
    "JAiRouterNotScraped",
    "JAiRouterMetricsIncomplete",
    "JAiRouterLogLinesDropped",
    "JAiRouterAuditEventsLost",
}
"""Alerts about what cannot be broken from outside; promtool's tests have them fire."""


def alerts() -> set[str]:
    """Those that fire here: ours, and the guide's own under other names."""
    ours = {rule["alert"] for rule in rules(*RULES) if "alert" in rule}
    return (ours - NOT_HERE) | {f"Guide{rule['alert']}" for rule in rules(*GUIDE)}


class Run:
    """One run, from the first trouble until the last is mended.

    Attributes:
        began: When, in seconds since the epoch.
        fired: What was told of.
        left: What was still told of at the end.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="jairouter-test-alerts-"))
        self.told = Told()
        self._parts: list[Any] = [self.told]
        try:
            self._go()
        except BaseException:
            self.stop()
            raise

    def _go(self) -> None:
        self.began = time.time()
        trouble = self.trouble = Trouble(self._folder)
        self._parts.append(trouble)
        (self._folder / "watch").mkdir()
        self.watch = Watch(self._folder / "watch", trouble.targets, self.told)
        self._parts.append(self.watch)
        trouble.begin()
        trouble.make()

        def all_fire() -> bool:
            return alerts() <= self.told.fired

        def missing() -> str:
            return f"{sorted(alerts() - self.told.fired)} fired; {self.watch}\n{trouble}"

        wait_until(all_fire, missing, PATIENCE)
        trouble.mend()
        wait_until(lambda: not self.told.firing(), lambda: f"{self.told.firing()} over; {trouble}", PATIENCE)
        self.ended = time.time()

    def stop(self) -> None:
        """End all of it."""
        for each in reversed(self._parts):
            each.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


RUN = Shared(Run, Run.stop)


def filled_in(expression: str) -> str:
    """What Grafana makes of an expression when all is chosen that there is."""
    expression = expression.replace("$__rate_interval", WINDOW).replace("$__range", "30s")
    return re.sub(r"\$(instance|service)", ".*", expression).replace("[5m]", f"[{WINDOW}]")


class LiveTests(SynchronousTestCase):
    """After a run in which all alerts fired, and were over when the trouble was."""

    def setUp(self) -> None:
        self.run_ = RUN.get()

    def seen(self, expression: str) -> Any:
        """What an expression came to in the course of the run: series that were a number at some time."""
        found = self.run_.watch.look_back(filled_in(expression), self.run_.began, self.run_.ended)
        return [each for each in found if any(value != "NaN" for _, value in each["values"])]

    def test_all_fired(self) -> None:
        """Each alert of the guide too, as it is printed."""
        self.assertLessEqual(alerts(), self.run_.told.fired)
        self.assertEqual(self.run_.told.firing(), set())

    def test_everybody_was_answered(self) -> None:
        """Be it with an error."""
        self.assertEqual(self.run_.trouble.failures, [])

    def test_no_other_fired(self) -> None:
        self.assertEqual(self.run_.told.fired & NOT_HERE, set())

    def test_who_was_told(self) -> None:
        for rule in rules(*RULES):
            if rule.get("alert") in self.run_.told.fired and rule["alert"] != "JAiRouterCertificateExpiring":
                path = {"critical": "/critical", "warning": "/warning"}[rule["labels"]["severity"]]
                self.assertEqual(self.run_.told.paths[rule["alert"]], {path}, rule["alert"])

    def test_mails(self) -> None:
        """They have the subject and the text of the guide, and no other part."""
        for subject, summary in (
            ("[CRITICAL] JAiRouter Alert", "JAiRouter instance down"),
            ("[WARNING] JAiRouter Alert", "JAiRouter high error rate"),
        ):
            mails = [mail for mail in self.run_.told.mails if f"Subject: {subject}" in mail]
            self.assertTrue(any(f"Alert: {summary}" in mail for mail in mails), self.run_.told.mails)
            self.assertFalse([mail for mail in mails if "text/html" in mail])

    def test_rules_are_well(self) -> None:
        """Prometheus could evaluate all of them all of the time."""
        groups = self.run_.watch.ask("rules")["groups"]
        self.assertEqual(len(groups), 7)
        for group in groups:
            for rule in group["rules"]:
                self.assertEqual((rule["health"], rule.get("lastError")), ("ok", None), rule["name"])

    def test_scrapes_are_well(self) -> None:
        """Prometheus has nothing to say against the page, such as a sample that is there twice."""
        said = self.run_.watch.output
        self.assertRegex(said, "(?i)level=info")
        complaints = re.findall("(?i).*level=(?:warn|error).*", said)
        self.assertEqual([line for line in complaints if "scrape" in line], [])

    def test_tags(self) -> None:
        """`instance` is the target for everybody; what the configuration says is beside it."""
        [build] = self.seen('jairouter_build_info{environment="production"}')
        self.assertEqual(build["metric"]["exported_instance"], "gateway-1")
        self.assertTrue(build["metric"]["instance"].startswith("127.0.0.1:"))

    def test_rules_have_data(self) -> None:
        """Also those whose alerts did not fire: without what they are compared with."""
        for rule in rules(*RULES):
            name = rule.get("alert") or rule["record"]
            expression = re.sub(r" (==|>|<) [0-9.]+( \* [0-9]+)?$", "", rule["expr"].strip())
            if name != "JAiRouterNotScraped":
                self.assertTrue(self.seen(expression), (name, expression))

    def test_dashboards_have_data(self) -> None:
        """Every expression of every panel; that of annotations too, which need no data."""
        empty = [
            (file.stem, panel["title"], target["expr"])
            for file in DASHBOARDS
            for panel in panels(json.loads(file.read_text()))
            for target in panel["targets"]
            if not self.seen(target["expr"])
        ]
        self.assertEqual(empty, [])

    def test_annotations(self) -> None:
        for file in DASHBOARDS:
            for each in json.loads(file.read_text())["annotations"]["list"]:
                if "expr" in each:
                    self.seen(each["expr"])

    def test_variables(self) -> None:
        """There is something to choose."""
        for query in _queries():
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
            assert found is not None, query
            values = self.seen(f"count by ({found[2]}) ({found[1]})")
            self.assertTrue(all(each["metric"].get(found[2]) for each in values) and values, query)


def _queries() -> Iterator[str]:
    for file in sorted((ROOT / "etc/grafana/dashboards").glob("*.json")):
        for variable in json.loads(file.read_text())["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["definition"]
