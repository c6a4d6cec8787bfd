"""What is shipped for Prometheus and Alertmanager, as their own tools see it."""

from __future__ import annotations

import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.monitoring import ALERTMANAGER, GUIDE, PROMETHEUS
from tests.integration.processes import ROOT
from tests.integration.proxies import program


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [program(name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class ToolTests(SynchronousTestCase):
    """They check, and run the tests of the rules."""

    def assert_good(self, name: str, *arguments: str) -> str:
        ran = run(name, *arguments)
        self.assertEqual(ran.returncode, 0, ran)
        return ran.stdout

    def test_configuration(self) -> None:
        said = self.assert_good("promtool", "check", "config", str(PROMETHEUS / "prometheus.yml"))
        self.assertIn("2 rule files found", said)

    def test_rules(self) -> None:
        rules = [str(file) for file in (PROMETHEUS / "rules").glob("*.yml")]
        self.assert_good("promtool", "check", "rules", "--lint-fatal", *rules)

    def test_tests_of_rules(self) -> None:
        """Each alert fires when it should, not before, and not any more."""
        for name in ("alerts_of_the_guide", "further_alerts", "recording", "guide"):
            self.assert_good("promtool", "test", "rules", str(ROOT / f"tests/monitoring/{name}.yml"))

    def test_alertmanager(self) -> None:
        self.assert_good("amtool", "check-config", str(ALERTMANAGER))

    def test_routes(self) -> None:
        """Who is told of what."""
        for labels, receiver in (
            ("severity=critical", "critical-alerts"),
            ("severity=warning", "warning-alerts"),
            ("severity=info", "web.hook"),
        ):
            routes = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", labels)
            self.assertEqual(self.assert_good("amtool", *routes).strip(), receiver)

    def test_files_of_the_guide(self) -> None:
        """Its rules are good; its Alertmanager does not start, for the reason that our file gives."""
        self.assert_good("promtool", "check", "config", "--syntax-only", str(GUIDE / "prometheus.yml"))
        rules = [str(GUIDE / name) for name in ("jairouter.yml", "prometheus-alerts.yml")]
        self.assert_good("promtool", "check", "rules", *rules)
        ran = run("amtool", "check-config", str(GUIDE / "alertmanager.yml"))
        self.assertEqual(ran.returncode, 1, ran)
        for field in ("subject", "body"):
            self.assertIn(f"field {field} not found", ran.stdout + ran.stderr)
