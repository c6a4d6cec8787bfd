"""Tests for `jairouter.web.management.breakers`."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent

from jairouter.exchange import Outcome
from jairouter.refusals import InstanceNotFound, InvalidRequest, NotPossible, ServiceNotFound
from jairouter.web.management import breakers
from tests.traffic.lives import attempt
from tests.web.management.live_rig import LiveCase


class BreakersTests(LiveCase):
    """How they are."""

    endpoints = staticmethod(breakers.endpoints)

    def test_all(self) -> None:
        """Those too that have none, and those that are inactive."""
        shown = {each["instanceId"]: each for each in self.call("listCircuitBreakers")}
        self.assertEqual(shown["m@http://a"]["breaker"]["state"], "closed")
        self.assertEqual((shown["e@http://f"]["status"], shown["e@http://f"]["breaker"]), ("active", None))
        self.assertEqual(
            (shown["off@http://e"]["status"], shown["off@http://e"]["breaker"]), ("inactive", None)
        )
        self.assertEqual(shown["n@http://d"]["status"], "draining")
        self.assertEqual(self.call("monitorCircuitBreakers"), list(shown.values()))

    def test_closed(self) -> None:
        attempt(self.live("two"), Outcome.FAILED, 1000.0)
        shown = self.call("getCircuitBreaker", "chat", "two")["breaker"]
        self.assertEqual((shown["failuresInRow"], shown["since"], shown["openFor"]), (1, None, None))

    def test_window(self) -> None:
        self.reload(self.configuration.replace("failure-threshold: 2", "failure-rate-threshold: 50"))
        for outcome in (Outcome.FAILED, Outcome.SUCCEEDED, Outcome.SUCCEEDED):
            attempt(self.live("two"), outcome, 1000.0)
        shown = self.call("getCircuitBreaker", "chat", "two")["breaker"]
        self.assertEqual((shown["failures"], shown["attempts"]), (1, 3))

    def test_open(self) -> None:
        for _ in range(2):
            attempt(self.live("two"), Outcome.FAILED, 1000.0)
        self.clock.advance(12)
        shown = self.call("getCircuitBreaker", "chat", "two")["breaker"]
        self.assertEqual((shown["state"], shown["forced"], shown["openFor"]), ("open", False, 18.0))
        self.assertEqual((shown["since"], shown["opened"]), ("2025-08-01T12:00:00.000Z", 1))

    def test_half_open(self) -> None:
        """A trial that has brought nothing for too long has no place, and asking does not take it away."""
        for _ in range(2):
            attempt(self.live("two"), Outcome.FAILED, 1000.0)
        self.live("two").acquire(1030.0)
        self.clock.advance(40)
        shown = self.call("getCircuitBreaker", "chat", "two")["breaker"]
        self.assertEqual((shown["state"], shown["trials"], shown["openFor"]), ("half-open", 1, None))
        self.clock.advance(20)
        self.assertEqual(self.call("getCircuitBreaker", "chat", "two")["breaker"]["trials"], 0)
        self.assertFalse(self.ledger.at_rest)

    def test_by_any_name(self) -> None:
        label = next(iter(self.policies.services["chat"]["m"].instances)).label
        for name in ("m@http://a", label):
            self.assertEqual(self.call("getCircuitBreaker", "chat", name)["instanceId"], "m@http://a", name)
        for name in ("two", "m@two", "m@http://b", "m@http://${B:b}"):
            self.assertEqual(self.call("getCircuitBreaker", "chat", name)["label"], "two", name)

    def test_nowhere(self) -> None:
        self.refused(InstanceNotFound, "getCircuitBreaker", "chat", "three")
        self.refused(ServiceNotFound, "getCircuitBreaker", "tts", "two")
        self.refused(InvalidRequest, "getCircuitBreaker", "chess", "two")

    def test_reloaded_with_one_more(self) -> None:
        """The instance is found at its new place."""
        before = self.call("getCircuitBreaker", "chat", "two")
        self.reload(
            self.configuration.replace(
                "instances:\n", "instances:\n        - {name: m, base-url: 'http://z'}\n"
            )
        )
        self.assertEqual(self.call("getCircuitBreaker", "chat", "two"), before)


class ForcedTests(LiveCase):
    """By hand."""

    endpoints = staticmethod(breakers.endpoints)

    def test_open(self) -> None:
        """Until it is closed by hand, whatever time it is."""
        shown = self.call("forceOpenCircuitBreaker", "chat", "two")
        self.assertEqual((shown["breaker"]["state"], shown["breaker"]["forced"]), ("open", True))
        self.assertEqual((shown["breaker"]["openFor"], shown["changed"]), (None, True))
        self.clock.advance(1e6)
        self.assertIsNotNone(self.live("two").exclusion(self.clock.seconds()))

    def test_open_again(self) -> None:
        self.call("forceOpenCircuitBreaker", "chat", "two")
        self.assertFalse(self.call("forceOpenCircuitBreaker", "chat", "two")["changed"])

    def test_open_that_was_open(self) -> None:
        """From now on by hand."""
        for _ in range(2):
            attempt(self.live("two"), Outcome.FAILED, 1000.0)
        self.assertTrue(self.call("forceOpenCircuitBreaker", "chat", "two")["changed"])

    def test_close(self) -> None:
        self.call("forceOpenCircuitBreaker", "chat", "two")
        shown = self.call("forceCloseCircuitBreaker", "chat", "two")
        self.assertEqual((shown["breaker"]["state"], shown["breaker"]["forced"]), ("closed", False))
        self.assertTrue(shown["changed"])
        self.assertIsNone(self.live("two").exclusion(self.clock.seconds()))
        self.assertFalse(self.call("forceCloseCircuitBreaker", "chat", "two")["changed"])

    def test_survives_a_reload(self) -> None:
        self.call("forceOpenCircuitBreaker", "chat", "two")
        self.reload(self.configuration.replace("failure-threshold: 2", "failure-threshold: 3"))
        shown = self.call("getCircuitBreaker", "chat", "two")["breaker"]
        self.assertEqual((shown["state"], shown["forced"]), ("open", True))
        self.assertIsNotNone(self.live("two").exclusion(self.clock.seconds()))

    def test_logged_with_who(self) -> None:
        with capturedLogs() as events:
            self.call("forceOpenCircuitBreaker", "chat", "two")
            self.call("forceCloseCircuitBreaker", "chat", "two")
        told = [formatEvent(each) for each in events if each["log_namespace"].startswith(breakers.__name__)]
        self.assertEqual(
            told, [f"instance two: breaker {verb} by hand, by alice" for verb in ("opened", "closed")]
        )

    def test_not_possible(self) -> None:
        for verb in ("forceOpenCircuitBreaker", "forceCloseCircuitBreaker"):
            self.assertIn("no circuit breaker", self.refused(NotPossible, verb, "embedding", "e@http://f"))
            self.assertIn("inactive", self.refused(NotPossible, verb, "chat", "off@http://e"))
