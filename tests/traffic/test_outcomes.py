"""Tests for `jairouter.traffic.outcomes`: its table, line by line, and every error there is."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from jairouter import errors
from jairouter.errors import GatewayError, StreamCut, UpstreamRefusal
from jairouter.exchange import Outcome
from jairouter.traffic.outcomes import outcome_of_answer, outcome_of_error

OF_ERRORS = {
    "GatewayError": Outcome.NEUTRAL,
    "InternalError": Outcome.NEUTRAL,
    "BadRequest": Outcome.NEUTRAL,
    "RouteNotFound": Outcome.NEUTRAL,
    "ModelNotFound": Outcome.NEUTRAL,
    "MethodNotAllowed": Outcome.NEUTRAL,
    "RequestTimeout": Outcome.NEUTRAL,
    "RequestTooLarge": Outcome.NEUTRAL,
    "UriTooLong": Outcome.NEUTRAL,
    "UnsupportedMediaType": Outcome.NEUTRAL,
    "HeadersTooLarge": Outcome.NEUTRAL,
    "ClientGone": Outcome.ABANDONED,
    "UpstreamError": Outcome.FAILED,
    "UpstreamUnreachable": Outcome.FAILED,
    "UpstreamTimeout": Outcome.FAILED,
    "UpstreamRefusal": Outcome.FAILED,
    "StreamCut": Outcome.FAILED,
    "RateLimited": Outcome.NEUTRAL,
    "Unauthenticated": Outcome.NEUTRAL,
    "PermissionDenied": Outcome.NEUTRAL,
    "NoHealthyUpstream": Outcome.NEUTRAL,
    "PoolExhausted": Outcome.NEUTRAL,
    "NoRoom": Outcome.NEUTRAL,
    "DeadlineExceeded": Outcome.NEUTRAL,
    "ShuttingDown": Outcome.ABANDONED,
}


def kinds(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Every class of error that the gateway defines."""
    if of.__module__ == errors.__name__:
        yield of
    for each in of.__subclasses__():
        yield from kinds(each)


class OutcomeTests(SynchronousTestCase):
    """What an attempt's end says about the instance."""

    def test_errors(self) -> None:
        for kind in kinds():
            self.assertIn(kind.__name__, OF_ERRORS, "a new error: what does it say about the instance?")
            self.assertEqual(outcome_of_error(kind("why")), OF_ERRORS[kind.__name__], kind.__name__)

    def test_answers(self) -> None:
        for statuses, outcome in (
            (range(200, 300), Outcome.SUCCEEDED),
            (range(300, 400), Outcome.FAILED),
            ([429], Outcome.THROTTLED),
            ([status for status in range(400, 500) if status != 429], Outcome.NEUTRAL),
            (range(500, 600), Outcome.FAILED),
        ):
            for status in statuses:
                self.assertEqual(outcome_of_answer(status, None), outcome, str(status))

    def test_incomplete_answers(self) -> None:
        """What kept it from being complete counts, not the status with which it began."""
        self.assertEqual(outcome_of_answer(200, StreamCut("cut")), Outcome.FAILED)

    def test_refusals(self) -> None:
        """They count as the status that was meant."""
        for status, outcome in (
            (400, Outcome.NEUTRAL),
            (429, Outcome.THROTTLED),
            (500, Outcome.FAILED),
            (503, Outcome.FAILED),
        ):
            self.assertEqual(outcome_of_error(UpstreamRefusal("no", status=status)), outcome)
