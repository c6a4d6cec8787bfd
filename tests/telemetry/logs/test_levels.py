"""Tests for `jairouter.telemetry.logs.levels`."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs.levels import Levels
from jairouter.telemetry.logs.logger_names import JAVA, ours


class ConfiguredTests(SynchronousTestCase):
    """What the configuration says."""

    def test_nothing(self) -> None:
        levels = Levels()
        self.assertEqual(levels.effective("jairouter.web"), "INFO")
        self.assertEqual(levels.get("ROOT"), "INFO")
        self.assertIsNone(levels.get("jairouter"))

    def test_the_nearest_above_counts(self) -> None:
        levels = Levels({"root": "error", "jairouter": "WARN", "jairouter.auth": "DEBUG"})
        found = [levels.effective(name) for name in ("x.y", "jairouter.web.a", "jairouter.auth.keys.Keys")]
        self.assertEqual(found, ["ERROR", "WARN", "DEBUG"])
        self.assertEqual(levels.effective("jairouter.authx"), "WARN")

    def test_those_of_java(self) -> None:
        levels = Levels({"org.unreal.modelrouter": "WARN", "org.unreal.modelrouter.security": "DEBUG"})
        self.assertEqual(levels.effective("jairouter.auth.tokens"), "DEBUG")
        self.assertEqual(levels.effective("jairouter.web"), "WARN")
        self.assertEqual(levels.get("jairouter.security"), "DEBUG")
        self.assertEqual(levels.get("org.unreal.modelrouter.security"), "DEBUG")
        self.assertEqual(levels.effective("org.unreal.modelrouter.security.JwtFilter"), "DEBUG")

    def test_our_own_names_come_first(self) -> None:
        """Two of Java's mean jairouter.upstream; the deeper one counts, and our own above all."""
        levels = Levels({"io.netty": "TRACE", "reactor.netty": "DEBUG", "org.apache.http": "WARN"})
        self.assertEqual(levels.effective("jairouter.upstream.agent"), "WARN")
        levels.configure({"jairouter.upstream": "ERROR", "org.apache.http": "WARN"})
        self.assertEqual(levels.effective("jairouter.upstream.agent"), "ERROR")

    def test_the_framework_is_not_the_gateway(self) -> None:
        levels = Levels({"org.springframework": "WARN", "org.springframework.security": "OFF"})
        for name in ("jairouter.auth", "jairouter.security", "jairouter.web"):
            self.assertEqual(levels.effective(name), "INFO")
        self.assertEqual(levels.effective("twisted.web.server"), "WARN")

    def test_the_table_leads_to_our_names(self) -> None:
        for name, mapped in JAVA.items():
            self.assertEqual(ours(name), mapped)
            for each in mapped:
                self.assertRegex(each, r"^(jairouter|twisted|log_legacy)")


class LogsTests(SynchronousTestCase):
    """Which events are logged."""

    def logs(self, level: str, event: Any) -> bool:
        return Levels({"root": level}).logs({"log_level": event, "log_namespace": "a.b"})

    def test_levels(self) -> None:
        every = (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical)
        for level, number in {
            "ALL": 5,
            "TRACE": 5,
            "DEBUG": 5,
            "INFO": 4,
            "WARN": 3,
            "ERROR": 2,
            "FATAL": 2,
            "OFF": 0,
        }.items():
            self.assertEqual(sum(self.logs(level, each) for each in every), number, level)

    def test_an_event_of_old(self) -> None:
        """Without a level, as those of Twisted's former log may be."""
        self.assertTrue(Levels().logs({}))
        self.assertFalse(Levels({"root": "WARN"}).logs({}))

    def test_asking_first(self) -> None:
        levels = Levels({"a": "DEBUG"})
        self.assertTrue(levels.is_on("a.b", "DEBUG"))
        self.assertFalse(levels.is_on("b", "DEBUG"))


class SetTests(SynchronousTestCase):
    """What is set while the gateway runs."""

    def setUp(self) -> None:
        self.levels = Levels({"jairouter": "WARN"})

    def test_at_once(self) -> None:
        self.assertFalse(self.levels.is_on("jairouter.web", "DEBUG"))
        self.levels.set("jairouter.web", "debug")
        self.assertTrue(self.levels.is_on("jairouter.web", "DEBUG"))
        self.assertEqual(self.levels.get("jairouter.web"), "DEBUG")

    def test_a_name_of_java(self) -> None:
        self.levels.set("org.unreal.modelrouter.controller", "TRACE")
        self.assertEqual(self.levels.effective("jairouter.web.root"), "TRACE")
        self.assertEqual(self.levels.get("org.unreal.modelrouter.controller"), "TRACE")
        self.levels.set("jairouter.web", "ERROR")
        self.assertEqual(self.levels.effective("jairouter.web.root"), "ERROR")

    def test_what_was_said_last_counts(self) -> None:
        """Under whichever name."""
        self.levels.set("jairouter.web", "ERROR")
        self.levels.set("org.unreal.modelrouter.controller", "DEBUG")
        self.assertEqual(self.levels.effective("jairouter.web.root"), "DEBUG")

    def test_back(self) -> None:
        self.levels.set("jairouter", "OFF")
        self.levels.set("jairouter", None)
        self.assertEqual(self.levels.effective("jairouter"), "WARN")

    def test_root(self) -> None:
        self.levels.set("root", "ERROR")
        self.assertEqual((self.levels.get("ROOT"), self.levels.effective("x")), ("ERROR", "ERROR"))

    def test_no_level(self) -> None:
        error = self.assertRaises(ValueError, self.levels.set, "a", "LOUD")
        self.assertIn("ALL, TRACE, DEBUG", str(error))

    def test_a_reload(self) -> None:
        """It leaves what was set, but for loggers about which the configuration now says something else."""
        self.levels.set("jairouter.auth", "DEBUG")
        self.levels.set("jairouter", "DEBUG")
        self.levels.configure({"jairouter": "WARN", "x": "ERROR"})
        self.assertEqual(self.levels.effective("jairouter"), "DEBUG")
        self.levels.configure({"jairouter": "ERROR"})
        self.assertEqual(self.levels.effective("jairouter"), "ERROR")
        self.assertEqual(self.levels.effective("jairouter.auth"), "DEBUG")

    def test_names(self) -> None:
        self.levels.logs({"log_namespace": "seen"})
        self.levels.set("set", "INFO")
        self.assertEqual(self.levels.names(), ["ROOT", "jairouter", "seen", "set"])
