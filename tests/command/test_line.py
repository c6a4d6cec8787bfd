"""Tests of the command line as a whole, and of everything that can go wrong."""

from __future__ import annotations

from jairouter.command import viewing
from jairouter.command.failures import Misused, NoGateway, Refused
from jairouter.config.faults import ConfigurationFaults, Fault, Origin
from jairouter.refusals import VersionConflict
from tests.command.running import CommandTestCase, FakeGateway

COMMANDS = (
    "check-config",
    "versions",
    "show",
    "diff",
    "plan",
    "apply",
    "rollback",
    "reload",
    "backup",
    "restore",
)


class HelpTests(CommandTestCase):
    """What teaches."""

    def test_all_commands_are_listed(self) -> None:
        ran = self.run_command("--help")
        self.assertEqual(ran.status, 0)
        for name in COMMANDS:
            self.assertIn(f"    {name}", ran.out)

    def test_each_command_explains_itself_with_examples_and_statuses(self) -> None:
        for name in COMMANDS:
            ran = self.run_command(name, "--help")
            self.assertEqual((ran.status, ran.err), (0, ""))
            self.assertIn(f"    jairouter {name}", ran.out)
            self.assertIn("exit status:", ran.out)

    def test_what_makes_no_sense_is_said_and_ends_with_2(self) -> None:
        for arguments in (
            (),
            ("zzz",),
            ("rollback",),
            ("apply", "f", "--undo-margin", "7"),
            ("versions", "--limit", "x"),
        ):
            ran = self.run_command(*arguments)
            self.assertEqual((ran.status, ran.out), (2, ""))
            self.assertIn("error: ", ran.err)


class EndingTests(CommandTestCase):
    """Each way to fail has a status and a line, and none is a traceback."""

    def ended(self, error: BaseException) -> tuple[int, str]:
        self.fake = FakeGateway(self)
        self.fake.answers["GET /api/config/version/info"] = error
        ran = self.run_command("versions")
        self.assertEqual(ran.out, "")
        return ran.status, ran.err

    def test_refused(self) -> None:
        self.assertEqual(self.ended(Refused("no", ["f: 1", "g: 2"])), (1, "jairouter: no\nf: 1\ng: 2\n"))

    def test_a_refusal_that_repeats_its_fault_says_it_once(self) -> None:
        self.assertEqual(self.ended(Refused("no", ["f: no"])), (1, "jairouter: refused\nf: no\n"))

    def test_misused(self) -> None:
        self.assertEqual(self.ended(Misused("how?")), (2, "jairouter: how?\n"))

    def test_no_gateway(self) -> None:
        self.assertEqual(self.ended(NoGateway("where?")), (3, "jairouter: where?\n"))

    def test_refused_by_the_control_plane(self) -> None:
        self.assertEqual(self.ended(VersionConflict("late")), (1, "jairouter: late\n"))

    def test_faults(self) -> None:
        faults = ConfigurationFaults([Fault("no", Origin("a.yml", 3), "b")])
        self.assertEqual(self.ended(faults), (1, "jairouter: the configuration has faults\na.yml:3: b: no\n"))

    def test_ctrl_c(self) -> None:
        self.assertEqual(self.ended(KeyboardInterrupt()), (130, "jairouter: interrupted\n"))

    def test_a_file_that_is_not_there(self) -> None:
        FakeGateway(self)
        ran = self.run_command("apply", self.folder / "none.yml")
        self.assertEqual(ran.status, 1)
        self.assertEqual(ran.err, f"jairouter: {self.folder}/none.yml: No such file or directory\n")

    def test_nobody_reads_what_is_printed(self) -> None:
        def closed(*_: object) -> None:
            raise BrokenPipeError

        FakeGateway(self).answers["GET /api/config/version/info"] = []
        self.patch(viewing, "say", closed)
        ran = self.run_command("versions")
        self.assertEqual((ran.status, ran.err), (141, ""))
