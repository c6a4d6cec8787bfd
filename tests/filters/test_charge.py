"""Tests for `jairouter.filters.charge`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.auth.allowance import Allowance, Limits
from jairouter.body import AnswerBody
from jairouter.caller import Caller, Kind
from jairouter.errors import GatewayError, PermissionDenied, RateLimited, StreamCut, UpstreamError
from jairouter.exchange import Answer, Exchange
from jairouter.filters.charge import Charge
from jairouter.filters.limit import Limit
from jairouter.interfaces import IResponder, Quota
from jairouter.traffic.permits import Ledger
from tests.filters.inner import Inner, Sink, exchange, run
from tests.traffic.limited import limits


class ChargeCase(SynchronousTestCase):
    """A filter under test, and somebody who asks."""

    def setUp(self) -> None:
        self.clock, self.ledger, self.inner = Clock(), Ledger(), Inner()
        self.filter = Charge(self.inner, self.ledger, self.clock.seconds)

    def allow(self, **given: Any) -> None:
        self.allowance = Allowance(Limits(**given), self.clock.seconds)
        self.caller = Caller("k", Kind.KEY, frozenset(), (), self.allowance)

    def asking(self, model: str = "m") -> Exchange:
        self.asked = exchange(model=model)
        self.asked.known = self.caller
        return self.asked

    def ask(self, model: str = "m") -> Deferred[Answer]:
        return run(self.filter, self.asking(model))

    def refused(self, work: Deferred[Answer], kind: type[GatewayError] = RateLimited) -> GatewayError:
        error = self.failureResultOf(work, kind).value
        assert isinstance(error, GatewayError)
        return error

    def lent(self) -> int:
        return self.ledger.outstanding()["key"]


class PassingTests(ChargeCase):
    """Where nothing is lent."""

    def assert_not_between(self, asked: Exchange) -> None:
        coroutine: Any = self.filter.respond(asked)
        self.assertEqual(coroutine.__qualname__, "Inner.respond")
        coroutine.close()

    def test_interface(self) -> None:
        verifyObject(IResponder, self.filter)

    def test_nobody_is_known(self) -> None:
        self.assert_not_between(exchange())

    def test_no_allowance(self) -> None:
        self.caller = Caller("k", Kind.KEY, frozenset())
        self.assert_not_between(self.asking())
        self.assertIsNone(self.asked.quota)

    def test_nothing_to_give_back(self) -> None:
        self.allow(requests_per_minute=60)
        self.assert_not_between(self.asking())
        self.assertEqual((self.asked.quota, self.lent()), (Quota(60, 59, 1.0), 0))

    def test_refused(self) -> None:
        self.allow(requests_per_minute=1)
        self.ask()
        self.assertAlmostEqual(self.refused(self.ask()).retry_after or 0, 60.0)
        self.assertEqual(self.asked.quota, Quota(1, 0, 60.0))  # told with the refusal
        self.assertEqual(len(self.inner.exchanges), 1)

    def test_refused_a_place(self) -> None:
        self.allow(max_concurrent=1)
        self.ask()
        self.refused(self.ask())
        self.assertEqual(self.asked.quota, Quota(1, 0, 1.0))

    def test_model(self) -> None:
        """That it may not use, whether something is lent or not."""
        for lending in ({}, {"max_concurrent": 1}):
            self.allow(models=("a",), **lending)
            self.assertEqual(self.refused(self.ask("b"), PermissionDenied).param, "model")
            self.assertEqual(self.lent(), 0)
            self.assertNoResult(self.ask("a"))


class HoldTests(ChargeCase):
    """Where a place is lent."""

    def setUp(self) -> None:
        super().setUp()
        self.allow(max_concurrent=1)
        self.work = self.ask()

    def assert_free(self) -> None:
        self.assertEqual(self.lent(), 0)
        self.assertNoResult(self.ask())
        self.assertEqual(self.lent(), 1)

    def answered(self) -> AnswerBody:
        body = self.inner.answer()
        self.successResultOf(self.work)
        body.deliver(Sink())
        return body

    def test_held_until_the_last_byte(self) -> None:
        self.assertEqual(self.asked.quota, Quota(1, 0, 1.0))
        body = self.answered()
        body.chunk(b"some")
        self.assertEqual((self.refused(self.ask()).retry_after, self.lent()), (1.0, 1))
        body.end()
        self.assert_free()

    def test_body_that_breaks(self) -> None:
        self.answered().broke(StreamCut("cut"))
        self.assert_free()

    def test_body_that_nobody_wants(self) -> None:
        self.answered().abandon()
        self.assert_free()

    def test_errors(self) -> None:
        for error in (UpstreamError("refused"), RuntimeError("ours")):
            self.inner.fail(error)
            self.failureResultOf(self.work, type(error))
            self.assert_free()
            self.setUp()

    def test_client_left(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assert_free()

    def test_never_run(self) -> None:
        """Nothing is taken for a coroutine that is thrown away before it began."""
        self.answered().end()
        self.filter.respond(self.asking()).close()
        self.assert_free()

    def test_limit_that_goes(self) -> None:
        """While a request is under way: it is given back all the same, and once."""
        self.allowance.configure(Limits())
        self.ask()
        self.assertEqual(self.lent(), 1)
        self.answered().end()
        self.assertEqual(self.lent(), 0)
        self.allowance.configure(Limits(max_concurrent=1))
        self.assert_free()

    def test_limit_that_goes_before_it_runs(self) -> None:
        self.answered().end()
        coroutine = self.filter.respond(self.asking())
        self.allowance.configure(Limits())
        coroutine.send(None)
        self.assertEqual(self.lent(), 0)
        coroutine.close()

    def test_interleaved(self) -> None:
        """Places come back as answers end, in whatever order."""
        self.answered().end()
        self.allow(max_concurrent=3)
        works = [self.ask() for _ in range(3)]
        self.refused(self.ask())
        bodies = [self.inner.answer() for _ in works]
        for work, body in zip(works, bodies, strict=True):
            self.successResultOf(work)
            body.deliver(Sink())
        for left, body in zip((2, 1, 0), reversed(bodies), strict=True):
            body.end()
            self.assertEqual(self.lent(), left)


class QuotaTests(ChargeCase):
    """What is told where others have something to say, too."""

    def told(self, everywhere: str, **given: Any) -> Quota | None:
        self.allow(**given)
        self.filter = Charge(
            Limit(self.inner, limits(everywhere), self.ledger, self.clock), self.ledger, self.clock.seconds
        )
        self.ask()
        return self.asked.quota

    def test_key_may_do_less(self) -> None:
        told = self.told("enabled: true, capacity: 9, rate: 1", requests_per_minute=5)
        self.assertEqual(told, Quota(5, 4, 12.0))

    def test_everybody_may_do_less(self) -> None:
        told = self.told("enabled: true, capacity: 3, rate: 1", requests_per_minute=5)
        self.assertEqual(told, Quota(3, 2, 1.0))

    def test_only_models_are_limited(self) -> None:
        told = self.told("enabled: true, capacity: 3, rate: 1", models=("m",))
        self.assertEqual(told, Quota(3, 2, 1.0))

    def test_refused_by_limit(self) -> None:
        """Then its own is told."""
        self.told("enabled: true, capacity: 1, rate: 1", requests_per_minute=1, burst=2)
        self.refused(self.ask())
        self.assertEqual(self.asked.quota, Quota(1, 0, 1.0))
