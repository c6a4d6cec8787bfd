"""Tests for `jairouter.web.management.planning`."""

from __future__ import annotations

from collections.abc import Iterable

from jairouter.config.faults import Fault, Notice, Origin
from jairouter.control import Plan, Rerouted, UndoRule
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from jairouter.web.management.planning import endpoints
from tests.web.management.versioned import AskingVersions

KEY = "gpt-4@https://api.openai.com/v1/chat/completions"
HEAVIER = {"model": {"services": {"chat": {"instances": {KEY: {"weight": 9}}}}}}


class Planning(AskingVersions):
    """Asks the endpoints for plans."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return endpoints(parts)


class PlanTests(Planning):
    """What a change would do."""

    def test_nothing_is_changed(self) -> None:
        reply = self.ask("planConfiguration", body=HEAVIER)
        text = f"chat: the weight of {KEY} goes from 2 to 9"
        self.assertEqual((reply.version, reply.data["base"], reply.data["applicable"]), (0, 0, True))
        self.assertEqual([each["text"] for each in reply.data["differences"]], [text])
        self.assertEqual(reply.data["text"], [text])
        self.assertEqual((self.configuration.version, self.first_weight()), (0, 2))

    def test_in_place_of_what_there_is(self) -> None:
        self.change({"model": {"services": {"chat": {"instances": {KEY: {"priority": 1}}}}}})
        merged, replacing = (
            [
                each["path"].rpartition(".")[2]
                for each in self.ask("planConfiguration", body=HEAVIER, mode=mode).data["differences"]
            ]
            for mode in ("merge", "replace")
        )
        self.assertEqual((merged, sorted(replacing)), (["weight"], ["priority", "weight"]))

    def test_a_version(self) -> None:
        self.weigh(5)
        self.weigh(6)
        for number, weight in ((1, 5), (0, 2)):
            (found,) = self.ask("planConfiguration", apply=number).data["differences"]
            self.assertEqual((found["before"], found["after"]), (6, weight))
        self.assertEqual(self.refusal("planConfiguration", apply=9).code, "VERSION_NOT_FOUND")

    def test_a_version_and_a_body(self) -> None:
        self.assertEqual(self.refusal("planConfiguration", body=HEAVIER, apply=0).code, "INVALID_REQUEST")

    def test_what_a_reload_would_do(self) -> None:
        data = self.ask("planConfiguration").data
        self.assertEqual(self.configuration.planned, [(None, None)])
        self.assertEqual(data["text"], ["nothing would be different"])

    def test_faults(self) -> None:
        """They are the answer, and no error."""
        bad = {"model": {"services": {"chat": {"instances": {KEY: {"weight": "much"}}}}}}
        reply = self.ask("planConfiguration", body=bad)
        self.assertFalse(reply.data["applicable"])
        (fault,) = reply.data["faults"]
        self.assertIn("weight", fault["path"])
        self.assertEqual(reply.data["text"][0][:18], "would be refused: ")

    def test_all_that_there_is_to_say(self) -> None:
        self.configuration.answer = Plan(
            7,
            (),
            (Fault("an integer", Origin("a.yml", 3), "server.port"),),
            (Notice("server.port waits for the next start"),),
            (
                Rerouted("chat", "m", 10, 4, 1, {"m-1": (1.0, 0.25), "m-2": (0.0, 0.65)}),
                Rerouted("chat", "quiet", 3, 0, 0, {"q": (1.0, 1.0)}),
            ),
        )
        data = self.ask("planConfiguration", body=HEAVIER).data
        self.assertEqual(
            data["faults"], [{"path": "server.port", "message": "an integer", "origin": "a.yml:3"}]
        )
        self.assertEqual(data["rerouted"][0]["shares"]["m-1"], {"before": 1.0, "after": 0.25})
        self.assertEqual(
            data["text"],
            [
                "chat: of 10 recent requests for m, 4 would have gone elsewhere, and 1 would have found no "
                "instance",
                "server.port waits for the next start",
                "would be refused: a.yml:3: server.port: an integer",
            ],
        )


class ApplyTests(Planning):
    """Doing it."""

    def test_as_planned(self) -> None:
        reply = self.ask("applyConfiguration", body=HEAVIER, undoWithin="60s", description="more")
        self.assertEqual((reply.data["version"], self.first_weight()), (1, 9))
        told, undo = self.configuration.made[-1]
        self.assertEqual((told.change_type, told.description, undo), ("apply", "more", UndoRule(60.0)))

    def test_in_place_of_what_there_is(self) -> None:
        self.weigh(5)
        self.ask("applyConfiguration", body={"server": {"port": 9090}}, mode="replace")
        self.assertEqual(self.first_weight(), 2)

    def test_faults(self) -> None:
        refusal = self.refusal("applyConfiguration", body={"model": {"services": {"chat": {"instances": 3}}}})
        self.assertEqual(refusal.code, "INVALID_CONFIGURATION")
        self.assertTrue(refusal.faults)

    def test_an_editor_who_was_too_slow(self) -> None:
        self.weigh(5)
        self.assertEqual(self.refusal("applyConfiguration", body=HEAVIER, parent=0).code, "VERSION_CONFLICT")
