"""Tests of finding files in directories."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import ConfigurationFaults, Loaded, load


class DirectoryTests(SynchronousTestCase):
    """Which files of a directory are read, and in which order."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def _write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text, encoding="utf-8")

    def _load(self, *profiles: str) -> Loaded:
        return load([self.directory], profiles)

    def _faults(self, path: Path) -> str:
        return str(self.assertRaises(ConfigurationFaults, load, [path]))

    def test_profile_files_lie_over_the_others_in_the_order_of_the_profiles(self) -> None:
        self._write("application.yml", "management.metrics.tags: {a: base, b: base, c: base}")
        self._write("application-one.yml", "management.metrics.tags: {b: one, c: one}")
        self._write("application-two.yaml", "management.metrics.tags: {c: two}")
        tags = self._load("one,two").settings.management.metrics.tags
        self.assertEqual(dict(tags), {"a": "base", "b": "one", "c": "two"})
        tags = self._load("two", "one").settings.management.metrics.tags
        self.assertEqual(dict(tags), {"a": "base", "b": "one", "c": "one"})

    def test_a_file_of_an_inactive_profile_is_not_read(self) -> None:
        self._write("jairouter.yml", "server.port: 1")
        self._write("application-prod.yml", "server.port: 2")
        self.assertEqual(self._load().settings.server.port, 1)

    def test_the_security_file_is_always_read(self) -> None:
        self._write("application-security.yml", "security.api-key.enabled: true")
        self._write("application-prod.yml", "server.port: 2")
        settings = self._load("prod").settings
        self.assertTrue(settings.security.on)
        self.assertEqual(settings.server.port, 2)

    def test_a_profile_without_a_file_gives_a_notice(self) -> None:
        self._write("application.yml", "")
        self.assertIn("the profile prod has no file", str(self._load("prod").notices[0]))

    def test_the_base_file_can_name_the_profiles_of_its_directory(self) -> None:
        self._write("application.yml", "spring: {profiles: {active: prod}}")
        self._write("application-prod.yml", "server.port: 2")
        self.assertEqual(self._load().settings.server.port, 2)

    def test_a_directory_without_files(self) -> None:
        self._write("readme.txt", "")
        self.assertIn("has no configuration file", self._faults(self.directory))

    def test_a_missing_file(self) -> None:
        told = self._faults(self.directory / "none.yml")
        self.assertIn("none.yml: the file cannot be read: No such file", told)

    def test_a_name_that_is_none(self) -> None:
        self.assertIn("cannot be read", self._faults(Path("a\0b")))

    def test_an_empty_file_is_a_configuration(self) -> None:
        self._write("application.yml", "")
        self.assertEqual(self._load().settings, load([]).settings)
