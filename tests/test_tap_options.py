"""Tests for `jairouter.tap`: the command line."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from jairouter.reloading.reading import Checked
from jairouter.tap import Options


class OptionsTests(SynchronousTestCase):
    """The command line."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def parse(self, *arguments: str) -> Options:
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def port(self, *arguments: str) -> int:
        return self.loaded(*arguments).settings.server.port

    def loaded(self, *arguments: str) -> Checked:
        """What a command line leads to."""
        beginning = self.parse(*arguments).beginning
        assert beginning is not None
        assert isinstance(beginning.loaded, Checked)
        return beginning.loaded

    def test_file(self) -> None:
        path = self.write("a.yml", "server: {port: 1111}")
        self.assertEqual(self.port("--config", path), 1111)
        self.assertEqual(self.port("-c", path), 1111)

    def test_later_files_lie_over_earlier_ones(self) -> None:
        first, second = (
            self.write("a.yml", "server: {port: 1111}"),
            self.write("b.yml", "server: {port: 2222}"),
        )
        self.assertEqual(self.port("--config", first, "--config", second), 2222)
        self.assertEqual(self.port("--config", second, "--config", first), 1111)

    def test_profiles(self) -> None:
        """Given again, or with commas; the last one wins."""
        self.write("application.yml", "server: {port: 1}")
        self.write("application-one.yml", "server: {port: 1111}")
        self.write("application-two.yml", "server: {port: 2222}")
        folder = str(self.folder)
        self.assertEqual(self.port("--config", folder, "--profile", "one, two,"), 2222)
        self.assertEqual(self.port("--config", folder, "--profile", "two", "--profile", "one"), 1111)
        self.assertEqual(self.port("--config", folder), 1)

    def test_faults(self) -> None:
        """All of them at once, before anything starts."""
        path = self.write("a.yml", "server: {port: many, prot: 1}\nnonsense: 1\n")
        error = self.assertRaises(SystemExit, self.parse, "--config", path)
        for word in ("the configuration has faults", "server.port", "prot", "nonsense", "a.yml"):
            self.assertIn(word, str(error))

    def test_files_for_tls(self) -> None:
        """They are read before anything starts; what they hold is used as it was then."""
        path = self.write("a.yml", "webclient.ssl: {enabled: true, ca-file: /none.pem}")
        error = self.assertRaises(SystemExit, self.parse, "--config", path)
        self.assertIn("the configuration has faults", str(error))
        self.assertIn("webclient.ssl.ca-file: /none.pem cannot be read", str(error))

    def test_notices_about_tls(self) -> None:
        text = 'model.services.chat.instances: [{name: m, base-url: "https://h", tls: {trust-all: true}}]'
        loaded = self.loaded("--config", self.write("a.yml", text))
        [notice] = loaded.notices
        self.assertIn("is not checked", str(notice))
        self.assertEqual(list(loaded.tls.instances), [("chat", 0)])

    def test_missing_file(self) -> None:
        error = self.assertRaises(SystemExit, self.parse, "--config", str(self.folder / "none.yml"))
        self.assertIn("none.yml", str(error))

    def test_unknown_option(self) -> None:
        self.assertRaises(UsageError, self.parse, "--nonsense")

    def test_help(self) -> None:
        """It names both options."""
        text = str(Options())
        for word in ("--config", "--profile"):
            self.assertIn(word, text)
