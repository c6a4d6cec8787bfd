"""Tests for `jairouter.command.auditing`."""

from __future__ import annotations

from pathlib import Path

from jairouter.auditing import Event
from jairouter.telemetry.audit.chain import Chain
from jairouter.telemetry.audit.files import Files
from jairouter.telemetry.audit.line import Entry, Form
from jairouter.telemetry.audit.place import Place
from jairouter.telemetry.audit.writer import Rules, Writer
from tests.command.running import CommandTestCase

KEY = "a-chain-key-of-some-length"


class AuditTests(CommandTestCase):
    """The log is checked by its configuration, or by the names of files."""

    key: str | None = None

    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "logs" / "audit.log"
        key = "security.audit.chain-key: ${KEY}\n" if self.key else ""
        text = f"logging.audit: {{enabled: true, file: {self.path}}}\n{key}"
        self.config = self.write("application.yml", text)
        self.environ = {"KEY": KEY}
        place = Place(Files(self.path), Form(), Chain(KEY.encode() if self.key else None))
        writer = Writer(place, Rules(max_size=900), self.entry, lambda: self.clock.now)
        writer.open()
        writer.write([self.entry(Event("GATEWAY_STARTED")) for _ in range(5)])
        writer.sync()
        writer.close()
        place.files.compress()
        self.files: list[Path] = [*(each.path for each in place.files.old()), self.path]

    def entry(self, event: Event) -> Entry:
        return Entry(self.clock.now, "id", event)

    def tamper(self) -> None:
        self.path.write_bytes(self.path.read_bytes().replace(b"STARTED", b"STOPPED", 1))

    def test_the_configured_log(self) -> None:
        ran = self.run_command("audit", "verify", "--config", self.config, environ=self.environ)
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertEqual(ran.out, f"5 lines in {len(self.files)} files are intact, number 1 to 5\n")

    def test_a_line_that_was_changed(self) -> None:
        self.tamper()
        ran = self.run_command("audit", "verify", "--config", self.config, environ=self.environ)
        self.assertEqual((ran.status, ran.out), (1, ""))
        self.assertIn(f"{self.path}, line 1: is not as it was written", ran.err)

    def test_for_scripts(self) -> None:
        self.tamper()
        ran = self.run_command("audit", "verify", "--config", self.config, "--json", environ=self.environ)
        self.assertEqual((ran.status, ran.json["intact"]), (1, False))

    def test_files_by_their_names(self) -> None:
        key = ("--key-variable", "KEY") if self.key else ()
        ran = self.run_command("audit", "verify", *key, *self.files, environ=self.environ)
        self.assertEqual((ran.status, ran.err), (0, ""))
        ran = self.run_command("audit", "verify", *key, self.files[-1], environ=self.environ)
        self.assertEqual(ran.status, 0)
        self.assertIn("they begin with line number", ran.err)

    def test_no_log(self) -> None:
        config = self.write("other.yml", f"logging.audit.file: {self.folder}/none.log")
        ran = self.run_command("audit", "verify", "--config", config)
        self.assertEqual(ran.status, 1)
        self.assertIn("by the configuration nothing is recorded", ran.err)

    def test_no_configuration(self) -> None:
        self.assertEqual(self.run_command("audit", "verify").status, 2)

    def test_a_variable_that_is_not_set(self) -> None:
        ran = self.run_command("audit", "verify", "--key-variable", "NONE", self.path)
        self.assertEqual(ran.status, 2)
        self.assertIn("NONE is not set", ran.err)

    def test_a_configuration_with_faults(self) -> None:
        config = self.write("bad.yml", "server.port: x")
        self.assertEqual(self.run_command("audit", "verify", "--config", config).status, 1)


class KeyedAuditTests(AuditTests):
    """The same with a key."""

    key = KEY

    def test_the_key_is_needed(self) -> None:
        ran = self.run_command("audit", "verify", *self.files)
        self.assertEqual(ran.status, 1)
        self.assertNotIn(KEY, ran.err)
