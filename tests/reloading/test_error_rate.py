"""Tests for `jairouter.reloading.error_rate`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import (
    BadRequest,
    ClientGone,
    GatewayError,
    ModelNotFound,
    NoHealthyUpstream,
    RateLimited,
    ShuttingDown,
    StreamCut,
    UpstreamRefusal,
)
from jairouter.interfaces import IRecorder
from jairouter.reloading.error_rate import REMEMBERED, Counts, ErrorRate
from tests.filters.inner import exchange


class Rated(SynchronousTestCase):
    """A rate under a fake clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.25)
        self.rate = ErrorRate(self.clock.seconds)

    def record(self, status: int = 200, error: GatewayError | None = None, started: float = 0.0) -> None:
        """One request is over."""
        what = exchange()
        what.started = started or self.clock.seconds()
        self.rate.record(what, status, 0, error)


class FailedTests(Rated):
    """What counts as failed."""

    def counted(self, status: int, error: GatewayError | None = None) -> Counts:
        """What one request that ended so counts as."""
        before = self.rate.recent(1)
        self.record(status, error)
        after = self.rate.recent(1)
        return Counts(after.requests - before.requests, after.failed - before.failed)

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.rate)

    def test_answers(self) -> None:
        for status, failed in ((200, 0), (400, 0), (422, 0), (404, 1), (401, 1), (429, 1), (500, 1)):
            self.assertEqual(self.counted(status), (1, failed), status)

    def test_errors(self) -> None:
        errors: tuple[tuple[GatewayError, int], ...] = (
            (BadRequest("no JSON"), 0),
            (ModelNotFound("no such model"), 1),
            (RateLimited("too many"), 1),
            (NoHealthyUpstream("none"), 1),
            (UpstreamRefusal("too long", status=400), 0),
            (UpstreamRefusal("no valid key", status=401), 1),
        )
        for error, failed in errors:
            self.assertEqual(self.counted(error.status, error), (1, failed), error)

    def test_broken_after_it_began(self) -> None:
        """The client was told 200, and then no more."""
        self.assertEqual(self.counted(200, StreamCut("cut")), (1, 1))

    def test_says_nothing(self) -> None:
        for error in (ClientGone("gone"), ShuttingDown("stops")):
            self.assertEqual(self.counted(error.status, error), (0, 0), error)

    def test_fallback(self) -> None:
        """Whoever answers in place of all instances hides that they failed."""
        what = exchange()
        what.fallback = "static"
        self.rate.record(what, 200, 0, None)
        self.assertEqual(self.rate.recent(1), (1, 1))


class WindowTests(Rated):
    """What is remembered, and for how long."""

    def test_recent(self) -> None:
        for status in (200, 500, 500):
            self.record(status)
            self.clock.advance(1)
        self.assertEqual(self.rate.recent(2), (1, 1))
        self.assertEqual(self.rate.recent(4), (3, 2))

    def test_forgotten(self) -> None:
        self.record(500)
        self.clock.advance(REMEMBERED - 1)
        self.assertEqual(self.rate.recent(REMEMBERED), (1, 1))
        self.clock.advance(1)
        self.assertEqual(self.rate.recent(10 * REMEMBERED), (0, 0))

    def test_after_a_long_silence(self) -> None:
        """Nothing of what was there before is taken for new."""
        for _ in range(5):
            self.record(500)
            self.clock.advance(1)
        self.clock.advance(3 * REMEMBERED)
        self.record()
        self.assertEqual(self.rate.recent(REMEMBERED), (1, 0))

    def test_disowned(self) -> None:
        """Of all but the second in which the watch began, which is of both."""
        self.record(500)
        self.rate.watch(self.clock.seconds())
        self.record(500)
        self.clock.advance(5)
        self.record(500)
        self.rate.disown()
        self.assertEqual(self.rate.recent(60), (2, 2))
        self.rate.watch(self.clock.seconds())
        self.clock.advance(2 * REMEMBERED)
        self.record()
        self.rate.disown()
        self.assertEqual(self.rate.recent(REMEMBERED), (0, 0))

    def test_share(self) -> None:
        self.assertEqual(Counts().share, 0.0)
        self.assertEqual(Counts(8, 2).share, 0.25)


class WatchedTests(Rated):
    """Requests under a new version."""

    def test_nothing_is_watched(self) -> None:
        self.record(500)
        self.assertEqual(self.rate.watched, (0, 0))

    def test_older_ones_do_not_count(self) -> None:
        """They end on the configuration that they began with."""
        began = self.clock.seconds()
        self.clock.advance(5)
        self.rate.watch(self.clock.seconds())
        self.record(500, started=began)
        self.assertEqual(self.rate.watched, (0, 0))
        self.record(500)
        self.record(200)
        self.assertEqual(self.rate.watched, (2, 1))
        self.assertEqual(self.rate.recent(1), (3, 2))

    def test_each_version_anew(self) -> None:
        self.rate.watch(self.clock.seconds())
        self.record(500)
        self.rate.watch(self.clock.seconds())
        self.assertEqual(self.rate.watched, (0, 0))

    def test_unwatch(self) -> None:
        self.rate.watch(self.clock.seconds())
        self.rate.unwatch()
        self.record(500)
        self.assertEqual(self.rate.watched, (0, 0))
