"""Tests for `jairouter.web.accepting`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.accepting import preferences, takes_gzip, wants_openmetrics
from tests.codec.properties import PROPERTY

PROMETHEUS = (
    b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    b"application/openmetrics-text;version=0.0.1;q=0.5,"
    b"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""What Prometheus 3 sends."""
OPENMETRICS = b"application/openmetrics-text"


class AcceptTests(SynchronousTestCase):
    """Which format."""

    def test_openmetrics(self) -> None:
        for accept in (
            PROMETHEUS,
            OPENMETRICS,
            OPENMETRICS + b"; version=1.0.0; charset=utf-8",
            OPENMETRICS.upper() + b' ; Version="1.0.0"',
            OPENMETRICS + b";q=0.5, text/plain;q=0.4",
            b"text/plain;q=0.4 , " + OPENMETRICS + b" ; q=0.5",
            OPENMETRICS + b", */*",
        ):
            self.assertTrue(wants_openmetrics(accept), accept)

    def test_text(self) -> None:
        for accept in (
            b"",
            b"*/*",
            b"text/html,application/xhtml+xml,*/*;q=0.8",
            b"text/plain",
            b"text/plain;version=0.0.4;q=0.5, " + OPENMETRICS + b";version=1.0.0;q=0.4",
            b"text/plain, " + OPENMETRICS,
            OPENMETRICS + b";q=0",
            OPENMETRICS + b";version=0.0.1",
            OPENMETRICS + b";version=2.0.0",
            OPENMETRICS + b";q=2",
            OPENMETRICS + b";q=nan",
            OPENMETRICS + b"x",
            b";q=1,,;;=,",
        ):
            self.assertFalse(wants_openmetrics(accept), accept)


class EncodingTests(SynchronousTestCase):
    """Whether a body is compressed."""

    def test_wanted(self) -> None:
        for encoding in (b"gzip", b"GZIP", b"deflate, gzip;q=0.5", b"*", b"x-gzip", b"gzip;q=0.001, *;q=0"):
            self.assertTrue(takes_gzip(encoding), encoding)

    def test_not_wanted(self) -> None:
        for encoding in (b"", b"identity", b"gzip;q=0", b"gzip; q=0.000", b"*;q=0", b"gzip;q=0, *", b"br"):
            self.assertFalse(takes_gzip(encoding), encoding)


class AnythingTests(SynchronousTestCase):
    """Whatever a client writes."""

    @PROPERTY
    @given(st.binary(max_size=60) | st.text('gzip;q=0.1,*/ ="', max_size=40).map(str.encode))
    def test_never_fails(self, header: bytes) -> None:
        for each in preferences(header):
            self.assertTrue(each.what)
            self.assertTrue(0 <= each.quality <= 1)
        wants_openmetrics(header)
        takes_gzip(header)

    def test_many_members(self) -> None:
        self.assertEqual(len(list(preferences(b"gzip," * 100_000))), 100)
