"""Tests that keys which files in use have are accepted, whether or not they do anything."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import load

FILE = Path(__file__).parent / "documented.yml"


class DocumentedTests(SynchronousTestCase):
    """No valid file is refused."""

    def test_they_are_accepted_and_typed(self) -> None:
        settings = load([FILE]).settings
        instance = settings.model.services["tts"].instances[0]
        self.assertEqual((instance.base_url, instance.max_retries), ("http://my_host:80", 2))
        self.assertEqual(settings.model.circuit_breaker.adaptive_recovery.max_timeout, 300)
        self.assertEqual(settings.monitoring.slow_query_alert.global_.min_interval_ms, 300)
        self.assertEqual(settings.monitoring.metrics.custom_tags["environment"], "default")
        self.assertEqual(settings.logging.level["org.example"], "OFF")
        self.assertTrue(settings.adapter_definitions["deepseek"].capabilities.img_gen)
