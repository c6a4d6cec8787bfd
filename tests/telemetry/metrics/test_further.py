"""Tests for `jairouter.telemetry.metrics.further`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import (
    ClientGone,
    GatewayError,
    InternalError,
    ShuttingDown,
    StreamCut,
    UpstreamRefusal,
    UpstreamTimeout,
)
from jairouter.exchange import Attempt, Exchange, Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.further import FurtherMetrics
from tests.filters.inner import instance
from tests.telemetry.metrics.shown import Values, end, over


def hedged(*, won: bool) -> Exchange:
    """Two attempts at a time; the one whose answer counts is last."""
    what = over()
    hedge = end(Attempt(instance(), lambda: 0.0), Outcome.SUCCEEDED if won else Outcome.ABANDONED)
    hedge.hedge = True
    what.attempts.insert(1 if won else 0, hedge)
    return what


class FurtherTests(SynchronousTestCase):
    """What comes after a first attempt."""

    def setUp(self) -> None:
        self.value = Values()
        self.metrics = FurtherMetrics(Families())
        self.value.registry.register(self.metrics)

    def record(self, what: Exchange, sent: int = 0, error: GatewayError | None = None) -> None:
        self.metrics.record(what, 200, sent, error)

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.metrics)

    def test_nothing(self) -> None:
        self.record(over(), 100)
        names = ("retries", "retries_denied", "hedges", "fallbacks", "streams_interrupted")
        self.assertEqual([self.value(f"jairouter_{name}_total") for name in names], [None] * 5)

    def test_retries(self) -> None:
        what = over()
        what.retried = ("503", "timeout", "503")
        self.record(what)
        self.assertEqual(self.value("jairouter_retries_total", service="chat", reason="503"), 2)
        self.assertEqual(self.value("jairouter_retries_total", service="chat", reason="timeout"), 1)

    def test_denied(self) -> None:
        what = over(Outcome.FAILED)
        what.not_retried = "budget"
        self.record(what)
        self.assertEqual(self.value("jairouter_retries_denied_total", service="chat", reason="budget"), 1)

    def test_hedges(self) -> None:
        self.metrics.configure(["chat"])
        found = []
        for won in (True, False, False):
            self.record(hedged(won=won))
            found.append([self.value("jairouter_hedges_total", result=each) for each in ("won", "lost")])
        self.assertEqual(found, [[1, 0], [1, 1], [1, 2]])

    def test_a_hedge_that_failed(self) -> None:
        """It has not won, even if it is what the client hears of because nobody has."""
        for outcome in (Outcome.FAILED, Outcome.THROTTLED):
            what = hedged(won=True)
            what.attempts[-1].outcome = outcome
            self.record(what)
        self.assertEqual(self.value("jairouter_hedges_total", result="lost"), 2)
        self.assertEqual(self.value("jairouter_hedges_total", result="won"), None)

    def test_several_attempts_are_no_hedges(self) -> None:
        what = over(Outcome.FAILED)
        what.attempts.append(end(Attempt(instance(), lambda: 0.0)))
        self.record(what)
        self.assertEqual(self.value("jairouter_hedges_total"), None)

    def test_fallbacks(self) -> None:
        """By their kinds: names of models would be too many series."""
        for word in ("model:other", "model:another", "static"):
            what = over(Outcome.FAILED)
            what.fallback = word
            self.record(what)
        self.assertEqual(self.value("jairouter_fallbacks_total", service="chat", kind="model"), 2)
        self.assertEqual(self.value("jairouter_fallbacks_total", service="chat", kind="static"), 1)

    def test_streams(self) -> None:
        """What a backend calls its own error is no label."""
        expected = {
            "client_gone": ClientGone("x"),
            "shutting_down": ShuttingDown("x"),
            "timeout": UpstreamTimeout("x"),
            "told_error": UpstreamRefusal("x", code="made-up"),
            "cut": StreamCut("x"),
            "other": InternalError("x"),
        }
        for error in expected.values():
            what = over()
            what.stream = True
            self.record(what, 100, error)
        found = {
            word: self.value("jairouter_streams_interrupted_total", service="chat", reason=word)
            for word in expected
        }
        self.assertEqual(found, dict.fromkeys(expected, 1))

    def test_what_has_not_begun_is_not_interrupted(self) -> None:
        what = over(Outcome.FAILED)
        self.record(what, 100, StreamCut("it is no stream"))
        what.stream = True
        self.record(what, 0, StreamCut("nothing was sent"))
        self.assertEqual(self.value("jairouter_streams_interrupted_total"), None)
        what.committed = True
        self.record(what, 0, StreamCut("comments were sent"))
        self.assertEqual(self.value("jairouter_streams_interrupted_total"), 1)
