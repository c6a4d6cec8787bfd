"""Tests for `jairouter.web.management.health`."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from jairouter.refusals import InstanceNotFound, NotPossible
from jairouter.upstream.failures import NoVerdict
from jairouter.web.management import health
from jairouter.web.management.endpoint import Reply
from tests.upstream.prober_rig import REFUSED
from tests.web.management.live_rig import LiveCase


class HealthTests(LiveCase):
    """What the checks say, and one that is made at once."""

    endpoints = staticmethod(health.endpoints)

    def now(self, service: str = "chat", which: str = "m@http://a") -> Deferred[Reply]:
        """Check at once."""
        return self.begin("checkInstanceHealth", {"serviceType": service, "instanceId": which})

    def test_not_yet(self) -> None:
        shown = self.call("getInstanceHealth", "chat", "m@http://a")
        self.assertEqual(
            (shown["status"], shown["health"]["checked"], shown["health"]["up"]), ("active", True, True)
        )
        self.assertIsNone(shown["health"]["at"])

    def test_not_checked(self) -> None:
        shown = self.call("getInstanceHealth", "embedding", "e@http://f")["health"]
        self.assertEqual((shown["checked"], shown["up"]), (False, None))

    def test_inactive(self) -> None:
        shown = self.call("getInstanceHealth", "chat", "off@http://e")
        self.assertEqual((shown["status"], shown["health"]), ("inactive", None))
        self.refused(NotPossible, "checkInstanceHealth", "chat", "off@http://e")

    def test_all(self) -> None:
        shown = {each["instanceId"]: each["status"] for each in self.call("listHealth")}
        self.assertEqual(len(shown), 6)
        self.assertEqual((shown["off@http://e"], shown["n@http://d"]), ("inactive", "draining"))

    def test_good(self) -> None:
        asked = self.now()
        self.assertNoResult(asked)
        self.clock.advance(0.5)
        self.asked.answer(None, "http://a")
        data = self.successResultOf(asked).data
        self.assertEqual((data["healthy"], data["reason"], data["counts"]), (True, None, True))
        self.assertEqual((data["duration"], data["health"]["at"]), (0.5, "2025-08-01T12:00:00.500Z"))
        self.assertEqual(self.call("getInstanceHealth", "chat", "m@http://a")["health"], data["health"])

    def test_bad(self) -> None:
        asked = self.now()
        self.asked.answer(REFUSED, "http://a")
        reply = self.successResultOf(asked)
        self.assertEqual((reply.data["healthy"], reply.data["reason"]), (False, "connection refused"))
        self.assertIn("connection refused", reply.message)
        self.assertTrue(reply.data["health"]["up"])  # one is not enough

    def test_where_checks_are_disabled(self) -> None:
        asked = self.now("embedding", "e@http://f")
        self.asked.answer(REFUSED, "http://f")
        data = self.successResultOf(asked).data
        self.assertEqual((data["healthy"], data["counts"], data["health"]["checked"]), (False, False, False))
        self.assertIsNone(self.live("http://f").exclusion(self.clock.seconds()))

    def test_too_late(self) -> None:
        """The reply comes within the timeout of the check."""
        asked = self.now()
        self.clock.advance(self.parts.configuration.loaded.settings.model.load_balance.health_check.timeout)
        self.assertIn("no answer within", self.successResultOf(asked).data["reason"])

    def test_client_leaves(self) -> None:
        """What nobody else waits for is given up."""
        asked = self.now("embedding", "e@http://f")
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual((self.asked.cancelled, self.asked.open), (1, {}))

    def test_could_not_ask(self) -> None:
        asked = self.now()
        self.asked.answer(NoVerdict("no ports"), "http://a")
        self.assertIn("no ports", str(self.failureResultOf(asked, NotPossible).value))

    def test_stopped(self) -> None:
        self.prober.stop()
        self.refused(NotPossible, "checkInstanceHealth", "chat", "m@http://a")

    def test_nowhere(self) -> None:
        for name in ("getInstanceHealth", "checkInstanceHealth"):
            self.refused(InstanceNotFound, name, "chat", "x")
