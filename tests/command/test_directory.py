"""Tests of the side of a directory: real files, and no gateway."""

from __future__ import annotations

import json

from jairouter.store.lock import locked
from tests.command.running import CommandTestCase, Ran

FILES = """\
server: {address: 127.0.0.1, port: 81}
model.services.chat.instances:
  - {name: m, base-url: "http://a:1", headers: {Authorization: "Bearer ${KEY}"}}
  - {name: n, base-url: "http://b:1"}
store: {path: %s, max-versions: 3, lock-timeout: 0s}
"""
KEY = {"KEY": "sk-planted"}


class DirectoryTests(CommandTestCase):
    """`Directory`, by its commands."""

    def setUp(self) -> None:
        super().setUp()
        self.store = self.folder / "store"
        self.files = self.write("application.yml", FILES % self.store)

    def offline(self, *arguments: str, stdin: str = "", **more: object) -> Ran:
        ran = self.run_command(
            *arguments, "--offline", "--config", self.files, stdin=stdin.encode(), environ=KEY
        )
        self.assertNotIn("Traceback", ran.err)
        return ran

    def weight(self, weight: int) -> Ran:
        patch = {"model": {"services": {"chat": {"instances": {"m@http://a:1": {"weight": weight}}}}}}
        return self.offline("apply", "-", stdin=json.dumps(patch))

    def test_nothing_is_stored_yet(self) -> None:
        self.assertEqual(self.offline("versions", "--json").json, [])
        self.assertEqual(self.offline("show", "--json").json["server"]["port"], 81)
        self.assertFalse(self.store.exists(), "looking makes no directory")

    def test_a_change_leaves_the_rest_to_the_files(self) -> None:
        ran = self.weight(3)
        self.assertEqual((ran.status, ran.err), (0, ""))
        shown = self.offline("show", "--json").json["model"]["services"]["chat"]["instances"]
        self.assertEqual([each["name"] for each in shown], ["m", "n"])
        self.assertEqual(shown[0]["weight"], 3)
        self.assertEqual(shown[0]["headers"], {"Authorization": "Bearer ${KEY}"})
        self.assertIn("the weight of m@http://a:1 goes from 1 to 3", self.offline("diff", "files").out)

    def test_notices_are_those_of_the_change(self) -> None:
        """What the files have to say was said at the start, and would hide the one line that matters."""
        self.write("application.yml", FILES % self.store + "tracing.enabled: true\n")
        self.assertEqual(self.weight(3).err, "")
        ran = self.offline("apply", "-", stdin="persistence.enabled: true")
        self.assertEqual((ran.status, ran.err.count("no effect yet")), (0, 2), ran.err)  # (planned, and made)
        self.assertNotIn("tracing", ran.err)
        self.assertEqual(self.offline("rollback", "1").err, "")

    def test_no_secret_is_stored(self) -> None:
        self.weight(3)
        for file in self.store.iterdir():
            self.assertNotIn(b"sk-planted", file.read_bytes())

    def test_the_history_says_who_and_why(self) -> None:
        self.weight(3)
        self.offline("apply", "-", "-m", "for fun", stdin="server.port: 82")
        first, second = self.offline("versions", "--json").json[::-1]
        self.assertRegex(first["createdBy"], r"^command line \(.+\)$")
        self.assertEqual((first["description"], first["current"]), ("changed by <stdin>", False))
        self.assertEqual((second["description"], second["current"], second["parent"]), ("for fun", True, 1))
        self.assertEqual(second["createdAt"], "2025-06-15T15:06:40.000Z")

    def test_what_changes_nothing_makes_no_version(self) -> None:
        self.weight(3)
        self.assertIn("nothing is different: version 1", self.weight(3).out)
        self.assertEqual(len(self.offline("versions", "--json").json), 1)

    def test_faults_are_those_that_the_gateway_would_find(self) -> None:
        ran = self.offline("apply", "-", "-y", stdin="server.port: x\nwebclient.read-timeout: soon")
        self.assertEqual(ran.status, 1)
        self.assertIn("<stdin>: server.port: expected", ran.err)
        self.assertIn("<stdin>: webclient.read-timeout: expected", ran.err)
        self.assertFalse(self.store.exists())

    def test_a_plan_has_the_faults_too(self) -> None:
        ran = self.offline("plan", "-", stdin="server.prot: 1")
        self.assertEqual((ran.status, ran.out), (1, ""))
        self.assertIn("server.prot: unknown key; did you mean port?", ran.err)

    def test_what_is_no_yaml(self) -> None:
        ran = self.offline("plan", "-", stdin="a: [1")
        self.assertEqual(ran.status, 1)
        self.assertIn("<stdin>:", ran.err)

    def test_replace_stands_in_place_of_all_changes(self) -> None:
        self.weight(3)
        self.offline("apply", "-", "--replace", stdin="server.port: 82")
        self.assertEqual(
            self.offline("diff", "files", "--json").json["differences"][0]["path"], "server.port"
        )
        self.assertEqual(len(self.offline("diff", "files", "--json").json["differences"]), 1)

    def test_rollback_makes_a_new_version(self) -> None:
        self.weight(3)
        self.weight(5)
        self.assertIn("version 3 is in force", self.offline("rollback", "1").out)
        self.assertEqual(self.offline("diff", "1", "3").out, "no difference\n")
        self.assertIn("nothing is different", self.offline("rollback", "3").out)
        self.assertEqual(self.offline("rollback", "9").err, "jairouter: there is no version 9\n")

    def test_as_many_are_kept_as_the_gateway_keeps(self) -> None:
        for weight in range(2, 7):
            self.weight(weight)
        self.assertEqual([each["version"] for each in self.offline("versions", "--json").json], [5, 4, 3])

    def test_another_version_than_the_editor_has_seen(self) -> None:
        self.weight(3)
        for command in (("rollback", "files"), ("apply", str(self.write("n.yml", "server.port: 82")), "-y")):
            ran = self.offline(*command, "--if-version", "7")
            told = "jairouter: version 1 is in force, not version 7\n"
            self.assertEqual((ran.status, ran.err), (1, told))

    def test_a_damaged_version_is_shown_and_gone_back_from(self) -> None:
        self.weight(3)
        self.weight(5)
        (self.store / "model-router-config@2.json").write_text("{")
        self.assertIn("DAMAGED", self.offline("versions").out)
        self.assertIn("jairouter rollback 1", self.offline("show", "2").err)
        self.assertEqual(
            self.offline("diff", "1").out, "no difference\n", "the newest intact one is in force"
        )
        self.assertIn("version 3 is in force", self.offline("rollback", "1").out)

    def test_changes_are_shown(self) -> None:
        self.weight(3)
        patch = {"model": {"services": {"chat": {"instances": {"m@http://a:1": {"weight": 3}}}}}}
        self.assertEqual(self.offline("show", "--changes", "--json").json, patch)

    def test_somebody_else_is_writing(self) -> None:
        self.weight(3)
        with locked(self.store / ".lock", 0, self.clock.sleep):
            ran = self.weight(5)
        self.assertEqual(ran.status, 1)
        self.assertIn("another process has been writing to it", ran.err)

    def test_what_needs_a_running_gateway(self) -> None:
        self.assertEqual(self.offline("plan").status, 2)
        ran = self.offline("apply", "-", "-y", "--undo-within", "60s", stdin="server.port: 82")
        self.assertEqual(ran.status, 2)
        self.assertIn("needs a running gateway", ran.err)
