"""Tests of `jairouter versions`, `show` and `diff`."""

from __future__ import annotations

from tests.command.running import CommandTestCase, FakeGateway

FIRST = {
    "version": 1,
    "createdAt": "2025-06-15T10:00:00.000Z",
    "createdBy": "alice",
    "changeType": "add-instance",
    "description": "a \x1b[31mnew one",
    "current": False,
}
SECOND = {**FIRST, "version": 2, "createdBy": "bob", "description": "", "damage": "its checksum is wrong"}
THIRD = {**FIRST, "version": 13, "current": True, "description": "more"}


class VersionsTests(CommandTestCase):
    """`jairouter versions`."""

    def setUp(self) -> None:
        super().setUp()
        self.fake = FakeGateway(self)
        self.fake.answers["GET /api/config/version/info"] = [FIRST, SECOND, THIRD]

    def test_the_newest_is_first_and_the_one_in_force_is_marked(self) -> None:
        ran = self.run_command("versions")
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertEqual(
            ran.out,
            "   VERSION  CREATED                   BY     TYPE          DESCRIPTION\n"
            "*  13       2025-06-15T10:00:00.000Z  alice  add-instance  more\n"
            "   2        2025-06-15T10:00:00.000Z  bob    add-instance  DAMAGED: its checksum is wrong\n"
            "   1        2025-06-15T10:00:00.000Z  alice  add-instance  a ?[31mnew one\n",
        )

    def test_some_of_them(self) -> None:
        ran = self.run_command("versions", "--limit", "1", "--json")
        self.assertEqual(ran.json, [THIRD])

    def test_none(self) -> None:
        self.fake.answers["GET /api/config/version/info"] = []
        self.assertEqual(
            self.run_command("versions").out, "no version is stored: the files alone are in force\n"
        )
        self.assertEqual(self.run_command("versions", "--json").json, [])


class ShowTests(CommandTestCase):
    """`jairouter show`."""

    def setUp(self) -> None:
        super().setUp()
        self.fake = FakeGateway(self)
        self.fake.answers["GET /api/config/version/current"] = 7
        self.fake.answers["GET /api/config/version/7"] = {"server": {"port": 81}}
        self.fake.answers["GET /api/config/version/0"] = {"server": {"port": 80}}

    def test_what_is_in_force(self) -> None:
        self.assertEqual(self.run_command("show").out, "server:\n  port: 81\n")

    def test_what_it_changes(self) -> None:
        self.run_command("show", "--changes")
        self.assertEqual([each.query for each in self.fake.asked], [{}, {"what": "changes"}])

    def test_the_files(self) -> None:
        self.assertEqual(self.run_command("show", "files", "--json").json, {"server": {"port": 80}})


class DiffTests(CommandTestCase):
    """`jairouter diff`."""

    def setUp(self) -> None:
        super().setUp()
        self.fake = FakeGateway(self)
        self.fake.answers["GET /api/config/version/current"] = 7

    def test_each_difference_is_a_line(self) -> None:
        kinds = ("added", "removed", "changed")
        found = [{"kind": kind, "text": f"it was {kind}"} for kind in kinds]
        self.fake.answers["GET /api/config/version/compare/3/7"] = {"differences": found}
        ran = self.run_command("diff", "3")
        self.assertEqual(ran.out, "+ it was added\n- it was removed\n~ it was changed\n")

    def test_no_difference(self) -> None:
        self.fake.answers["GET /api/config/version/compare/0/4"] = {"differences": []}
        self.assertEqual(self.run_command("diff", "files", "4").out, "no difference\n")
        self.assertEqual(self.run_command("diff", "files", "4", "--json").json, {"differences": []})
