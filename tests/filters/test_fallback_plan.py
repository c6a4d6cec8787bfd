"""Tests for `jairouter.filters.fallback_plan`: what is configured for each service."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.filters.fallback_plan import Plan, make_plans
from tests.config.reading import read


class PlanTests(SynchronousTestCase):
    """From settings to plans."""

    def plans(self, globally: str, chat: str = "{}") -> dict[str, Plan]:
        services = f"{{chat: {{fallback: {chat}}}, tts: {{}}}}"
        settings = read(f"model: {{fallback: {globally}, services: {services}}}").settings
        return make_plans(settings.model, lambda: 0.0)

    def test_nothing(self) -> None:
        self.assertEqual(self.plans("{strategy: static, response: sorry, models: {'*': [m]}}"), {})

    def test_of_one_service(self) -> None:
        self.assertEqual(set(self.plans("{}", "{enabled: true}")), {"chat"})
        self.assertEqual(set(self.plans("{enabled: true}", "{enabled: false}")), {"tts"})

    def test_default(self) -> None:
        plan = self.plans("{enabled: true, models: {'*': [m]}}")["tts"]
        self.assertEqual((plan.memory, plan.static, plan.plainly), (None, None, True))
        self.assertEqual(plan.others("x"), ("m",))

    def test_static(self) -> None:
        for strategy in ("static", "mock"):
            plan = self.plans(f"{{enabled: true, strategy: {strategy}, response: sorry}}")["chat"]
            self.assertEqual((plan.memory, plan.plainly), (None, False))
            self.assertIsNotNone(plan.static)

    def test_cache(self) -> None:
        """Each service has its own."""
        plans = self.plans("{enabled: true, strategy: cache}")
        self.assertEqual((plans["chat"].static, plans["chat"].plainly), (None, False))
        self.assertIsNotNone(plans["chat"].memory)
        self.assertIsNot(plans["chat"].memory, plans["tts"].memory)

    def test_a_cache_of_nothing(self) -> None:
        """No answer is looked at in vain."""
        for key in ("cache-size", "cache-ttl"):
            plans = self.plans(f"{{enabled: true, strategy: cache, {key}: 0}}")
            self.assertIsNone(plans["chat"].memory, key)
