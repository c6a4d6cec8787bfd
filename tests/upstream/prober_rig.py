"""What the tests of the prober have in common: a probe that the test answers."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.config.settings.balancing import HealthCheckSettings
from jairouter.interfaces import IProbe
from jairouter.traffic.health import Health
from jairouter.traffic.instance import Instance
from jairouter.upstream.failures import CheckFailed
from jairouter.upstream.prober import SPREAD, Prober

REFUSED = CheckFailed("connection refused")


@implementer(IProbe)
class Asked:
    """A probe that is answered by the test.

    Attributes:
        times: When it was asked, and about which instance.
        open: The questions that are not answered yet, by base URL.
        cancelled: How many were given up.
        answers: What to say at once, by base URL.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.times: list[tuple[float, Instance]] = []
        self.open: dict[str, Deferred[None]] = {}
        self.cancelled = 0
        self.answers: dict[str, Exception | None] = {}

    def probe(self, instance: Instance) -> Deferred[None]:
        """See `IProbe.probe`."""
        self.times.append((self._clock.seconds(), instance))
        url = instance.base_url
        if url in self.open:
            raise AssertionError(f"{url} is asked while it is asked")
        asked = self.open[url] = Deferred(self._cancel)
        asked.addBoth(self._over, url)
        if url in self.answers:
            self.answer(self.answers[url], url)
        return asked

    def _cancel(self, _: Deferred[None]) -> None:
        self.cancelled += 1

    def _over(self, result: Any, url: str) -> Any:
        del self.open[url]
        return result

    def answer(self, error: Exception | None = None, url: str = "http://a") -> None:
        """Answer the question about a backend."""
        asked = self.open[url]
        if error is None:
            asked.callback(None)
        else:
            asked.errback(Failure(error))


def settings(**given: Any) -> HealthCheckSettings:
    """Checks every ten seconds, two of which decide; without jitter."""
    usual = {"enabled": True, "interval": 10.0, "jitter": 0.0, "timeout": 5.0}
    return HealthCheckSettings(**{**usual, "failure_threshold": 2, "success_threshold": 2, **given})


def instance(url: str = "http://a", name: str = "m", **given: Any) -> Instance:
    """One that is checked."""
    made = Instance("chat", name, url, label=f"{name}-1", **given)
    made.live.health = Health(2, 2)
    return made


def is_up(instance: Instance) -> bool:
    """What its probes say."""
    assert instance.live.health is not None
    return instance.live.health.up


class ProberCase(SynchronousTestCase):
    """A prober, and a probe that the test answers."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.asked = Asked(self.clock)
        self.made: list[HealthCheckSettings] = []
        self.prober = Prober(self.clock, Random(1), self.make)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(lambda: self.assertEqual(self.asked.open, {}))
        self.addCleanup(self.prober.stop)

    def make(self, settings: HealthCheckSettings) -> IProbe:
        self.made.append(settings)
        return self.asked

    def check(self, *instances: Instance, **given: Any) -> None:
        """Begin to check these, and get the first ones under way."""
        self.prober.watch({each: settings(**given) for each in instances})
        self.prober.start()
        self.clock.advance(SPREAD)

    def rounds(self, *answers: Exception | None) -> None:
        """The probe that is under way is answered so, and each of those that follow."""
        for each in answers:
            self.asked.answer(each)
            self.clock.advance(10)
