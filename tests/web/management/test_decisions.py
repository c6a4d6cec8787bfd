"""Tests for `jairouter.web.management.decisions`."""

from __future__ import annotations

import json
from typing import Any

from jairouter.errors import NoHealthyUpstream
from jairouter.exchange import Attempt, Outcome, Phase
from jairouter.refusals import InvalidRequest
from jairouter.telemetry.decisions import DecisionLog
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.web.management import decisions
from tests.filters.inner import ROUTE, exchange, instance, request
from tests.web.management.live_rig import TODAY, LiveCase


class DecisionsTests(LiveCase):
    """What is told of recent requests."""

    endpoints = staticmethod(decisions.endpoints)

    def setUp(self) -> None:
        super().setUp()
        self.log = DecisionLog(100, 1.0, self.clock.seconds)
        self.serve(self.log)

    def served(self, model: str = "m", status: int = 200, route: str = "/chat/completions") -> None:
        """A request that needed two attempts, and took three seconds."""
        headers = ((b"Authorization", b"Bearer sk-1"),)
        made = exchange(request(ROUTE[route], headers=headers), model)
        made.started = self.clock.seconds()
        excluded = ((instance(label="three"), Exclusion(Reason.COOLING, 1.0)),)
        for label, outcome in (("one", Outcome.FAILED), ("two", Outcome.SUCCEEDED)):
            attempt = Attempt(instance(label=label), self.clock.seconds, excluded, 2)
            made.attempts.append(attempt)
            self.clock.advance(0.5)
            attempt.enter(Phase.SENDING)
            if outcome is Outcome.SUCCEEDED:
                attempt.enter(Phase.WAITING)
                self.clock.advance(0.5)
                attempt.enter(Phase.RECEIVING)
                attempt.status = 200
            self.clock.advance(1)
            attempt.outcome, attempt.ended = outcome, self.clock.seconds()
        self.log.record(made, status, 1, None)

    def test_one(self) -> None:
        self.served()
        self.clock.advance(60)
        shown = self.call("getDecisions")
        (told,) = shown["decisions"]
        self.assertTrue(shown["recorded"])
        self.assertEqual(told["time"], "2025-08-01T12:00:00.000Z")
        about = (told["requestId"], told["route"], told["service"], told["model"], told["status"])
        self.assertEqual(about, ("req_1", "/v1/chat/completions", "chat", "m", 200))
        self.assertEqual(
            (told["error"], told["fallback"], told["waited"], told["duration"]), (None, None, 0, 3.5)
        )

    def test_attempts(self) -> None:
        """How far each came, in seconds after the request."""
        self.served()
        failed, good = self.call("getDecisions")["decisions"][0]["attempts"]
        self.assertEqual((failed["instance"], failed["outcome"], failed["status"]), ("one", "failed", None))
        self.assertEqual(
            [failed[each] for each in ("began", "sent", "answered", "ended")], [0, None, None, 1.5]
        )
        self.assertEqual((good["instance"], good["outcome"], good["status"]), ("two", "succeeded", 200))
        self.assertEqual(
            [good[each] for each in ("began", "sent", "answered", "ended")], [1.5, 2.0, 2.5, 3.5]
        )
        why = {"instance": "three", "reason": "cooling", "text": "cooling down"}
        self.assertEqual((good["candidates"], good["excluded"], good["hedge"]), (2, [why], False))

    def test_no_secrets(self) -> None:
        self.served()
        shown = json.dumps(self.call("getDecisions"))
        for secret in ("sk-1", "Bearer", "192.0.2.1", "10.0.0.1"):
            self.assertNotIn(secret, shown)

    def test_nobody_found(self) -> None:
        made = exchange(request(), "m")
        made.excluded = ((instance(label="one"), Exclusion(Reason.DOWN)),)
        self.log.record(made, 503, 0, NoHealthyUpstream("x"))
        (told,) = self.call("getDecisions")["decisions"]
        self.assertEqual((told["attempts"], told["excluded"][0]["reason"]), ([], "down"))
        self.assertEqual((told["status"], bool(told["error"])), (503, True))

    def test_filters(self) -> None:
        self.served("a")
        self.served("b", 503)
        self.served("c", 504, "/embeddings")

        def found(**asked: Any) -> list[str]:
            shown = self.successResultOf(self.begin("getDecisions", **asked)).data
            return [each["model"] for each in shown["decisions"]]

        self.assertEqual(found(), ["c", "b", "a"])
        self.assertEqual(found(limit=1), ["c"])
        self.assertEqual(found(model="a"), ["a"])
        self.assertEqual(found(status="503"), ["b"])
        self.assertEqual(found(status="5xx"), ["c", "b"])
        self.assertEqual(found(service="embeddings"), ["c"])
        self.assertEqual(found(since=TODAY + 3.5), ["c", "b"])
        self.assertEqual(found(service="chat", status="5xx", limit=1), ["b"])
        failure = self.failureResultOf(self.begin("getDecisions", service="chess"))
        failure.trap(InvalidRequest)

    def test_alias(self) -> None:
        self.served()
        self.assertEqual(self.call("monitorRouting"), self.call("getDecisions"))


class NothingRecordedTests(LiveCase):
    """Where that is switched off."""

    endpoints = staticmethod(decisions.endpoints)

    def test_says_so(self) -> None:
        reply = self.successResultOf(self.begin("getDecisions"))
        self.assertEqual(reply.data, {"recorded": False, "decisions": []})
        self.assertIn("routing-monitor", reply.message)
