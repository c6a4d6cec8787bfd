"""What the tests of live state have in common: instances that nobody sends requests to, and a fake clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, cast

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import Loaded
from jairouter.interfaces import IDecisionLog
from jairouter.policies import Means, Policies, make_policies
from jairouter.telemetry.changes import Changes
from jairouter.traffic.live import Live
from jairouter.traffic.permits import Ledger
from jairouter.upstream.prober import Prober
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import Call, Endpoint, Reply, made
from jairouter.web.management.parts import Parts
from tests.config.reading import read
from tests.upstream.prober_rig import Asked

CONFIGURATION = """
model:
  circuit-breaker: {enabled: true, failure-threshold: 2, recovery-timeout: 30s}
  load-balance: {type: round-robin, health-check: {enabled: true, interval: 10s, jitter: 0}}
  services:
    chat:
      instances:
        - {name: m, base-url: "http://a", weight: 4}
        - {name: m, base-url: "http://${B:b}", instance-id: two}
        - {name: m, base-url: "http://c", priority: 1}
        - {name: n, base-url: "http://d", status: draining}
        - {name: off, base-url: "http://e", enabled: false}
    embedding:
      load-balance: {health-check: {enabled: false}}
      circuit-breaker: {enabled: false}
      instances: [{name: e, base-url: "http://f"}]
"""
TODAY = 1754049600.0
"""The first of August 2025 at noon, when the clock shows 1000."""


class Standing:
    """The configuration in force, as far as what is live needs it."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded


class LiveCase(SynchronousTestCase):
    """A configuration at work."""

    configuration = CONFIGURATION
    endpoints: Callable[[Parts], tuple[Endpoint, ...]]

    def setUp(self) -> None:
        self.clock, self.ledger = Clock(), Ledger()
        self.clock.advance(1000)
        self.asked = Asked(self.clock)
        self.prober = Prober(self.clock, Random(1), lambda settings: self.asked)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.prober.stop)
        self.standing = Standing(read(self.configuration))
        self.policies = self.make(None)
        self.prober.start()
        self.serve(None)

    def serve(self, decisions: IDecisionLog | None) -> None:
        """Make the endpoints.

        Args:
            decisions: Why recent requests went where they went.
        """
        self.parts = Parts(
            cast(Any, self.standing),
            lambda: self.policies,
            self.prober,
            decisions,
            self.clock.seconds,
            lambda: TODAY - 1000 + self.clock.seconds(),
        )
        self.all = {each.name: each for each in type(self).endpoints(self.parts)}

    def make(self, old: Policies | None) -> Policies:
        """What follows from the configuration."""
        means = Means(Random(0), self.clock.seconds, self.clock.seconds, self.ledger, Changes())
        made = make_policies(self.standing.loaded.settings, {}, means, old)
        self.prober.watch(made.checks)
        return made

    def reload(self, configuration: str) -> None:
        """Another one is in force."""
        self.standing.loaded = read(configuration)
        self.policies = self.make(self.policies)

    def live(self, label: str) -> Live:
        """What is known about an instance."""
        return next(
            each.live
            for models in self.policies.services.values()
            for group in models.values()
            for each in group.instances
            if label in (each.label, each.base_url)
        )

    def begin(self, name: str, path: Mapping[str, Any] | None = None, **query: Any) -> Deferred[Reply]:
        """Call an endpoint, whose reply is to be what it says."""
        endpoint = self.all[name]
        asked = {each.name: each.default for each in endpoint.in_query} | query
        call = Call(path or {}, asked, None, None, "alice")

        async def answer() -> Reply:
            reply = endpoint.answer(call)
            return made(reply if isinstance(reply, Reply) else await reply)

        def checked(reply: Reply) -> Reply:
            self.assertEqual([str(each) for each in check(reply.data, endpoint.data)], [])
            return reply

        return ensureDeferred(answer()).addCallback(checked)

    def call(self, name: str, service: str = "", instance: str = "", **query: Any) -> Any:
        """The data of a reply that comes at once."""
        given = {"serviceType": service, "instanceId": instance}
        path = {key: value for key, value in given.items() if value}
        return self.successResultOf(self.begin(name, path, **query)).data

    def refused(self, kind: type[Exception], name: str, service: str = "", instance: str = "") -> str:
        """Why a call is refused, as its endpoint says it may be."""
        path = {"serviceType": service, "instanceId": instance}
        failure = self.failureResultOf(self.begin(name, path), kind)
        code: str = cast(Any, failure.value).code
        self.assertIn(code, (*self.all[name].refusals, "INVALID_REQUEST"))
        return str(failure.value)
