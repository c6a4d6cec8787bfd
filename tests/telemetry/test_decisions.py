"""Tests for `jairouter.telemetry.decisions`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import NoHealthyUpstream, RateLimited, UpstreamError
from jairouter.exchange import Exchange
from jairouter.interfaces import Affinity, IDecisionLog, IRecorder
from jairouter.telemetry.decisions import DecisionLog
from jairouter.traffic.affinity import key_for
from jairouter.traffic.decision import Key
from jairouter.traffic.exclusion import Exclusion, Reason
from tests.filters.inner import attempted, exchange, group, instance

DOWN = ((instance(), Exclusion(Reason.DOWN)),)


class DecisionLogTests(SynchronousTestCase):
    """What is remembered of recent requests."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.log = DecisionLog(3, 0.5, self.clock.seconds)

    def ordinary(self, model: str = "m") -> Exchange:
        made = attempted()
        made.model = model
        return made

    def test_interfaces(self) -> None:
        verifyObject(IRecorder, self.log)
        verifyObject(IDecisionLog, self.log)

    def test_the_share_of_the_ordinary_ones(self) -> None:
        """Every second one, not two in a row now and then."""
        log = DecisionLog(100, 0.5, self.clock.seconds)
        kept = []
        for _ in range(6):
            log.record(self.ordinary(), 200, 1, None)
            kept.append(len(log.recent()))
        self.assertEqual(kept, [0, 1, 1, 2, 2, 3])

    def test_what_is_out_of_the_ordinary_always(self) -> None:
        log = DecisionLog(100, 0.0, self.clock.seconds)
        again, narrowed, failed, nobody = (self.ordinary() for _ in range(4))
        again.attempts.append(again.attempt)
        narrowed.attempt.excluded = DOWN
        nobody.attempts.clear()
        nobody.excluded = DOWN
        log.record(again, 200, 1, None)
        log.record(narrowed, 200, 1, None)
        log.record(failed, 502, 1, UpstreamError("x"))
        log.record(nobody, 503, 1, NoHealthyUpstream("x"))
        self.assertEqual([each.status for each in log.recent()], [503, 502, 200, 200])
        self.assertEqual(log.recent()[0].excluded, DOWN)

    def test_refusals_do_not_push_the_others_out(self) -> None:
        log = DecisionLog(100, 0.0, self.clock.seconds)
        log.record(exchange(), 429, 0, RateLimited("x"))
        self.assertEqual(log.recent(), ())

    def test_the_last_so_many_latest_first(self) -> None:
        log = DecisionLog(3, 1.0, self.clock.seconds)
        for number in range(5):
            log.record(self.ordinary(str(number)), 200, 1, None)
        self.assertEqual([each.model for each in log.recent()], ["4", "3", "2"])
        self.assertEqual([each.model for each in log.recent(1)], ["4"])
        self.assertEqual([each.model for each in log.recent(model="3")], ["3"])

    def test_what_is_kept(self) -> None:
        made = self.ordinary("x" * 1000)
        made.waited, made.fallback = 0.5, "cache"
        made.attempt.excluded = DOWN
        self.clock.advance(2)
        self.log.record(made, 200, 1, None)
        (kept,) = self.log.recent()
        self.assertEqual((kept.id, kept.path, kept.service), ("req_1", "/v1/chat/completions", "chat"))
        self.assertEqual((kept.model, kept.status, kept.error), ("x" * 100, 200, ""))
        self.assertEqual((kept.at, kept.seconds, kept.waited, kept.fallback), (0.0, 2.0, 0.5, "cache"))
        self.assertEqual(kept.attempts, made.attempts)

    def test_keys(self) -> None:
        """They are kept for balancers, if they are short, and are not shown."""
        made = self.ordinary()
        made.group, made.key = group(instance(), key_of=key_for(Affinity.CLIENT)), b"session-1"
        log = DecisionLog(3, 1.0, self.clock.seconds)
        log.record(made, 200, 1, None)
        made.key = b"x" * 257
        log.record(made, 200, 1, None)
        made.key = None
        log.record(made, 200, 1, None)
        none, long, kept = log.recent()
        self.assertEqual((none.key, long.key), (None, None))
        assert kept.key is not None
        self.assertEqual(kept.key.for_keys_of(key_for(Affinity.CLIENT)), b"session-1")
        self.assertIsNone(kept.key.for_keys_of(key_for(Affinity.PREFIX)))
        self.assertNotIn("session-1", repr(kept))

    def test_keys_of_one_header(self) -> None:
        """A configuration has makers of its own, and they make the same keys."""
        one, again, other = (key_for(Affinity.HEADER, header=name) for name in (b"X-A", b"x-a", b"x-b"))
        assert one is not None
        self.assertEqual(Key(b"k", one).for_keys_of(again), b"k")
        self.assertIsNone(Key(b"k", one).for_keys_of(other))
        self.assertIsNone(Key(b"k", one).for_keys_of(None))
