"""Tests for `jairouter.web.management.envelope`."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.faults import Fault, Origin
from jairouter.dates import date_of
from jairouter.errors import BadRequest, RequestTimeout, RequestTooLarge
from jairouter.refusals import InvalidConfiguration, NotFound, Refusal
from jairouter.web.management.endpoint import Reply
from jairouter.web.management.envelope import MOST_ERRORS, bad, good, refusal_of, refusals
from tests.web.management.examples import NOW

TIME = "2025-08-01T12:00:00.500Z"


class EnvelopeTests(SynchronousTestCase):
    """What answers look like."""

    def test_good(self) -> None:
        said = json.loads(good(Reply({"a": None}, "done"), NOW))
        self.assertEqual(said, {"success": True, "message": "done", "data": {"a": None}, "timestamp": TIME})

    def test_nothing_to_say(self) -> None:
        self.assertNotIn("data", json.loads(good(Reply(), NOW)))
        falsy: tuple[Any, ...] = ([], 0, False, "")
        for data in falsy:
            self.assertEqual(json.loads(good(Reply(data), NOW))["data"], data)

    def test_bad(self) -> None:
        said = json.loads(bad(NotFound("it is not there"), NOW))
        wanted = {"success": False, "message": "it is not there", "errorCode": "NOT_FOUND", "timestamp": TIME}
        self.assertEqual(said, wanted)

    def test_faults(self) -> None:
        faults = [Fault("too much", Origin("a.yml", 3), "a.b"), Fault("nothing", None, "")]
        said = json.loads(bad(InvalidConfiguration("no", faults), NOW))
        self.assertEqual(
            said["errors"],
            [{"path": "a.b", "message": "too much", "origin": "a.yml:3"}, {"message": "nothing"}],
        )

    def test_many_faults(self) -> None:
        faults = [Fault(str(each)) for each in range(MOST_ERRORS + 5)]
        said = json.loads(bad(InvalidConfiguration("no", faults), NOW))["errors"]
        self.assertEqual((len(said), said[-1]), (MOST_ERRORS + 1, {"message": "and 5 more"}))

    def test_half_characters(self) -> None:
        """They end nothing."""
        self.assertIn(b"a?b", good(Reply("a\ud800b"), NOW))

    def test_whole_second(self) -> None:
        self.assertEqual(date_of(1754049600), "2025-08-01T12:00:00.000Z")

    def test_bodies_that_did_not_come(self) -> None:
        for error, status in (
            (RequestTooLarge("x"), 413),
            (RequestTimeout("x"), 408),
            (BadRequest("x"), 400),
        ):
            refusal = refusal_of(error)
            self.assertEqual((refusal.status, refusals()[refusal.code]), (status, status))

    def test_codes(self) -> None:
        """One code has one status."""
        kinds = [Refusal]
        for kind in kinds:
            kinds += kind.__subclasses__()
            self.assertEqual(refusals()[kind.code], kind.status)
