"""Tests for `jairouter.auth.usage`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from jairouter.auth.keys import KeyRing
from jairouter.auth.usage import Usage, UsageAdding
from jairouter.caller import Caller, Kind
from jairouter.errors import GatewayError, RateLimited, StreamCut
from jairouter.interfaces import IRecorder
from jairouter.refusals import StoreUnavailable
from tests.auth.keyed import DAY, FRONTEND, PEPPER, KeyCase, settings
from tests.filters.inner import exchange

LIMITED = f"keys: [{{name: frontend, value: {FRONTEND}, requests-per-day: 5}}]"


class UsageCase(KeyCase):
    """Usage, and requests to be counted."""

    def record(self, status: int = 200, error: GatewayError | None = None, name: str = "frontend") -> None:
        asked = exchange()
        asked.known = Caller(name, Kind.KEY, frozenset())
        self.usage.record(asked, status, 0, error)

    def flush(self) -> None:
        self.successResultOf(self.usage.flush())

    def restart(self, text: str = LIMITED) -> None:
        """Another gateway, on the same document."""
        self.ring = KeyRing(PEPPER, self.today)
        self.ring.configure(settings(text))
        self.usage = Usage(self.usage_document, self.ring, self.today)

    def take(self) -> None:
        allowance = self.ring.authenticate(FRONTEND.encode()).allowance
        assert allowance is not None
        allowance.take("m", 0.0)

    def numbers(self) -> tuple[Any, ...]:
        told = self.usage.of("frontend")
        return told["total"], told["succeeded"], told["failed"], told["today"]


class CountTests(UsageCase):
    """What is counted."""

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.usage)

    def test_nothing(self) -> None:
        none = {"total": 0, "succeeded": 0, "failed": 0, "today": 0, "lastUsedAt": None}
        self.assertEqual(self.usage.of("frontend"), none)
        self.flush()
        self.assertEqual(self.usage_document.value, {})

    def test_outcomes(self) -> None:
        self.record()
        self.record(304)
        self.record(400)
        self.record(499)
        self.record(200, StreamCut("cut"))
        expected = {
            "total": 5,
            "succeeded": 2,
            "failed": 3,
            "today": 5,
            "lastUsedAt": "2026-01-01T00:00:00.000Z",
        }
        self.assertEqual(self.usage.of("frontend"), expected)
        self.flush()
        self.assertEqual(self.usage.of("frontend"), expected)

    def test_others(self) -> None:
        """Whoever is not known by a key is not counted, even with a key's name."""
        for known in (None, Caller("frontend", Kind.TOKEN, frozenset())):
            asked = exchange()
            asked.known = known
            self.usage.record(asked, 200, 0, None)
        self.assertEqual(self.numbers(), (0, 0, 0, 0))

    def test_midnight(self) -> None:
        self.record()
        self.flush()
        self.record()
        self.clock.advance(DAY)
        self.assertEqual(self.numbers(), (2, 2, 0, 0))
        self.record()
        self.assertEqual(self.numbers(), (3, 3, 0, 1))
        self.flush()
        self.assertEqual(self.numbers(), (3, 3, 0, 1))

    def test_key_that_is_gone(self) -> None:
        """Nothing is kept of one that nobody knows any more."""
        self.record(name="gone")
        self.flush()
        self.assertEqual(self.usage_document.value, {})

    def test_forgotten(self) -> None:
        self.record()
        self.flush()
        self.record()
        self.successResultOf(self.usage.forget(["frontend"]))
        self.assertEqual(self.numbers(), (0, 0, 0, 0))
        self.assertEqual(self.usage_document.value, {"usage": {}})


class SharedTests(UsageCase):
    """Gateways that share a document, and one that is started again."""

    def test_added_up(self) -> None:
        other = Usage(self.usage_document, self.ring, self.today)
        self.record()
        self.record()
        self.flush()
        self.usage, first = other, self.usage
        self.record(500)
        self.flush()
        self.assertEqual(self.numbers(), (3, 2, 1, 3))
        self.usage = first
        self.assertEqual(self.numbers(), (3, 2, 1, 3))

    def test_day_survives_a_restart(self) -> None:
        self.restart()
        for _ in range(4):
            self.take()
        self.flush()
        self.restart()
        self.take()
        self.assertRaises(RateLimited, self.take)

    def test_keys_that_are_known_later(self) -> None:
        """The document is read before the configuration is."""
        self.restart()
        for _ in range(5):
            self.take()
        self.flush()
        self.restart("keys: []")
        self.ring.configure(settings(LIMITED))
        self.assertRaises(RateLimited, self.take)

    def test_day_is_shared(self) -> None:
        """Each knows of the other what that has said."""
        self.restart()
        rings, usages = [self.ring], [self.usage]
        self.restart()
        rings.append(self.ring)
        usages.append(self.usage)
        for turn in (0, 1, 0, 1):
            self.ring, self.usage = rings[turn], usages[turn]
            self.take()
            self.flush()
        self.take()
        self.assertRaises(RateLimited, self.take)
        self.flush()
        self.ring = rings[0]
        self.assertRaises(RateLimited, self.take)
        self.clock.advance(DAY)
        self.take()

    def test_day_of_before(self) -> None:
        """What was let through before midnight, and is told after it, says nothing about today."""
        self.restart()
        usage, ring = self.usage, self.ring
        self.take()
        self.clock.advance(DAY)
        self.restart()
        for _ in range(5):
            self.take()
        self.flush()
        self.successResultOf(usage.flush())
        self.restart()
        self.assertRaises(RateLimited, self.take)
        self.ring = ring
        self.assertRaises(RateLimited, self.take)

    def test_clock_that_was_ahead(self) -> None:
        """What is charged on the right day counts all the same, though the document is of a later one."""
        self.restart()
        self.clock.advance(DAY)
        self.take()
        self.flush()
        self.clock.rightNow -= DAY
        for _ in range(5):
            self.take()
            self.flush()
        self.assertRaises(RateLimited, self.take)
        self.clock.advance(DAY)
        self.take()

    def test_damaged(self) -> None:
        """What is no number counts as none, and is mended."""
        every: tuple[Any, ...] = (
            None,
            5,
            [],
            {"frontend": 5},
            {"frontend": {"succeeded": -1, "lastUsedAt": 10**30}},
        )
        for bad in every:
            self.usage_document.value = {"usage": bad}
            self.assertEqual(self.numbers(), (0, 0, 0, 0))
            self.record()
            self.flush()
            self.assertEqual(self.numbers(), (1, 1, 0, 1))


class FlushTests(UsageCase):
    """When it is added, and what if it cannot be."""

    def test_failure(self) -> None:
        """Nothing is lost and nothing counted twice; it is said once."""
        self.restart()
        real = self.usage_document.change
        self.patch(self.usage_document, "change", lambda edit: fail(StoreUnavailable("no disk")))
        with capturedLogs() as said:
            for _ in range(3):
                self.take()
                self.record()
                self.flush()
        self.assertEqual(len([each for each in said if "no disk" in (formatEvent(each) or "")]), 1)
        self.assertEqual(self.numbers(), (3, 3, 0, 3))
        self.patch(self.usage_document, "change", real)
        self.flush()
        self.flush()
        self.assertEqual(self.numbers(), (3, 3, 0, 3))
        self.restart()
        self.take()
        self.take()
        self.assertRaises(RateLimited, self.take)

    def test_while_it_is_added(self) -> None:
        """What comes meanwhile is added next; what is being added is shown all the while."""
        real, waiting = self.usage_document.change, Deferred[None]()
        self.patch(self.usage_document, "change", lambda edit: waiting.addCallback(lambda _: real(edit)))
        self.record()
        first = self.usage.flush()
        self.record()
        self.assertEqual(self.numbers(), (2, 2, 0, 2))
        second = self.usage.flush()
        self.assertNoResult(second)
        self.assertEqual(self.numbers(), (2, 2, 0, 2))
        waiting.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.numbers(), (2, 2, 0, 2))

    def test_service(self) -> None:
        """Every half minute, and at the end."""
        service = UsageAdding(self.usage, self.clock)
        service.startService()
        self.record()
        self.clock.advance(29.9)
        self.assertEqual(self.usage_document.value, {})
        self.clock.advance(0.1)
        self.assertIn("frontend", self.usage_document.value["usage"])
        self.record()
        self.successResultOf(service.stopService())
        self.assertEqual(self.usage_document.value["usage"]["frontend"]["succeeded"], 2)
