"""Tests for `jairouter.traffic.cool_down`."""

from __future__ import annotations

import os
import time

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import HeaderPairs
from jairouter.traffic.cool_down import CoolDown, retry_after
from jairouter.traffic.exclusion import Exclusion, Reason
from tests.filters.inner import instance, request

TODAY = 1445412480.0
"""Wed, 21 Oct 2015 07:28:00 GMT."""


class CoolDownTests(SynchronousTestCase):
    """For how long an instance rests."""

    def setUp(self) -> None:
        self.cool_down = CoolDown(2.0, 60.0, lambda: TODAY)
        self.instance = instance()

    def rest(self, headers: HeaderPairs = (), sent: HeaderPairs = ()) -> float:
        """Seconds after a 429 at the time 100; 0 for not at all."""
        self.cool_down.throttled(request(headers=sent), self.instance, headers, 100.0)
        why = self.instance.live.exclusion(100.0)
        if why is None:
            return 0.0
        self.assertIs(why.reason, Reason.COOLING)
        assert why.until is not None
        self.assertIsNone(self.instance.live.exclusion(why.until))
        return why.until - 100.0

    def test_as_it_says(self) -> None:
        self.assertEqual(self.rest(((b"Retry-After", b"7"),)), 7.0)

    def test_by_default(self) -> None:
        for headers in ((), ((b"Retry-After", b"soon"),)):
            self.assertEqual(self.rest(headers), 2.0)

    def test_no_longer_than(self) -> None:
        for seconds in (b"61", b"9" * 20):
            self.assertEqual(self.rest(((b"Retry-After", seconds),)), 60.0)

    def test_not_at_all(self) -> None:
        """It says 0, or it says nothing and the default is 0."""
        self.assertEqual(self.rest(((b"Retry-After", b"0"),)), 0.0)
        self.cool_down = CoolDown(0.0, 60.0, lambda: TODAY)
        self.assertEqual(self.rest(), 0.0)

    def test_the_client_s_own_key(self) -> None:
        """That one is asked to wait, and nobody else."""
        for name in (b"Authorization", b"api-key"):
            self.assertEqual(self.rest(sent=((name, b"k"),)), 0.0)

    def test_a_key_for_the_gateway(self) -> None:
        """The backend has not seen it: it throttles everybody."""
        self.assertEqual(self.rest(sent=((b"X-API-Key", b"k"),)), 2.0)

    def test_the_instance_s_key(self) -> None:
        self.instance = instance(headers=((b"X-Api-Key", b"own"),))
        self.assertEqual(self.rest(sent=((b"Authorization", b"k"),)), 2.0)

    def test_a_shorter_rest_does_not_end_a_longer_one(self) -> None:
        self.rest(((b"Retry-After", b"30"),))
        self.assertEqual(self.rest(((b"Retry-After", b"1"),)), 30.0)

    def test_clock_set_back(self) -> None:
        """By an hour: it does not rest for as long."""
        self.rest(((b"Retry-After", b"30"),))
        live = self.instance.live
        self.assertIsNone(live.exclusion(-3500.0))
        self.cool_down.throttled(request(), self.instance, (), -3500.0)
        self.assertEqual(live.exclusion(-3500.0), Exclusion(Reason.COOLING, -3498.0))


class RetryAfterTests(SynchronousTestCase):
    """What an answer may say."""

    def assert_told(self, expected: float | None, *headers: tuple[bytes, bytes]) -> None:
        self.assertEqual(retry_after(headers, TODAY), expected, headers)

    def test_nothing(self) -> None:
        self.assert_told(None, (b"Content-Type", b"text/plain"))

    def test_seconds(self) -> None:
        for text, seconds in ((b"0", 0.0), (b"120", 120.0), (b" 1.5 ", 1.5)):
            self.assert_told(seconds, (b"retry-after", text))

    def test_milliseconds_come_first(self) -> None:
        self.assert_told(0.25, (b"Retry-After", b"1"), (b"Retry-After-Ms", b"250"))
        self.assert_told(1.0, (b"Retry-After", b"1"), (b"Retry-After-Ms", b"soon"))

    def test_dates(self) -> None:
        for text, seconds in (
            (b"Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
            (b"Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
            (b"Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
            (b"Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
            (b"Tue, 20 Oct 2015 07:28:00 GMT", 0.0),
        ):
            self.assert_told(seconds, (b"Retry-After", text))

    def test_date_without_a_time_zone(self) -> None:
        """It is one of GMT, wherever the gateway runs."""
        old = os.environ.get("TZ")

        def restore() -> None:
            os.environ.pop("TZ", None) if old is None else os.environ.update(TZ=old)
            time.tzset()

        self.addCleanup(restore)
        os.environ["TZ"] = "JST-9"
        time.tzset()
        for end in (b"", b" -0000"):
            self.assert_told(30.0, (b"Retry-After", b"Wed, 21 Oct 2015 07:28:30" + end))

    def test_nonsense(self) -> None:
        for text in (b"", b"-5", b"1e3", b"nan", b"inf", b"1, 2", b"\xff", b"Wed, 99 Oct 2015 07:28:00 GMT"):
            self.assert_told(None, (b"Retry-After", text))
        self.assert_told(None, (b"Retry-After", b"1"), (b"Retry-After", b"2"))
