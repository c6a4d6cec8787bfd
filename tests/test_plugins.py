"""Tests for `jairouter.plugins`, with the example of docs/write-a-balancer.md."""

from __future__ import annotations

import importlib
import re
import sys
import unittest
from pathlib import Path
from random import Random

import twisted.plugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.config.loader import load
from jairouter.interfaces import IBalancer, IBalancerMaker
from jairouter.plugins import balancer_maker, balancer_makers
from jairouter.traffic.balancers.by_name import make_balancer
from tests.config.reading import faults_of
from tests.traffic.balancers.crowd import crowd, letters

PAGE = Path(__file__).parent.parent / "docs" / "write-a-balancer.md"
MODULES = ("acme_balancers", "test_acme_balancers", "twisted.plugins.acme_balancers_plugin")


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows: the name in a line of its own, then the content between fences."""
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


class NothingAddedTests(SynchronousTestCase):
    """Without plugins."""

    def test_none(self) -> None:
        self.assertEqual(balancer_makers(), {})
        self.assertIsNone(balancer_maker("random"))

    def test_a_misspelt_name(self) -> None:
        """The fault says what there is, and what was meant."""
        (fault,) = faults_of("model:\n  load-balance:\n    type: round-robbin")
        self.assertTrue(fault.startswith("a.yml:3: model.load-balance.type: expected one of random, "), fault)
        self.assertTrue(
            fault.endswith('prefix-affinity or plugin:NAME, found "round-robbin"; did you mean round-robin?'),
            fault,
        )

    def test_nothing_like_it(self) -> None:
        (fault,) = faults_of("model.load-balance: plugin:fill-up")
        told = "a.yml:1: model.load-balance.type: expected a plugin, but none is installed"
        self.assertEqual(fault, told)


class ExampleTests(SynchronousTestCase):
    """The page's files, installed."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        for name, content in files_of(PAGE.read_text("utf-8")).items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")
        path = str(self.folder.resolve())
        self.patch(sys, "path", [path, *sys.path])
        self.patch(twisted.plugins, "__path__", [f"{path}/twisted/plugins", *twisted.plugins.__path__])
        importlib.invalidate_caches()
        self.addCleanup(self._forget)

    @staticmethod
    def _forget() -> None:
        for name in MODULES:
            sys.modules.pop(name, None)

    def test_its_own_tests(self) -> None:
        suite = unittest.defaultTestLoader.loadTestsFromName("test_acme_balancers")
        result = unittest.TestResult()
        suite.run(result)
        self.assertEqual((result.testsRun, result.errors, result.failures), (4, [], []))

    def test_from_configuration_to_pick(self) -> None:
        loaded = load([self.folder / "application.yml"])
        settings = loaded.settings.model.load_balance
        self.assertEqual((settings.type, dict(settings.options)), ("plugin:fill-up", {"enough": "2"}))
        balancer = make_balancer(settings, Random(0), lambda: 0.0, balancer_maker)
        verifyObject(IBalancer, balancer)
        verifyObject(IBalancerMaker, balancer_maker("fill-up"))
        candidates = crowd(1, 1)
        candidates[0].live.in_flight = 1
        self.assertEqual(letters(balancer, candidates, 2), "AA")
        candidates[0].live.in_flight = 2
        self.assertEqual(letters(balancer, candidates, 2), "BB")

    def test_a_misspelt_plugin(self) -> None:
        """It is told once, however many services inherit it."""
        services = "model.services: {chat: {}, tts: {}}"
        for text in ("model.load-balance: plugin:fil-up", f"model.load-balance: plugin:fil-up\n{services}"):
            (fault,) = faults_of(text)
            told = "expected one of plugin:fill-up; did you mean plugin:fill-up?"
            self.assertEqual(fault, f"a.yml:1: model.load-balance.type: {told}")

    def test_wrong_options(self) -> None:
        """The fault stands where the options are written, in the service or outside."""
        outer = "load-balance: {type: plugin:fill-up, options: {enough: %s}}"
        inner = "services: {chat: {load-balance: {%s}, instances: [{name: m, base-url: http://a}]}}"
        told = "load-balance.options: enough: expected a number of at least 1"
        wrong = f"model:\n  {outer % 0}\n  {inner % 'load-factor: 2'}"
        self.assertEqual(faults_of(wrong), [f"a.yml:2: model.{told}"])
        wrong = f"model:\n  {outer % 1}\n  {inner % 'options: {enough: x}'}"
        self.assertEqual(faults_of(wrong), [f"a.yml:3: model.services.chat.{told}"])

    def test_options_of_a_service(self) -> None:
        """They replace those from further out, which are right or wrong for nobody."""
        text = (
            "model:\n  load-balance: {options: {enough: x}}\n  services: {chat: {load-balance: "
            "{type: plugin:fill-up, options: {enough: 3}}, instances: [{name: m, base-url: http://a}]}}"
        )
        (self.folder / "other.yml").write_text(text, "utf-8")
        chosen = load([self.folder / "other.yml"]).settings.model.services["chat"].load_balance
        assert chosen is not None
        self.assertEqual(dict(chosen.options), {"enough": "3"})
