"""Tests for `jairouter.telemetry.metrics.tokens`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.exchange import Attempt, Exchange, Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.tokens import TokenMetrics
from jairouter.usage import Usage
from tests.filters.inner import instance
from tests.telemetry.metrics.shown import Values, end, over

MODEL = {"service": "chat", "model": "m"}
FIRST = "jairouter_time_to_first_token_seconds"
EACH = "jairouter_time_per_output_token_seconds"


class TokenTests(SynchronousTestCase):
    """Tokens and their times."""

    def setUp(self) -> None:
        self.value = Values()
        self.metrics = TokenMetrics(Families())
        self.value.registry.register(self.metrics)

    def record(self, what: Exchange) -> None:
        self.metrics.record(what, 200, 0, None)

    def tokens(self, kind: str, source: str = "reported") -> float | None:
        return self.value("jairouter_tokens_total", kind=kind, source=source, **MODEL)

    def stream(self, first_token: float, usage: Usage | None, seconds: float = 5.0) -> Exchange:
        what = over(seconds=seconds)
        what.attempt.first_token, what.attempt.usage = first_token, usage
        return what

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.metrics)

    def test_tokens(self) -> None:
        for usage in (Usage(100, 20, 64, 5), Usage(10, 2), Usage(7, 3, estimated=True)):
            self.record(self.stream(0.0, usage))
        kinds = ("prompt", "completion", "cached", "reasoning")
        self.assertEqual([self.tokens(kind) for kind in kinds], [110, 22, 64, 5])
        self.assertEqual([self.tokens(kind, "estimated") for kind in kinds], [7, 3, None, None])

    def test_models_that_are_gone_are_forgotten(self) -> None:
        """With the settings after those that no longer have them: by then Prometheus has read them."""
        self.record(self.stream(1.0, Usage(10, 2)))
        self.metrics.configure([("chat", "m")])
        self.metrics.configure([("chat", "other")])
        self.assertEqual(self.tokens("prompt"), 10)
        self.metrics.configure([("chat", "other")])
        self.assertIsNone(self.tokens("prompt"))
        for name in (FIRST, EACH):
            self.assertIsNone(self.value(f"{name}_sum", **MODEL))

    def test_all_attempts_cost(self) -> None:
        what = self.stream(0.0, Usage(10, 2))
        hedge = end(Attempt(instance(), lambda: 0.0), Outcome.ABANDONED)
        hedge.usage = Usage(10, 1, estimated=True)
        what.attempts.insert(0, hedge)
        self.record(what)
        self.assertEqual((self.tokens("prompt"), self.tokens("prompt", "estimated")), (10, 10))

    def test_first_token(self) -> None:
        """From when the request came, as its reader has waited."""
        what = self.stream(2.5, Usage(10, 1))
        what.started = 0.5
        self.record(what)
        self.assertEqual(self.value(f"{FIRST}_sum", **MODEL), 2.0)
        self.assertEqual(self.value(f"{EACH}_sum", **MODEL), None)

    def test_further_tokens(self) -> None:
        self.record(self.stream(1.0, Usage(10, 41)))
        self.assertEqual(self.value(f"{EACH}_sum", **MODEL), 0.1)

    def test_no_stream(self) -> None:
        self.record(self.stream(0.0, Usage(10, 41)))
        self.assertEqual((self.value(f"{FIRST}_count"), self.value(f"{EACH}_count")), (None, None))

    def test_nothing_is_known(self) -> None:
        """Not how many tokens there were; that there was a first one is."""
        self.record(self.stream(1.0, None))
        self.assertEqual((self.value(f"{FIRST}_count"), self.value(f"{EACH}_count")), (1, None))
        self.assertEqual(self.value("jairouter_tokens_total"), None)

    def test_nobody_was_asked(self) -> None:
        what = self.stream(1.0, None)
        what.attempts.clear()
        self.record(what)
        self.assertEqual(self.value(f"{FIRST}_count"), None)
