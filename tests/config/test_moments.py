"""Tests for `jairouter.config.moments`."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.forms import Unfit
from jairouter.config.moments import Moment
from tests.fuzz.examples import examples

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z."""


class MomentTests(SynchronousTestCase):
    """How a point in time is written."""

    def test_dates(self) -> None:
        """A date is its beginning; without a zone it is UTC."""
        for text, expected in (
            ("2026-01-01", NOON - 43_200),
            ("2026-01-01T12:00", NOON),
            ("2026-01-01T12:00:00", NOON),
            ("2026-01-01 12:00:00", NOON),
            ("2026-01-01t12:00:00z", NOON),
            ("2026-01-01T12:00:00.250Z", NOON),
            ("2026-01-01T12:00:00,5Z", NOON),
            ("2026-01-01T12:00:00+02:00", NOON - 7200),
            ("2026-01-01 12:00:00 -0130", NOON + 5400),
            ("2026-01-01T12:00:00+02", NOON - 7200),
            (" 2026-01-01 ", NOON - 43_200),
            ("1970-01-01", 0.0),
        ):
            self.assertEqual(Moment().parse(text), expected, text)

    def test_typed_already(self) -> None:
        self.assertEqual(Moment().parse(NOON), NOON)

    def test_what_is_none(self) -> None:
        for value in (
            "",
            "tomorrow",
            "2026",
            "2026-1-1",
            "20260101",
            "2026-02-30",
            "2026-01-01T25:00",
            "2026-01-01T12:00.5",
            "2026-01-01T12:00:00+25:00",
            "1969-12-31",
            "9999-12-31T23:59:59-12:00",
            "2026-01-01T12:00:00Z; x",
            "٢٠٢٦-01-01",
            "1767268800",
            True,
            None,
            float("nan"),
            float("inf"),
            -1,
        ):
            self.assertRaises(Unfit, Moment().parse, value)

    @examples(40)
    @given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 58)))  # noqa: DTZ001 - the zone is added
    def test_read_again(self, when: datetime) -> None:
        """What is written is the same when it is read."""
        moment = Moment().parse(when.replace(tzinfo=UTC).isoformat())
        self.assertEqual(Moment().parse(Moment().render(moment)), moment)
