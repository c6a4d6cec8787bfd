"""Tests of `jairouter.codec.ip_address`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.ip_address import LONGEST, parse_ip
from tests.fuzz.examples import examples

TEXTS = (
    ("192.0.2.1", "192.0.2.1"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::FFFF:C000:0201", "192.0.2.1"),
    ("::192.0.2.1", "::c000:201"),
    ("192.0.2.01", None),
    (" 192.0.2.1", None),
    ("192.0.2.1\n", None),
    ("fe80::1%1", None),
    ("::1%" + "x" * 10_000, None),
    ("-", None),
    ("", None),
)


class ParseTests(SynchronousTestCase):
    """One address, one text."""

    def test_table(self) -> None:
        for text, expected in TEXTS:
            found = parse_ip(text)
            self.assertEqual(None if found is None else str(found), expected, text)

    def test_longest(self) -> None:
        text = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"
        self.assertEqual(len(text), LONGEST)
        self.assertEqual(str(parse_ip(text)), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")

    @examples(80)
    @given(st.ip_addresses())
    def test_stays_what_it_is(self, address: object) -> None:
        once = parse_ip(str(address))
        self.assertEqual(parse_ip(str(once)), once)
