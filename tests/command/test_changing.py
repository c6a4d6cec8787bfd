"""Tests of `jairouter plan`, `apply`, `rollback` and `reload`."""

from __future__ import annotations

from functools import partial
from typing import Any

from jairouter.command.watching import GRACE
from tests.command.running import NOW, CommandTestCase, FakeGateway, Ran, refusal

DONE = {"version": 8, "changed": True, "notices": ["server.port waits for the next start"]}
PLAN = {
    "base": 7,
    "differences": [
        {
            "kind": "changed",
            "path": "model.services.chat.instances[m@http://a].weight",
            "text": "chat: the weight of m goes from 1 to 3",
        }
    ],
    "faults": [],
    "notices": ["a notice"],
    "rerouted": [{"service": "chat", "model": "m", "requests": 9, "elsewhere": 4, "refused": 1}],
}
SHOWN = (
    "~ chat: the weight of m goes from 1 to 3\n"
    "chat m: of 9 recorded requests 4 would have gone elsewhere and 1 would have found no instance\n"
)
FAULTY = {"base": 7, "faults": [{"origin": "the request:1", "path": "a", "message": "no"}]}


def _said(answer: str, _question: str) -> str:
    return answer


class ChangingTestCase(CommandTestCase):
    """A gateway that takes everything."""

    def setUp(self) -> None:
        super().setUp()
        self.fake = FakeGateway(self)
        self.fake.answers["POST /api/config/plan"] = PLAN
        self.fake.answers["POST /api/config/apply"] = DONE
        self.file = self.write("new.yml", "a: 1\n")

    def paths(self) -> list[str]:
        return [each.path.removeprefix("/api/config/") for each in self.fake.asked]


class PlanTests(ChangingTestCase):
    """`jairouter plan`."""

    def test_what_would_be_different(self) -> None:
        ran = self.run_command("plan", self.file)
        self.assertEqual((ran.status, ran.out, ran.err), (0, SHOWN, "a notice\n"))
        self.assertEqual(self.fake.asked[0].body, b"a: 1\n")

    def shown(self, path: str = "model.services.chat", **of_requests: Any) -> str:
        rerouted = {"service": "chat", "model": "m", "requests": 9, "elsewhere": 0, "refused": 0}
        differences = [{"kind": "changed", "path": path, "text": "something"}]
        plan = {**PLAN, "differences": differences, "rerouted": [{**rerouted, **of_requests}]}
        self.fake.answers["POST /api/config/plan"] = plan
        return self.run_command("plan", self.file).out.removeprefix("~ something\n")

    def test_shares_that_change(self) -> None:
        shares = {
            "m-1": {"before": 0.64, "after": 0.1667},
            "m-2": {"before": 0.36, "after": 0.3583},
            "m-3": {"before": 0.0, "after": 0.475},
        }
        told = "chat m: of 9 recorded requests 0 would have gone elsewhere; shares: "
        told += "m-1 17% in place of 64%, m-3 48% in place of 0%\n"
        self.assertEqual(self.shown(shares=shares), told)

    def test_nobody_left(self) -> None:
        told = "chat m: of 9 recorded requests 9 would have found no instance\n"
        self.assertEqual(self.shown(refused=9), told)

    def test_a_change_that_has_nothing_to_do_with_where_requests_go(self) -> None:
        """Whatever has become of recorded requests since, it is none of this change's doing."""
        self.assertEqual(self.shown("model.services.chat.rate-limit.rate", elsewhere=4), "")

    def test_an_empty_file(self) -> None:
        self.write("new.yml", "\n")
        for command in ("plan", "apply"):
            ran = self.run_command(command, self.file)
            self.assertEqual((ran.status, ran.err), (1, f"jairouter: {self.file}: there is nothing in it\n"))
        self.assertEqual(
            self.run_command("apply", "-").err, "jairouter: standard input: there is nothing in it\n"
        )
        self.assertEqual(self.paths(), [])

    def test_faults_end_with_1(self) -> None:
        self.fake.answers["POST /api/config/plan"] = FAULTY
        ran = self.run_command("plan", self.file)
        told = f"{self.file}:1: a: no\njairouter: this would be refused\n"
        self.assertEqual((ran.status, ran.out, ran.err), (1, "", told))

    def test_faults_for_scripts(self) -> None:
        self.fake.answers["POST /api/config/plan"] = FAULTY
        ran = self.run_command("plan", self.file, "--json")
        self.assertEqual((ran.status, ran.json["faults"][0]["message"]), (1, "no"))

    def test_without_a_file_it_is_about_a_reload(self) -> None:
        self.run_command("plan")
        self.assertEqual((self.fake.asked[0].body, dict(self.fake.asked[0].query)), (b"", {}))
        self.assertEqual(self.run_command("plan", "--replace").status, 2)


class ApplyTests(ChangingTestCase):
    """`jairouter apply`."""

    def test_on_a_pipe_it_is_shown_and_done(self) -> None:
        ran = self.run_command("apply", self.file, "-m", "why")
        self.assertEqual((ran.status, ran.out), (0, f"{SHOWN}version 8 is in force\n"))
        self.assertEqual(ran.err, "a notice\nserver.port waits for the next start\n")
        self.assertEqual(self.paths(), ["plan", "apply"])
        self.assertEqual(self.fake.asked[1].query, {"mode": "merge", "description": "why"})

    def test_a_person_is_asked_and_what_was_shown_is_what_is_done(self) -> None:
        """Somebody else may have changed something while the person was reading."""
        asked: list[str] = []

        def yes(question: str) -> str:
            asked.append(question)
            return "y\n"

        self.run_command("apply", self.file, asked=yes)
        self.assertEqual(asked, ["Apply this? [y/N] "])
        self.assertEqual(self.fake.asked[1].query, {"mode": "merge", "version": "7"})

    def test_a_person_is_not_asked_about_nothing(self) -> None:
        self.fake.answers["POST /api/config/plan"] = {**PLAN, "differences": []}
        ran = self.run_command("apply", self.file, asked=self.fail)
        self.assertEqual((ran.status, self.paths()), (0, ["plan", "apply"]))

    def test_a_person_may_say_no(self) -> None:
        for answer in ("\n", "n\n", "", "yeah\n"):
            ran = self.run_command("apply", self.file, asked=partial(_said, answer))
            self.assertEqual((ran.status, ran.err), (1, "a notice\njairouter: nothing was changed\n"))
        self.assertNotIn("apply", self.paths())

    def test_yes_is_not_asked_again(self) -> None:
        ran = self.run_command("apply", self.file, "--yes", asked=self.fail)
        self.assertEqual((ran.status, self.paths()), (0, ["apply"]))

    def test_what_comes_from_standard_input_leaves_nobody_to_ask(self) -> None:
        ran = self.run_command("apply", "-", stdin=b"b: 2", asked=self.fail)
        self.assertEqual((ran.status, self.fake.asked[1].body), (0, b"b: 2"))

    def test_for_scripts_there_is_one_json_value(self) -> None:
        self.assertEqual(self.run_command("apply", self.file, "--json").json, DONE)

    def test_what_would_be_refused_is_not_tried(self) -> None:
        self.fake.answers["POST /api/config/plan"] = FAULTY
        ran = self.run_command("apply", self.file)
        self.assertEqual((ran.status, self.paths()), (1, ["plan"]))

    def test_a_dry_run_changes_nothing(self) -> None:
        ran = self.run_command("apply", self.file, "--dry-run", "--yes")
        self.assertEqual((ran.status, self.paths()), (0, ["plan"]))

    def test_somebody_else_was_faster(self) -> None:
        told = refusal(409, "VERSION_CONFLICT", "version 6 is not the current one")
        self.fake.answers["POST /api/config/apply"] = told
        ran = self.run_command("apply", self.file, "--yes", "--if-version", "6")
        self.assertEqual((ran.status, ran.err), (1, "jairouter: version 6 is not the current one\n"))
        self.assertEqual(self.fake.asked[0].query["version"], "6")

    def test_what_changes_nothing(self) -> None:
        self.fake.answers["POST /api/config/apply"] = {"version": 0, "changed": False, "notices": []}
        ran = self.run_command("apply", self.file, "--yes")
        self.assertEqual(
            ran.out, "nothing is different: the configuration of the files alone stays in force\n"
        )

    def test_options_that_mean_nothing(self) -> None:
        for options in (("--wait",), ("--undo-margin", "5%")):
            self.assertEqual(self.run_command("apply", self.file, *options).status, 2)
        self.assertEqual(self.paths(), [])

    def test_a_file_that_is_too_large(self) -> None:
        self.file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
        ran = self.run_command("apply", self.file)
        self.assertEqual((ran.status, self.paths()), (1, []))
        self.assertIn("the file is larger than", ran.err)


class WaitTests(ChangingTestCase):
    """`jairouter apply --undo-within --wait`."""

    def wait(self, *histories: Any) -> Ran:
        left = list(histories)
        self.fake.answers["GET /api/config/version/info"] = lambda: left.pop(0) if len(left) > 1 else left[0]
        return self.run_command(
            "apply", self.file, "-y", "--undo-within", "60s", "--undo-margin", "5%", "--wait"
        )

    def test_it_stays(self) -> None:
        ran = self.wait([{"version": 8}])
        self.assertEqual((ran.status, ran.out), (0, "version 8 is in force\n"))
        self.assertIn("jairouter: version 8 stays\n", ran.err)
        self.assertEqual(self.clock.now, NOW + 60 + GRACE)
        self.assertEqual(self.fake.asked[0].query["undoWithin"], "60s")
        self.assertEqual(self.fake.asked[0].query["undoMargin"], "0.05")

    def test_it_is_taken_back(self) -> None:
        undone = {"version": 9, "createdBy": "the gateway", "changeType": "undo", "description": "9 % failed"}
        ran = self.wait([{"version": 8}], [{"version": 8}, undone])
        self.assertEqual(ran.status, 1)
        told = "version 8 is not in force any more: version 9, by the gateway: 9 % failed"
        self.assertTrue(ran.err.endswith(f"jairouter: {told}\n"), ran.err)
        self.assertLess(self.clock.now, NOW + 10)

    def test_a_gateway_that_restarts_comes_back(self) -> None:
        ran = self.wait(ConnectionRefusedError(), ConnectionRefusedError(), [{"version": 8}])
        self.assertEqual(ran.status, 0)

    def test_a_gateway_that_is_gone(self) -> None:
        self.assertEqual(self.wait(ConnectionRefusedError()).status, 3)

    def test_what_changed_nothing_is_not_waited_for(self) -> None:
        self.fake.answers["POST /api/config/apply"] = {"version": 7, "changed": False}
        self.assertEqual(self.wait([]).status, 0)
        self.assertEqual(self.clock.now, NOW)


class BackAndAgainTests(ChangingTestCase):
    """`jairouter rollback` and `reload`."""

    def test_rollback(self) -> None:
        self.fake.answers["POST /api/config/version/rollback/0"] = DONE
        ran = self.run_command("rollback", "files", "--if-version", "7", "-m", "oops")
        self.assertEqual((ran.status, ran.out), (0, "version 8 is in force\n"))
        self.assertEqual(self.fake.asked[0].query, {"version": "7", "description": "oops"})

    def test_reload(self) -> None:
        self.fake.answers["POST /api/config/reload"] = DONE
        self.assertEqual(self.run_command("reload", "--json").json, DONE)

    def test_a_reload_that_is_refused(self) -> None:
        fault = {"origin": "a.yml:3", "path": "b", "message": "no"}
        told = refusal(400, "INVALID_CONFIGURATION", "the files have faults", fault)
        self.fake.answers["POST /api/config/reload"] = told
        ran = self.run_command("reload")
        self.assertEqual((ran.status, ran.out), (1, ""))
        self.assertEqual(ran.err, "jairouter: the files have faults\na.yml:3: b: no\n")
