"""Tests for `jairouter.filters.limit`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import RateLimited, StreamCut, UpstreamError
from jairouter.exchange import Answer, Exchange
from jairouter.filters.limit import Limit
from jairouter.interfaces import IResponder
from jairouter.traffic.permits import Ledger
from jairouter.web.routing_headers import added_lines
from tests.filters.inner import Inner, Sink, run
from tests.traffic.limited import asking, limits

HELD = "enabled: true, algorithm: concurrency, capacity: 1"
SHAPED = "enabled: true, algorithm: leaky-bucket, capacity: 2, rate: 2"


class LimitCase(SynchronousTestCase):
    """A filter under test, and requests to it."""

    def limit(self, everywhere: str = "", chat: str | None = None) -> None:
        self.clock, self.ledger, self.inner = Clock(), Ledger(), Inner()
        self.filter = Limit(self.inner, limits(everywhere, chat), self.ledger, self.clock)

    def ask(self, asked: Exchange | None = None) -> Deferred[Answer]:
        self.asked = asked or asking()
        return run(self.filter, self.asked)

    def refused(self, work: Deferred[Answer]) -> RateLimited:
        error = self.failureResultOf(work, RateLimited).value
        assert isinstance(error, RateLimited)
        return error

    def lent(self) -> int:
        return self.ledger.outstanding()["limit"]

    def told(self) -> dict[str, str]:
        lines = added_lines(self.asked, None).decode().splitlines()
        return dict(line.split(": ") for line in lines)

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AdmitTests(LimitCase):
    """Limits that a request only has to pass."""

    def test_interface(self) -> None:
        self.limit()
        verifyObject(IResponder, self.filter)

    def assert_not_between(self) -> None:
        coroutine: Any = self.filter.respond(asking())
        self.assertEqual(coroutine.__qualname__, "Inner.respond")
        coroutine.close()

    def test_nothing_applies(self) -> None:
        """Then nothing is added, and no coroutine of its own is between."""
        self.limit()
        self.assert_not_between()
        self.ask()
        self.assertEqual((len(self.inner.exchanges), self.told()), (1, {}))

    def test_passed(self) -> None:
        """There is no coroutine of its own here, either."""
        self.limit("enabled: true")
        self.assert_not_between()
        self.assertEqual(self.lent(), 0)

    def test_headers(self) -> None:
        """Of the limit of which least is left, beside those that somebody else added."""
        self.limit("enabled: true, capacity: 9, rate: 1", "capacity: 5, rate: 2")
        asked = asking()
        asked.added = ((b"x-other", b"1"),)
        self.ask(asked)
        expected = {
            "x-other": "1",
            "x-ratelimit-limit-requests": "5",
            "x-ratelimit-remaining-requests": "4",
            "x-ratelimit-reset-requests": "500ms",
        }
        self.assertEqual(self.told(), expected)

    def test_refused(self) -> None:
        """With the limit that was hit, and when it may be tried again."""
        self.limit("enabled: true, capacity: 100", "capacity: 1, rate: 0.01")
        self.ask()
        error = self.refused(self.ask())
        self.assertEqual(error.message, "the limit of the service chat is reached")
        self.assertAlmostEqual(error.retry_after or 0, 100.0)
        expected = {
            "x-ratelimit-limit-requests": "1",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1m40s",
        }
        self.assertEqual((self.told(), len(self.inner.exchanges)), (expected, 1))

    def test_again_in_time(self) -> None:
        """Whoever comes when it was told to is let through."""
        self.limit("enabled: true, capacity: 1, rate: 3")
        self.ask()
        self.clock.advance(self.refused(self.ask()).retry_after or 0)
        self.assertNoResult(self.ask())

    def test_no_key_is_told(self) -> None:
        for scope in ("caller", "client-ip"):
            self.limit(f"enabled: true, capacity: 1, rate: 0.01, scope: {scope}")
            for _ in range(2):
                work = self.ask(asking(key="sk-secret"))
            message = self.refused(work).message
            self.assertNotIn("secret", message)
            self.assertNotIn(self.asked.caller.hex(), message)
            self.assertNotIn(self.asked.request.client_ip, message)


class HoldTests(LimitCase):
    """Limits of how many may be under way."""

    def setUp(self) -> None:
        self.limit(HELD)
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
        body = self.answered()
        body.chunk(b"some")
        self.assertEqual((self.refused(self.ask()).retry_after, self.lent()), (1.0, 1))
        body.end()
        self.assert_free()

    def test_body_that_was_over(self) -> None:
        body = AnswerBody.of(b"all")
        body.take()
        self.inner.answer(body)
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
        self.assertEqual(self.inner.cancelled, 1)
        self.assert_free()

    def test_inner_that_raises_at_once(self) -> None:
        """Before there is a coroutine, even."""
        self.limit(HELD)

        def raises(exchange: Exchange) -> None:
            raise RuntimeError

        self.inner.on_respond = raises
        self.failureResultOf(self.ask(), RuntimeError)
        self.inner.on_respond = lambda exchange: None
        self.assert_free()

    def test_never_run(self) -> None:
        """Nothing is taken for a coroutine that is thrown away before it began."""
        self.limit(HELD)
        self.filter.respond(asking()).close()
        self.assert_free()

    def test_thrown_away(self) -> None:
        """The coroutine is closed where it waits."""
        self.limit(HELD)
        coroutine = self.filter.respond(asking())
        coroutine.send(None)
        coroutine.close()
        self.assert_free()

    def test_refused_by_another(self) -> None:
        """Then nothing is held."""
        self.limit(HELD, "algorithm: token-bucket, capacity: 1, rate: 0.01")
        self.ask()
        self.inner.answer(AnswerBody.of(b"")).take()
        self.refused(self.ask())
        self.assertEqual(self.lent(), 0)


class WaitTests(LimitCase):
    """Limits that shape."""

    def setUp(self) -> None:
        self.limit(SHAPED)
        self.first = self.ask()

    def test_first(self) -> None:
        """Goes on at once."""
        self.assertEqual((len(self.inner.exchanges), self.asked.waited), (1, 0.0))

    def test_waits_for_its_turn(self) -> None:
        self.ask()
        self.clock.advance(0.49)
        self.assertEqual((len(self.inner.exchanges), self.lent()), (1, 2))
        self.clock.advance(0.01)
        self.assertEqual((len(self.inner.exchanges), self.asked.waited), (2, 0.5))

    def test_queue_is_full(self) -> None:
        self.ask()
        self.ask()
        self.assertEqual(self.refused(self.ask()).retry_after, 0.5)
        self.clock.advance(1.0)

    def test_longest_of_several(self) -> None:
        self.limit(SHAPED, "rate: 1")
        self.ask()
        self.ask()
        self.clock.advance(0.9)
        self.assertEqual(len(self.inner.exchanges), 1)
        self.clock.advance(0.1)
        self.assertEqual((len(self.inner.exchanges), self.asked.waited), (2, 1.0))

    def test_client_leaves_while_it_waits(self) -> None:
        """Its place is free at once, and nothing is left of it."""
        works = [self.ask(), self.ask()]
        self.clock.advance(0.2)
        works[0].cancel()
        self.failureResultOf(works[0], CancelledError)
        self.assertEqual(self.lent(), 2)
        self.ask()
        self.clock.advance(0.3)
        self.assertEqual(len(self.inner.exchanges), 2)
        self.assertAlmostEqual(self.asked.waited, 0.3)
        self.clock.advance(0.5)

    def test_told_how_long_it_waited(self) -> None:
        """Also when it did not wait to the end."""
        work = self.ask()
        self.clock.advance(0.2)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assertAlmostEqual(self.asked.waited, 0.2)

    def test_held_until_the_last_byte(self) -> None:
        body = self.inner.answer()
        self.successResultOf(self.first)
        self.assertEqual(self.lent(), 1)
        body.abandon()
        self.assertEqual(self.lent(), 0)
