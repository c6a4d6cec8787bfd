"""Tests for `jairouter.web.management.limiters`."""

from __future__ import annotations

from typing import Any

from jairouter.refusals import ServiceNotFound
from jairouter.web.management import limiters
from tests.traffic.limited import admit, asking
from tests.traffic.looking import state
from tests.web.management.live_rig import LiveCase

LIMITS = """
security: {validation: {enabled: true, rate-limit: {enabled: true, scope: caller, capacity: 5, rate: 1}}}
model:
  rate-limit: {enabled: true, capacity: 10, rate: 1, client-ip-enable: true}
  services:
    chat:
      rate-limit: {algorithm: concurrency, capacity: 3, client-ip-enable: false}
      instances:
        - {name: m, base-url: "http://a", rate-limit: {algorithm: sliding-window, max-requests: 4}}
        - {name: m, base-url: "http://b"}
    embedding:
      rate-limit: {scope: key, key: shared}
      instances: [{name: e, base-url: "http://c"}]
    tts:
      rate-limit: {scope: model, algorithm: warm-up}
      instances: []
    stt:
      rate-limit: {scope: key, key: shared}
      instances: []
"""


class LimitersTests(LiveCase):
    """What is left."""

    configuration = LIMITS
    endpoints = staticmethod(limiters.endpoints)

    def by_place(self, service: str = "") -> dict[tuple[Any, ...], dict[str, Any]]:
        """Limits by where they are configured, what has a bucket of its own, and their key."""
        name = "getRateLimitsOfService" if service else "getRateLimits"
        shown = self.call(name, service)["limits"]
        self.assertEqual(len({(each["place"], each["scope"], each["key"]) for each in shown}), len(shown))
        return {(each["place"], each["scope"], each["key"]): each for each in shown}

    def use(self, times: int, **about: Any) -> None:
        """Let requests come."""
        for _ in range(times):
            admit(self.policies.limits, asking(**about), self.clock.seconds())

    def test_places(self) -> None:
        shown = self.by_place()
        self.assertEqual(
            {key: each["services"] for key, each in shown.items()},
            {
                ("security.validation.rate-limit", "caller", None): ["chat", "embedding", "tts", "stt"],
                ("model.rate-limit", "service", None): ["chat", "embedding", "tts", "stt"],
                ("model.rate-limit", "client-ip", None): ["chat", "embedding", "tts", "stt"],
                ("model.services.chat.rate-limit", "service", None): ["chat"],
                (None, "key", "shared"): ["embedding", "stt"],
                ("model.services.embedding.rate-limit", "client-ip", None): ["embedding"],
                ("model.services.tts.rate-limit", "model", None): ["tts"],
                ("model.services.tts.rate-limit", "client-ip", None): ["tts"],
                ("model.services.stt.rate-limit", "client-ip", None): ["stt"],
            },
        )

    def test_of_one_service(self) -> None:
        everywhere = self.by_place()
        shown = self.by_place("embeddings")
        self.assertEqual(
            shown, {key: each for key, each in everywhere.items() if "embedding" in each["services"]}
        )
        self.assertEqual(self.call("getRateLimitsOfService", "embedding")["instances"], [])
        self.refused(ServiceNotFound, "getRateLimitsOfService", "rerank")

    def test_one_bucket(self) -> None:
        self.use(2)
        shown = self.by_place()["model.rate-limit", "service", None]
        self.assertEqual((shown["algorithm"], shown["limit"], shown["remaining"]), ("token-bucket", 10, 8))
        self.assertEqual((shown["reset"], shown["underWay"], shown["buckets"]), (2.0, 0, None))

    def test_under_way(self) -> None:
        self.use(2)
        shown = self.by_place()["model.services.chat.rate-limit", "service", None]
        self.assertEqual((shown["algorithm"], shown["remaining"], shown["underWay"]), ("concurrency", 1, 2))

    def test_addresses(self) -> None:
        """The fullest ones first; those of which nothing is taken are not worth a line."""
        self.use(1, address="192.0.2.1")
        self.clock.advance(5)
        self.use(1, address="192.0.2.2")
        self.use(1, address="192.0.2.3")
        shown = self.by_place()["model.rate-limit", "client-ip", None]
        self.assertEqual((shown["buckets"], shown["limit"], shown["remaining"]), (3, 10, None))
        self.assertEqual([each["of"] for each in shown["fullest"]], ["192.0.2.3", "192.0.2.2"])
        self.assertEqual(shown["fullest"][0]["remaining"], 9)

    def test_callers(self) -> None:
        """Nothing is said of who they are."""
        self.use(2, key="sk-1")
        shown = self.by_place()["security.validation.rate-limit", "caller", None]
        self.assertEqual(shown["fullest"], [{"of": None, "limit": 5, "remaining": 3, "reset": 2.0}])

    def test_models(self) -> None:
        self.use(1, model="v", route="/audio/speech")
        shown = self.by_place()["model.services.tts.rate-limit", "model", None]
        self.assertEqual((shown["algorithm"], shown["fullest"][0]["of"]), ("warm-up", "tts/v"))

    def test_instances(self) -> None:
        limiter = self.live("http://a").limiter
        assert limiter is not None
        limiter.take(1000.0)
        (shown,) = self.call("getRateLimits")["instances"]
        self.assertEqual((shown["instanceId"], shown["algorithm"]), ("m@http://a", "sliding-window"))
        self.assertEqual((shown["limit"], shown["remaining"], shown["reset"]), (4, 3, 1.0))

    def test_changes_nothing(self) -> None:
        """Not even who will be forgotten first."""
        for address in ("192.0.2.1", "192.0.2.2"):
            self.use(1, address=address)
        self.clock.advance(1000)
        before = state(self.policies)
        self.call("getRateLimits")
        self.assertEqual(state(self.policies), before)
