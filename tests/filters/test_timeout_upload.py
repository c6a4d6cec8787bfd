"""Tests for `jairouter.filters.timeout`: requests that are still arriving while they are sent on."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import DeadlineExceeded, UpstreamError, UpstreamTimeout
from jairouter.exchange import Phase
from jairouter.filters.timeout import PhaseLimits, Timeout
from jairouter.timers import TimerWheel
from jairouter.web.upload import Upload
from tests.filters.inner import Inner, Sink, Source, attempted, request, run
from tests.filters.test_timeout import LIMITS
from tests.web.test_upload import Connection


class UploadCase(SynchronousTestCase):
    """An attempt with a request body that is still arriving."""

    def setUp(self) -> None:
        self.start(LIMITS)

    def start(self, limits: PhaseLimits) -> None:
        self.clock = Clock()
        self.inner = Inner()
        timeout = Timeout(self.inner, TimerWheel(self.clock), limits)
        self.upload = Upload(Connection(), None)
        self.exchange = attempted(self.clock.seconds, request(body=self.upload))
        self.work = run(timeout, self.exchange)
        self.exchange.attempt.enter(Phase.SENDING)
        self.sent = self.exchange.body
        self.sent.start(Sink())

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)


class UploadTests(UploadCase):
    """Who is slow, the backend or the client?"""

    def test_client(self) -> None:
        """Then the backend has all the time there is."""
        self.pass_time(500)
        self.assertNoResult(self.work)
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(self.work, UpstreamError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_backend(self) -> None:
        """From when it takes no more."""
        self.pass_time(100)
        self.sent.pause()
        self.pass_time(9.8)
        self.assertNoResult(self.work)
        self.pass_time(0.5)
        self.failureResultOf(self.work, UpstreamTimeout)

    def test_backend_goes_on(self) -> None:
        self.sent.pause()
        self.pass_time(9)
        self.sent.resume()
        self.pass_time(100)
        self.assertNoResult(self.work)
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(self.work, UpstreamError)

    def test_total(self) -> None:
        """All of it took too long, but that says nothing about the instance."""
        self.start(PhaseLimits(total=40))
        self.pass_time(40.5)
        self.failureResultOf(self.work, DeadlineExceeded)

    def test_afterwards(self) -> None:
        """Another attempt finds the body as it was."""
        self.inner.fail(UpstreamError("refused"))
        self.failureResultOf(self.work, UpstreamError)
        self.assertIs(self.exchange.body, self.upload)


class EarlyAnswerTests(UploadCase):
    """The backend begins to answer before it has all of a long upload: the rest is not sent any more."""

    def setUp(self) -> None:
        super().setUp()
        self.pass_time(100)  # it is the client who is slow
        self.exchange.attempt.enter(Phase.RECEIVING)

    def test_time_for_the_first_event(self) -> None:
        """From when the answer began: the backend is not late because the upload took long."""
        self.pass_time(29.8)
        self.assertNoResult(self.work)
        self.pass_time(0.5)
        self.failureResultOf(self.work, UpstreamTimeout)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_event_within_it(self) -> None:
        self.pass_time(29)
        body = self.inner.answer(AnswerBody(Source()))
        self.successResultOf(self.work)
        body.deliver(Sink())
        body.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_client_leaves(self) -> None:
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
