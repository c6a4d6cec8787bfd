"""Tests of the side of a running gateway."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command.failures import Refused, Unreachable
from jairouter.command.gateway import RunningGateway
from jairouter.command.http import Http
from jairouter.command.side import Offered, Side, Terms
from tests.command.running import FakeGateway, refusal

DONE = {"version": 8, "changed": True, "notices": []}


class RunningGatewayTests(SynchronousTestCase):
    """`RunningGateway`."""

    def setUp(self) -> None:
        self.fake = FakeGateway(self)
        self.side: Side = RunningGateway(Http("http://gw", 3))

    def answer(self, question: str, answer: Any) -> None:
        self.fake.answers[question] = answer

    def test_questions_go_where_they_are_answered(self) -> None:
        self.answer("GET /api/config/version/info", [{"version": 1}])
        self.answer("GET /api/config/version/current", 7)
        self.answer("GET /api/config/version/3", {"server": {}})
        self.answer("GET /api/config/version/compare/3/4", {"differences": []})
        self.answer("POST /api/config/reload", DONE)
        self.answer("POST /api/config/plan", {"base": 7})
        self.assertEqual(self.side.history(), [{"version": 1}])
        self.assertEqual(self.side.current(), 7)
        self.assertEqual(self.side.tree(3, "tree"), {"server": {}})
        self.assertEqual(self.side.compare(3, 4), {"differences": []})
        self.assertEqual(self.side.reload(), DONE)
        self.assertEqual(self.side.plan(None), {"base": 7})

    def test_a_file_goes_as_it_is(self) -> None:
        """Lines in faults are those of the file, since nothing was read and written again."""
        self.answer("POST /api/config/apply", DONE)
        terms = Terms("why & what", 7, 60.0, 0.05)
        self.assertEqual(self.side.apply(Offered("a.yml", b"a: 1 # x"), terms), DONE)
        asked = self.fake.asked[0]
        self.assertEqual((asked.body, asked.content_type), (b"a: 1 # x", "application/yaml"))
        query = {
            "mode": "merge",
            "description": "why & what",
            "version": "7",
            "undoWithin": "60s",
            "undoMargin": "0.05",
        }
        self.assertEqual(asked.query, query)

    def test_json_goes_as_json(self) -> None:
        self.answer("POST /api/config/apply", DONE)
        self.side.apply(Offered("a.json", b"{}", replace=True), Terms())
        self.assertEqual(self.fake.asked[0].content_type, "application/json")
        self.assertEqual(self.fake.asked[0].query, {"mode": "replace"})

    def test_times_are_written_as_the_management_api_reads_them(self) -> None:
        self.answer("POST /api/config/version/rollback/3", DONE)
        for within, written in (
            (0.5, "0.5s"),
            (100_000.0, "100000s"),
            (999_999.0, "999999s"),
            (0.001, "0.001s"),
        ):
            self.side.rollback(3, Terms(undo_within=within))
            self.assertEqual(self.fake.asked[-1].query, {"undoWithin": written})

    def test_faults_of_a_refusal_name_the_file(self) -> None:
        fault = {"origin": "the request", "path": "a", "message": "no"}
        self.answer(
            "POST /api/config/apply",
            refusal(400, "X", "bad", fault, {"origin": "the body:3", "message": "x"}),
        )
        refused = self.assertRaises(Refused, self.side.apply, Offered("a.yml", b""), Terms())
        self.assertEqual(refused.faults, ("a.yml: a: no", "a.yml:3: x"))

    def test_faults_of_a_plan_name_the_file(self) -> None:
        faults = [
            {"origin": "the request:2", "message": "no"},
            {"message": "x"},
            {"origin": "b.yml:1", "message": "y"},
        ]
        self.answer("POST /api/config/plan", {"faults": faults})
        shown = self.side.plan(Offered("a.yml", b""))["faults"]
        self.assertEqual([each.get("origin") for each in shown], ["a.yml:2", None, "b.yml:1"])

    def test_an_answer_of_another_release(self) -> None:
        self.answer("GET /api/config/version/info", {"x": 1})
        self.answer("GET /api/config/version/current", "x")
        self.answer("GET /api/config/version/3", [])
        for question in (self.side.history, self.side.current, lambda: self.side.tree(3, "tree")):
            error = self.assertRaises(Unreachable, question)
            self.assertIn("is it of the same release?", error.message)
